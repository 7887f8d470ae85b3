// Operations are cancelled, whatever state they are in; and all of them end.
#include <algorithm>

#include "kv/directory.h"
#include "node/balancer.h"
#include "tests/simulation/cluster/cluster_world.h"

namespace flotilla::simulation {

namespace {

using std::chrono::milliseconds;

// A split that was cancelled is over when an order on its way can do nothing any more.
constexpr Duration kOperationsLimit = std::chrono::minutes(5);

// Whether a replica comes to where it was not to come, too early.
bool DoesAgain(const kv::OperationRecord& later, const kv::OperationRecord& cancelled) {
  const NodeId to = node::TargetOf(cancelled.step);
  const Duration after = later.begun - cancelled.ended;
  return !to.is_none() && to == node::TargetOf(later.step) &&
         ShardOf(later.step) == ShardOf(cancelled.step) && after < node::kCancelledFor &&
         after > -node::kCancelledFor;
}

}  // namespace

void ClusterWorld::CancelSomeOperation() {
  const auto leader = host_->LeaderOf(kv::kDirectoryShard);
  if (!leader.has_value() || host_->node(*leader) == nullptr) return;
  node::Node& node = *host_->node(*leader);
  const auto operations = node.Operations();
  if (!operations.ok()) return;
  std::vector<kv::OperationId> running;
  for (const node::OperationStatus& operation : *operations) {
    if (!operation.record.has_ended()) running.push_back(operation.record.id);
  }
  if (running.empty()) return;
  node.CancelOperation(random_.Pick(running), [this](const absl::Status& status) {
    if (status.ok()) record_.Mark("cluster.operation_cancelling");
  });
}

std::string ClusterWorld::WhatRunsStill() const {
  const auto leader = host_->LeaderOf(kv::kDirectoryShard);
  if (!leader.has_value() || host_->node(*leader) == nullptr) return "the directory has no leader";
  const auto operations = host_->node(*leader)->Operations();
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
  const NodeIndex leader = *host_->LeaderOf(kv::kDirectoryShard);
  const auto operations = host_->node(leader)->Operations();
  for (auto operation = operations->begin(); operation != operations->end(); ++operation) {
    record_.Mark("cluster.operation_" + std::string(ToString(operation->record.state)));
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
