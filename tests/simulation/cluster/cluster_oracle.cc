#include "tests/simulation/cluster/cluster_oracle.h"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <variant>

#include "node/envelope.h"
#include "tests/simulation/cluster/watched_engine.h"
#include "tests/simulation/cluster/watched_transport.h"

namespace flotilla::simulation {

namespace {

// A replica's state is in .../SHARD/GENERATION.
ShardId ShardOfFolder(std::string_view folder) {
  const std::string_view parent = folder.substr(0, folder.rfind('/'));
  const std::string_view name = parent.substr(parent.rfind('/') + 1);
  uint64_t shard = 0;
  std::from_chars(name.data(), name.data() + name.size(), shard);
  return ShardId(shard);
}

// The term that a member was in when it made the message; within it, candidacies come first.
std::pair<uint64_t, bool> MomentOf(const raft::Message& message) {
  const auto* request = std::get_if<raft::VoteRequest>(&message.body);
  const uint64_t term = message.term.value();
  if (request == nullptr) return {term, true};
  return {request->pre ? term - 1 : term, false};
}

}  // namespace

ClusterOracle::ClusterOracle(SimWorld& world, StatusOf status_of, RunRecord& record)
    : world_(world), status_of_(std::move(status_of)), record_(record) {}

std::unique_ptr<node::PeerTransport> ClusterOracle::Watch(NodeIndex machine,
                                                          node::PeerTransport& transport) {
  return std::make_unique<WatchedTransport>(
      transport, [this, machine](std::string_view bytes) { OnSent(machine, bytes); });
}

std::unique_ptr<storage::EngineSource> ClusterOracle::Watch(
    NodeIndex machine, std::unique_ptr<storage::EngineSource> engines) {
  WatchedEngineSource::Watcher watcher{
      .at = [this, machine](
                const std::string& folder, LogIndex index,
                uint64_t hash) { OnState(machine, ShardOfFolder(folder), index, hash); },
      .backwards =
          [this, machine](const std::string& folder, LogIndex from, LogIndex to) {
            record_.Fail("machine " + std::to_string(machine) + ", " + folder +
                         ": the applied state goes back from index " + ToString(from) + " to " +
                         ToString(to));
          }};
  return std::make_unique<WatchedEngineSource>(std::move(engines), std::move(watcher));
}

void ClusterOracle::OnSent(NodeIndex machine, std::string_view envelope) {
  const absl::Status read =
      node::ReadEnvelope(envelope, MonoTime(), [this, machine](const node::PeerItem& item) {
        if (const auto* order = std::get_if<node::ShardOrder>(&item)) on_order_(machine, *order);
        const auto* message = std::get_if<raft::Message>(&item);
        if (message == nullptr) return;
        if (sent_.empty()) world_.AtEndOfEvent([this] { JudgeSent(); });
        sent_.push_back(*message);
      });
  if (!read.ok()) record_.Fail("a node sends what no node can read: " + read.ToString());
}

void ClusterOracle::JudgeSent() {
  std::vector<raft::Message> sent = std::exchange(sent_, {});
  // One turn of a node may send what it has collected over several terms, sorted by peer and
  // channel: back to the order in which a member can have said it.
  std::stable_sort(sent.begin(), sent.end(), [](const raft::Message& a, const raft::Message& b) {
    return MomentOf(a) < MomentOf(b);
  });
  for (const raft::Message& message : sent) {
    const auto status_of = [this, shard = message.group](const raft::Member& member) {
      auto status = status_of_(member.node, shard);
      return status.has_value() && status->self == member ? status : std::nullopt;
    };
    groups_.try_emplace(message.group, message.group, status_of, record_)
        .first->second.OnSent(message);
  }
}

void ClusterOracle::OnDiskLost(NodeId node) {
  for (auto& [shard, group] : groups_) group.OnDiskLost(node);
}

void ClusterOracle::OnState(NodeIndex machine, ShardId shard, LogIndex index, uint64_t hash) {
  const auto [state, added] = states_.try_emplace({shard, index}, State{hash, machine});
  if (added) return;
  if (state->second.machine != machine) record_.Mark("oracle.states_compared");
  if (state->second.hash == hash) return;
  std::ostringstream os;
  os << "shard " << shard << ": the states of machines " << state->second.machine << " and "
     << machine << " differ at index " << index;
  record_.Fail(os.str());
}

}  // namespace flotilla::simulation
