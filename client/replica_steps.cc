#include "client/replica_steps.h"

#include <algorithm>

namespace flotilla::client {

namespace {

// The leader promotes nobody who is further behind.
constexpr uint64_t kMaxLag = 1000;

std::string Name(uint64_t node) { return "node " + std::to_string(node); }

GoalRefused Refuse(std::string why) {
  return {Status(StatusCode::kFailedPrecondition, std::move(why))};
}

bool HasCaughtUp(const ShardReplica& learner) {
  return learner.state == "ok" && learner.lag.has_value() && *learner.lag <= kMaxLag;
}

// Another voter takes over from a node that is to go. The one that is least behind: until it has
// caught up nothing is written.
ReplicaStep MoveLeadershipFrom(const ShardStatus& shard, uint64_t node) {
  const ShardReplica* heir = nullptr;
  for (const ShardReplica& replica : shard.replicas) {
    const bool able = replica.role == "voter" && replica.state == "ok" && replica.node_id != node;
    if (able && (heir == nullptr || replica.lag < heir->lag)) heir = &replica;
  }
  if (heir != nullptr) return Transfer{heir->node_id};
  return Refuse(Name(node) + " leads the shard, and no other voter is there to take over");
}

}  // namespace

const ShardReplica* FindReplica(const ShardStatus& shard, uint64_t node) {
  const auto found =
      std::find_if(shard.replicas.begin(), shard.replicas.end(),
                   [node](const ShardReplica& replica) { return replica.node_id == node; });
  return found == shard.replicas.end() ? nullptr : &*found;
}

ReplicaStep NextOfTransfer(const ShardStatus& shard, uint64_t node) {
  if (shard.leader_node_id == node) return GoalReached{};
  const ShardReplica* replica = FindReplica(shard, node);
  if (replica != nullptr && replica->role == "voter") return Transfer{node};
  return Refuse(Name(node) + " has no vote in shard " + std::to_string(shard.shard_id));
}

ReplicaStep NextOfAdd(const ShardStatus& shard, uint64_t node) {
  const ShardReplica* replica = FindReplica(shard, node);
  if (replica == nullptr) return MembershipChange{.add_learners = {node}};
  if (replica->role != "learner") return GoalReached{};
  if (!HasCaughtUp(*replica)) return AwaitLearner{node};
  return MembershipChange{.add_voters = {node}};
}

ReplicaStep NextOfRemove(const ShardStatus& shard, uint64_t node) {
  const ShardReplica* replica = FindReplica(shard, node);
  if (replica == nullptr) return GoalReached{};
  if (replica->role == "leader") return MoveLeadershipFrom(shard, node);
  return MembershipChange{.remove = {node}};
}

ReplicaStep NextOfMove(const ShardStatus& shard, uint64_t from, uint64_t to) {
  const ShardReplica* source = FindReplica(shard, from);
  const ShardReplica* target = FindReplica(shard, to);
  const bool target_votes = target != nullptr && target->role != "learner";
  if (source == nullptr) {
    if (target_votes) return GoalReached{};
    return Refuse(Name(from) + " has no replica of shard " + std::to_string(shard.shard_id));
  }
  if (target == nullptr) return MembershipChange{.add_learners = {to}};
  if (!target_votes && !HasCaughtUp(*target)) return AwaitLearner{to};
  if (source->role == "leader") return MoveLeadershipFrom(shard, from);
  if (target_votes) return MembershipChange{.remove = {from}};
  return MembershipChange{.add_voters = {to}, .remove = {from}};
}

std::string DescribeLearner(const ShardStatus& shard, uint64_t node) {
  const ShardReplica* replica = FindReplica(shard, node);
  if (replica == nullptr) return Name(node) + " has no replica yet";
  if (replica->state == "snapshot") return Name(node) + " is being sent a snapshot";
  if (replica->state == "silent") return Name(node) + " does not answer the leader";
  return Name(node) + " is " + std::to_string(replica->lag.value_or(0)) + " entries behind";
}

}  // namespace flotilla::client
