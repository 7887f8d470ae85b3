// Replicas are moved, added and taken away: operations that the directory records and the cluster
// carries out, whatever becomes of who asked for them.
#include <algorithm>
#include <string>
#include <utility>

#include "client/shard_admin.h"

namespace flotilla::client {

namespace {

std::string Name(const ClusterOperation& operation) {
  return "operation " + std::to_string(operation.operation_id) + ", " + operation.what;
}

// "operation 7, move shard 3 from node 1 to node 4: 34 of 100 bytes"
std::string Describe(const ClusterOperation& operation) {
  const TransferProgress& progress = operation.progress;
  std::string text = Name(operation) + ": ";
  if (operation.state != "running") return text + operation.state;
  if (progress.bytes_done < progress.bytes_total) {
    return text + std::to_string(progress.bytes_done) + " of " +
           std::to_string(progress.bytes_total) + " bytes";
  }
  if (progress.entries_behind == 0) return text + "running";
  return text + std::to_string(progress.entries_behind) + " entries behind";
}

Status ResultOf(const ClusterOperation& operation) {
  if (operation.state == "succeeded") return Status();
  const bool cancelled = operation.state == "cancelled";
  const std::string why = operation.reason.empty() ? "" : ": " + operation.reason;
  return Status(cancelled ? StatusCode::kCancelled : StatusCode::kAborted,
                Name(operation) + (cancelled ? ", was cancelled" : ", has failed") + why);
}

// What the shard's leader says now.
bool IsReached(const ReplicaChange& change, const ShardStatus& shard) {
  bool comes = change.to == 0;
  bool gone = true;
  for (const ShardReplica& replica : shard.replicas) {
    if (replica.node_id == change.to) comes = replica.role != "learner";
    if (replica.node_id == change.from) gone = false;
  }
  return comes && gone;
}

bool IsReached(const ReplicaChange& change, const ClusterStatus& cluster) {
  const std::vector<ShardStatus> shards = cluster.shards();
  return std::any_of(shards.begin(), shards.end(), [&](const ShardStatus& shard) {
    return shard.shard_id == change.shard && shard.leader_node_id != 0 && IsReached(change, shard);
  });
}

}  // namespace

Status ShardAdmin::AddReplica(uint64_t shard, uint64_t node) {
  return Carry({.shard = shard, .from = 0, .to = node});
}

Status ShardAdmin::RemoveReplica(uint64_t shard, uint64_t node) {
  return Carry({.shard = shard, .from = node, .to = 0});
}

Status ShardAdmin::MoveReplica(uint64_t shard, uint64_t from, uint64_t to) {
  return Carry({.shard = shard, .from = from, .to = to});
}

Status ShardAdmin::Carry(const ReplicaChange& change) {
  if (IsReached(change, channel_->Describe())) return Status();
  const AdminReply begun = AskDirectory(
      [&](const std::string& endpoint) { return channel_->BeginOperation(endpoint, change); });
  if (!begun.status.ok()) {
    // An earlier try may have begun it, and only its answer was lost.
    return IsReached(change, channel_->Describe()) ? Status() : begun.status;
  }
  return AwaitOperation(begun.operation_id, change.shard);
}

Status ShardAdmin::AwaitOperation(uint64_t id, uint64_t shard) {
  Patience patience = NewPatience();
  std::string last;
  while (true) {
    const auto operations = ListOperations();
    if (!operations.ok()) return operations.status();
    const auto found =
        std::find_if(operations->begin(), operations->end(),
                     [id](const ClusterOperation& each) { return each.operation_id == id; });
    if (found == operations->end()) {
      return Status(StatusCode::kNotFound, "operation " + std::to_string(id) +
                                               " has ended so long ago that nobody knows how");
    }
    if (found->has_ended()) return ResultOf(*found);
    std::string now = Describe(*found);
    if (now != last) Renew(patience);
    last = std::move(now);
    if (Rest(patience, shard, last).ok()) continue;
    return Status(StatusCode::kDeadlineExceeded, "gave up waiting, the operation goes on: " + last);
  }
}

}  // namespace flotilla::client
