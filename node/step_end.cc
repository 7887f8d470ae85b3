#include "node/step_end.h"

namespace flotilla::node {

namespace {

using kv::OperationState;

// A hand-over takes an election timeout, or does not happen: whoever should lead is behind.
constexpr Duration kHandOverLimit = std::chrono::seconds(10);
// For a majority to flush, and for the leader to say that the shard is split.
constexpr Duration kSplitLimit = std::chrono::minutes(2);
// For a replica to go, its leader having found a successor.
constexpr Duration kRemovalLimit = std::chrono::minutes(10);
// For a replica that is being filled to come any further.
constexpr Duration kMoveLimit = std::chrono::hours(1);
// For what was begun to be undone.
constexpr Duration kUndoLimit = std::chrono::minutes(10);
// An order that was sent before the step was cancelled has arrived by then, or is lost. One that
// splits waits until a majority has flushed, or for a minute (node/replica_split.cc).
constexpr Duration kOrderLife = std::chrono::seconds(2);
constexpr Duration kSplitOrderLife = std::chrono::seconds(62);

Duration LimitOf(const sharding::Step& step) {
  if (std::holds_alternative<sharding::TransferLeader>(step)) return kHandOverLimit;
  if (std::holds_alternative<sharding::SplitShard>(step)) return kSplitLimit;
  if (std::holds_alternative<sharding::RemoveReplica>(step)) return kRemovalLimit;
  return kMoveLimit;
}

Duration OrderLifeOf(const sharding::Step& step) {
  return std::holds_alternative<sharding::SplitShard>(step) ? kSplitOrderLife : kOrderLife;
}

std::optional<StepEnd> EndOfCancelled(const StepUnderWay& under_way,
                                      const sharding::ShardClaim& shard, MonoTime now) {
  if (IsDone(under_way, shard)) {
    return StepEnd{OperationState::kSucceeded, "it was done before it could be cancelled"};
  }
  if (IsOvertaken(under_way, shard)) {
    return StepEnd{OperationState::kCancelled,
                   "the shard was changed otherwise meanwhile, and is left as it is"};
  }
  const Duration since = now - *under_way.cancelled_at;
  if (IsUndone(under_way, shard) && since > OrderLifeOf(under_way.step)) {
    return StepEnd{OperationState::kCancelled, ""};
  }
  if (since <= kUndoLimit) return std::nullopt;
  return StepEnd{OperationState::kFailed, "it could not be undone in time"};
}

}  // namespace

std::optional<StepEnd> EndOf(const StepUnderWay& under_way, const ShardReport* shard, MonoTime now,
                             absl::FunctionRef<bool(NodeId)> is_up) {
  if (shard == nullptr) return StepEnd{OperationState::kFailed, "nobody knows of the shard"};
  if (under_way.cancelled_at.has_value()) return EndOfCancelled(under_way, shard->claim, now);
  if (IsDone(under_way, shard->claim)) return StepEnd{OperationState::kSucceeded, ""};
  if (IsOvertaken(under_way, shard->claim)) {
    return StepEnd{OperationState::kFailed, "the shard was changed otherwise meanwhile"};
  }
  const NodeId to = BeneficiaryOf(under_way.step);
  if (!to.is_none() && !is_up(to)) {
    return StepEnd{OperationState::kFailed, "node " + ToString(to) + " is down"};
  }
  if (now - under_way.advanced_at <= LimitOf(under_way.step)) return std::nullopt;
  return StepEnd{OperationState::kFailed, "it came no further for too long"};
}

}  // namespace flotilla::node
