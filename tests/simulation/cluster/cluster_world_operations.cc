// Operations are asked for, and cancelled, whatever state they are in; and all of them end.
#include <algorithm>

#include "kv/directory.h"
#include "node/asked_step.h"
#include "node/balancer.h"
#include "tests/simulation/cluster/cluster_world.h"

namespace flotilla::simulation {

namespace {

using std::chrono::milliseconds;

// A split that was cancelled is over when an order on its way can do nothing any more.
constexpr Duration kOperationsLimit = std::chrono::minutes(5);

// Whether a replica comes to where it was not to come, too early and without being asked for.
bool DoesAgain(const kv::OperationRecord& later, const kv::OperationRecord& cancelled) {
  if (later.cause == node::kAskedFor) return false;
  const NodeId to = node::TargetOf(cancelled.step);
  const Duration after = later.begun - cancelled.ended;
  return !to.is_none() && to == node::TargetOf(later.step) &&
         ShardOf(later.step) == ShardOf(cancelled.step) && after < node::kCancelledFor &&
         after > -node::kCancelledFor;
}

}  // namespace

node::Node* ClusterWorld::DirectoryLeader() const {
  const auto leader = host_->LeaderOf(kv::kDirectoryShard);
  return leader.has_value() ? host_->node(*leader) : nullptr;
}

void ClusterWorld::CancelSomeOperation() {
  node::Node* const leader = DirectoryLeader();
  if (leader == nullptr) return;
  const auto operations = leader->Operations();
  if (!operations.ok()) return;
  std::vector<kv::OperationId> running;
  for (const node::OperationStatus& operation : *operations) {
    if (!operation.record.has_ended()) running.push_back(operation.record.id);
  }
  if (running.empty()) return;
  leader->CancelOperation(random_.Pick(running), [this](const absl::Status& status) {
    if (status.ok()) record_.Mark("cluster.operation_cancelling");
  });
}

// Of a shard without a replica to spare none is asked away: another one's disk may be damaged.
void ClusterWorld::AskForSomeOperation() {
  node::Node* const leader = DirectoryLeader();
  if (leader == nullptr) return;
  const ShardId shard = random_.Pick(Groups());
  const auto home = host_->LeaderOf(shard);
  const auto replica = home.has_value() ? host_->ReplicaOf(*home, shard) : std::nullopt;
  if (!replica.has_value()) return;
  const std::vector<raft::Member>& voters = replica->raft.configuration.voters;
  if (voters.empty()) return;
  const NodeId to = NodeOf(static_cast<NodeIndex>(random_.Below(options_.machines())));
  const NodeId from = random_.Pick(voters).node;
  sharding::Step step = sharding::MoveReplica{shard, from, to};
  if (voters.size() > 3) {
    step = sharding::RemoveReplica{shard, from};
  } else if (children_ < kChildrenMax && random_.Chance(1, 6)) {
    ++children_;
    step = sharding::SplitShard{shard,
                                sharding::SlotOf(random_.Pick(options_.client.workload.AllKeys()))};
  } else if (random_.Chance(1, 4)) {
    step = sharding::AddReplica{shard, to};
  }
  leader->BeginOperation(step, [this](const absl::StatusOr<kv::OperationId>& begun) {
    if (begun.ok()) record_.Mark("cluster.operation_asked_for");
  });
}

std::string ClusterWorld::WhatRunsStill() const {
  node::Node* const leader = DirectoryLeader();
  if (leader == nullptr) return "the directory has no leader";
  const auto operations = leader->Operations();
  if (!operations.ok()) return operations.status().ToString();
  for (const node::OperationStatus& operation : *operations) {
    const kv::OperationRecord& record = operation.record;
    if (record.has_ended()) continue;
    return "operation " + ToString(record.id) + ", " + ToString(record.step) + ", is still " +
           std::string(ToString(record.state));
  }
  return "";
}

bool ClusterWorld::AwaitOperations() {
  const Duration end = world_.now() + kOperationsLimit;
  std::string running = WhatRunsStill();
  while (!record_.failed() && !running.empty()) {
    if (world_.now() >= end) record_.Fail("liveness: " + running);
    RunUntil(world_.now() + milliseconds(100));
    running = WhatRunsStill();
  }
  if (!record_.failed()) NoteEndedOperations();
  return !record_.failed();
}

void ClusterWorld::NoteEndedOperations() {
  const auto operations = DirectoryLeader()->Operations();
  for (auto operation = operations->begin(); operation != operations->end(); ++operation) {
    record_.Mark("cluster.operation_" + std::string(ToString(operation->record.state)));
    CheckLoadSplit(operation->record);
    if (operation->record.state != kv::OperationState::kCancelled) continue;
    // Of a shard one runs at a time, so a later one has begun when this one had ended. The times
    // are those that its leader went by.
    for (auto later = std::next(operation); later != operations->end(); ++later) {
      if (!DoesAgain(later->record, operation->record)) continue;
      record_.Fail("operation " + ToString(later->record.id) + ", " + ToString(later->record.step) +
                   ", does again what was cancelled as operation " +
                   ToString(operation->record.id));
    }
  }
}

}  // namespace flotilla::simulation
