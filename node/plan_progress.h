// How a step of the planner is carried out: nothing is remembered of what was ordered before, the
// next order follows from what the shard says of itself now. So orders may get lost, and any leader
// of the directory can go on where another one stopped.
#ifndef FLOTILLA_NODE_PLAN_PROGRESS_H_
#define FLOTILLA_NODE_PLAN_PROGRESS_H_

#include <optional>

#include "absl/functional/function_ref.h"
#include "base/clock.h"
#include "kv/operation_record.h"
#include "node/directory_messages.h"
#include "node/shard_order.h"
#include "node/transfer_meter.h"
#include "sharding/plan_step.h"

namespace flotilla::node {

// A step that has begun.
struct StepUnderWay {
  sharding::Step step;
  MonoTime begun;              // or taken up, by this leader of the directory
  MonoTime advanced_at;        // when it came further than before
  uint64_t shard_version = 0;  // when it began, and so are the next two
  LogIndex configuration;
  size_t voters = 0;
  ShardId child;  // of a split
  // Its record in the directory: none of a hand-over, and none until the record is durable.
  kv::OperationId operation;
  std::optional<MonoTime> cancelled_at;  // or taken up as such
  // Its end is being recorded.
  bool ending = false;
  TransferMeter meter;
  uint64_t shard_bytes = 0;  // as its leader said last
};

// Nothing is ordered before the directory knows of it, and nothing behind its end.
bool MayOrder(const StepUnderWay& under_way);

bool IsDone(const StepUnderWay& under_way, const sharding::ShardClaim& shard);
// Whether nothing is left of it.
bool IsUndone(const StepUnderWay& under_way, const sharding::ShardClaim& shard);

// How far its replica is; of one that is sent no snapshot yet, how much there will be.
TransferMeter::Reading ProgressOf(const StepUnderWay& under_way);

// Whether the shard has changed otherwise since the step was planned, so that going on might cost
// it its quorum.
bool IsOvertaken(const StepUnderWay& under_way, const sharding::ShardClaim& shard);

// What carries it on, or undoes it once it is cancelled. None when there is nothing to do but wait.
// Leadership goes to nodes that are up only.
std::optional<ShardOrder> NextOrder(const StepUnderWay& under_way, const ShardReport& shard,
                                    absl::FunctionRef<bool(NodeId)> is_up);

size_t CountVoters(const sharding::ShardClaim& shard);

// The node that a step puts a replica on; none where it does not.
NodeId TargetOf(const sharding::Step& step);
// The node that it takes one from.
NodeId SourceOf(const sharding::Step& step);
// The node that it is good for; none where none is.
NodeId BeneficiaryOf(const sharding::Step& step);

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_PLAN_PROGRESS_H_
