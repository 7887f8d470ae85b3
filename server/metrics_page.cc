#include "server/metrics_page.h"

#include <functional>
#include <string_view>

#include "server/process_stats.h"
#include "server/version.h"

namespace flotilla::server {
namespace {

using Replica = node::ReplicaStatus;

struct ReplicaFamily {
  std::string_view name;
  std::string_view help;
  double (*value)(const Replica& replica);
};

double Count(uint64_t value) { return static_cast<double>(value); }

constexpr ReplicaFamily kReplicaFamilies[] = {
    {"flotilla_raft_has_leader", "Whether the replica knows a leader.",
     [](const Replica& r) { return r.raft.leader.node.is_none() ? 0.0 : 1.0; }},
    {"flotilla_raft_is_leader", "Whether the replica leads.",
     [](const Replica& r) { return r.raft.role == raft::Role::kLeader ? 1.0 : 0.0; }},
    {"flotilla_raft_term", "The replica's term.",
     [](const Replica& r) { return Count(r.raft.term.value()); }},
    {"flotilla_raft_commit_index", "The last index known to be committed.",
     [](const Replica& r) { return Count(r.raft.commit.value()); }},
    {"flotilla_raft_applied_index", "The last index that is applied.",
     [](const Replica& r) { return Count(r.raft.applied.value()); }},
    {"flotilla_raft_log_entries", "Entries in the replica's log.",
     [](const Replica& r) {
       return Count(r.raft.last_index.value() + 1 - r.raft.first_index.value());
     }},
    {"flotilla_raft_pending_writes", "Writes that wait for their answer.",
     [](const Replica& r) { return Count(r.pending_writes); }},
    {"flotilla_raft_pending_reads", "Reads that wait for their answer.",
     [](const Replica& r) { return Count(r.pending_reads); }},
    {"flotilla_storage_bytes", "Bytes of the replica's engine.",
     [](const Replica& r) { return Count(r.engine_bytes); }},
    {"flotilla_storage_durable_index", "The last index that the engine has durable by itself.",
     [](const Replica& r) { return Count(r.engine_durable.value()); }},
    {"flotilla_replica_failed", "Whether the replica stopped itself.",
     [](const Replica& r) { return r.failed ? 1.0 : 0.0; }},
};

void WriteGauge(PrometheusWriter& writer, std::string_view name, std::string_view help,
                double value) {
  writer.Family(name, "gauge", help);
  writer.Sample(name, {}, value);
}

void WriteNode(PrometheusWriter& writer, const StatusReport& report) {
  const node::NodeStatus& status = report.status;
  WriteGauge(writer, "flotilla_node_ready", "Whether requests should be sent to this node.",
             report.ready ? 1 : 0);
  WriteGauge(writer, "flotilla_node_connected_peers", "Peers that this node is connected to.",
             Count(status.connected.size()));
  WriteGauge(writer, "flotilla_log_bytes", "Bytes of the write-ahead log.",
             Count(status.log.bytes));
  WriteGauge(writer, "flotilla_log_queued_bytes", "Bytes that wait to be written to the log.",
             Count(status.log.queued_bytes));
  WriteGauge(writer, "flotilla_log_disk_full", "Whether writes are refused for want of space.",
             status.log.disk_full ? 1 : 0);
  WriteGauge(writer, "flotilla_directory_map_version",
             "Version of the shard map that this node knows.", Count(status.directory.map_version));
  WriteGauge(writer, "flotilla_directory_nodes", "Nodes that the directory lists.",
             Count(status.directory.nodes.size()));
  WriteGauge(writer, "flotilla_directory_steps",
             "Moves and splits under way; known to the node that leads the directory.",
             Count(status.directory.under_way.size()));
  for (const ReplicaFamily& family : kReplicaFamilies) {
    if (status.replicas.empty()) break;
    writer.Family(family.name, "gauge", family.help);
    for (const Replica& replica : status.replicas) {
      writer.Sample(family.name, {{"shard", ToString(replica.shard)}}, family.value(replica));
    }
  }
}

void WriteProcess(PrometheusWriter& writer) {
  const ProcessStats stats = ReadProcessStats();
  writer.Family("process_cpu_seconds_total", "counter", "CPU time of the process.");
  writer.Sample("process_cpu_seconds_total", {}, stats.cpu_seconds);
  WriteGauge(writer, "process_resident_memory_bytes", "Memory of the process.",
             Count(stats.resident_bytes));
  WriteGauge(writer, "process_open_fds", "Open file descriptors.", Count(stats.open_descriptors));
  WriteGauge(writer, "process_max_fds", "The limit of file descriptors.",
             Count(stats.max_descriptors));
  WriteGauge(writer, "process_start_time_seconds", "When the process started, since the epoch.",
             stats.start_time_seconds);
}

}  // namespace

std::string MetricsPage(const MetricsRegistry& registry, const StatusBoard& board) {
  PrometheusWriter writer;
  writer.Family("flotilla_build_info", "gauge", "The version; always 1.");
  writer.Sample("flotilla_build_info", {{"version", std::string(Version())}}, 1);
  if (const auto report = board.Latest()) WriteNode(writer, *report);
  WriteProcess(writer);
  return registry.PrometheusText() + writer.Take();
}

}  // namespace flotilla::server
