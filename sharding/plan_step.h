// What a plan is made of.
#ifndef FLOTILLA_SHARDING_PLAN_STEP_H_
#define FLOTILLA_SHARDING_PLAN_STEP_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "sharding/slot.h"

namespace flotilla::sharding {

// Learner, snapshot, catch-up, then one joint change that swaps the two. If the old replica leads,
// leadership is handed to the new one before.
struct MoveReplica {
  ShardId shard;
  NodeId from;
  NodeId to;
  friend bool operator==(const MoveReplica&, const MoveReplica&) = default;
};
// A further voter.
struct AddReplica {
  ShardId shard;
  NodeId to;
  friend bool operator==(const AddReplica&, const AddReplica&) = default;
};
struct RemoveReplica {
  ShardId shard;
  NodeId from;
  friend bool operator==(const RemoveReplica&, const RemoveReplica&) = default;
};
struct TransferLeader {
  ShardId shard;
  NodeId from;
  NodeId to;
  friend bool operator==(const TransferLeader&, const TransferLeader&) = default;
};
struct SplitShard {
  ShardId shard;
  Slot at;  // the child's first
  friend bool operator==(const SplitShard&, const SplitShard&) = default;
};

using Step = std::variant<MoveReplica, AddReplica, RemoveReplica, TransferLeader, SplitShard>;

// Why a step is made, in the order of urgency.
enum class Cause : uint8_t {
  kRepair,
  kDrain,
  kRule,
  kSplit,
  kLoadSplit,
  kReplicaBalance,
  kLeaderBalance,
  kByteBalance,
  kLoadBalance,
};
std::string_view ToString(Cause cause);

struct PlannedStep {
  Step step;
  Cause cause;
  friend bool operator==(const PlannedStep&, const PlannedStep&) = default;
};

ShardId ShardOf(const Step& step);
// "move shard 3 from node 1 to node 4"
std::string ToString(const Step& step);

// Steps that only make sense together, such as the two moves of an exchange: a plan holds all of
// them or none.
using StepGroup = std::vector<Step>;

}  // namespace flotilla::sharding

#endif  // FLOTILLA_SHARDING_PLAN_STEP_H_
