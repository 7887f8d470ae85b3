#include "tests/simulation/sweep_summary.h"

#include <algorithm>
#include <iomanip>
#include <sstream>

namespace flotilla::simulation {

namespace {

constexpr std::string_view kRaftMarks[] = {
    "nemesis.clock",
    "nemesis.died_at_network_call",
    "nemesis.kill",
    "nemesis.partition",
    "nemesis.partition.chain",
    "nemesis.partition.leaders_alone",
    "nemesis.partition.swizzle",
    "nemesis.power_off",
    "nemesis.stall",
    "network.connection_gone",
    "network.held",
    "network.lost",
    "network.over_capacity",
    "network.overtaken",
    "network.replayed",
    "raft.change_proposed",
    "raft.compacted",
    "raft.entries_fetched",
    "raft.leader_elected",
    "raft.proposed",
    "raft.read_confirmed",
    "raft.replica_created",
    "raft.replica_removed",
    "raft.snapshot_installed",
    "raft.suffix_replaced",
    "raft.transfer",
};

constexpr std::string_view kClusterMarks[] = {
    "atlas.beyond",
    "atlas.wiped",
    "check.keys",
    "client.answer_replayed",
    "client.batch",
    "client.batch_refused",
    "client.info",
    "client.message_of_many",
    "client.ok",
    "client.outcome_unknown",
    "client.range_deleted",
    "client.read_across_shards",
    "client.read_many",
    "client.retried",
    "client.scan_resumed",
    "client.session_lost",
    "client.stale_read",
    "client.stale_read_many",
    "client.transaction",
    "cluster.any_replica_read",
    "cluster.fatal",
    "cluster.leader_elected",
    "cluster.duty_changed",
    "cluster.membership_changed",
    "cluster.node_forgotten",
    "cluster.split_by_load",
    "cluster.split_by_size",
    "cluster.operation_asked_for",
    "cluster.operation_cancelled",
    "cluster.operation_cancelling",
    "cluster.operation_failed",
    "cluster.operation_resumed",
    "cluster.operation_succeeded",
    "cluster.order_recorded",
    "cluster.step_begun",
    "cluster.replica_failed",
    "cluster.states_compared",
    "cluster.transferred",
    "disk.changed_read",
    "disk.latent_error",
    "disk.misdirected",
    "disk.name_lost",
    "disk.no_space",
    "disk.read_error",
    "disk.short_write",
    "disk.sync_failed",
    "disk.torn",
    "disk.unsynced_lost",
    "log.replica_removed",
    "log.replica_repair_step",
    "log.shard_split made of a draft",
    "log.shard_split made of the state",
    "log.snapshot_installed",
    "log.snapshot_receive_queued",
    "log.snapshot_send_paused",
    "log.snapshot_send_queued",
    "log.snapshot_send_resumed",
    "log.snapshot_send_throttled",
    "log.step_begun for balance of load",
    "nemesis.clock",
    "nemesis.crash_at_line",
    "nemesis.cut_at_snapshot",
    "nemesis.died_at_disk_call",
    "nemesis.died_at_network_call",
    "nemesis.kill",
    "nemesis.partition",
    "nemesis.partition.chain",
    "nemesis.partition.leaders_alone",
    "nemesis.partition.swizzle",
    "nemesis.power_off",
    "nemesis.stall",
    "network.connection_gone",
    "network.held",
    "network.lost",
    "network.over_capacity",
    "network.overtaken",
    "network.replayed",
    "oracle.acknowledged",
    "oracle.committed",
    "oracle.configuration_checked",
    "oracle.election_checked",
    "oracle.own_term_checked",
    "oracle.quorum_checked",
    "oracle.states_compared",
    "oracle.vote",
};

double Seconds(Duration time) { return static_cast<double>(time.count()) * 1e-9; }

}  // namespace

std::span<const std::string_view> RequiredRaftMarks() { return kRaftMarks; }
std::span<const std::string_view> RequiredClusterMarks() { return kClusterMarks; }

void SweepSummary::Add(const RunResult& result) {
  ++seeds;
  if (result.replayed) ++replayed;
  if (result.nondeterministic) ++nondeterministic;
  events += result.events;
  ops += result.ops;
  acked += result.acked;
  faults += result.faults;
  virtual_time += result.virtual_time;
  for (const auto& [name, count] : result.marks) marks[name] += count;
  if (result.failed()) failures.push_back({.seed = result.seed, .what = result.failure});
}

uint64_t SweepSummary::Count(std::string_view mark) const {
  const auto it = marks.find(std::string(mark));
  return it == marks.end() ? 0 : it->second;
}

std::vector<std::string_view> SweepSummary::Missing(
    std::span<const std::string_view> required) const {
  std::vector<std::string_view> missing;
  std::copy_if(required.begin(), required.end(), std::back_inserter(missing),
               [this](std::string_view mark) { return Count(mark) == 0; });
  return missing;
}

std::string SweepSummary::DescribeMarks(std::span<const std::string_view> required) const {
  std::ostringstream os;
  for (const auto& [name, count] : marks) os << std::setw(12) << count << "  " << name << '\n';
  for (const std::string_view name : Missing(required)) os << "       never  " << name << '\n';
  return os.str();
}

std::string SweepSummary::ToJson(std::span<const std::string_view> required) const {
  std::ostringstream os;
  os << std::fixed << std::setprecision(1) << "{\"seeds\":" << seeds
     << ",\"failed\":" << failures.size() << ",\"unknown\":" << Count("check.unknown")
     << ",\"nondeterministic\":" << nondeterministic << ",\"replayed\":" << replayed
     << ",\"ops\":" << ops << ",\"acked\":" << acked
     << ",\"crashes\":" << Count("nemesis.power_off") + Count("nemesis.kill")
     << ",\"partitions\":" << Count("nemesis.partition")
     << ",\"elections\":" << Count("cluster.leader_elected") + Count("raft.leader_elected")
     << ",\"simulated_s\":" << Seconds(virtual_time) << ",\"wall_s\":" << Seconds(wall_time)
     << ",\"core_s\":" << Seconds(core_time)
     << ",\"marks_hit\":" << required.size() - Missing(required).size()
     << ",\"marks_required\":" << required.size() << '}';
  return os.str();
}

}  // namespace flotilla::simulation
