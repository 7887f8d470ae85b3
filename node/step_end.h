// Whether a step that is under way has ended, and how. Every step ends: when it is done or undone,
// when it fits the shard no more, or when it has come no further for long.
#ifndef FLOTILLA_NODE_STEP_END_H_
#define FLOTILLA_NODE_STEP_END_H_

#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "base/clock.h"
#include "kv/operation_record.h"
#include "node/plan_progress.h"

namespace flotilla::node {

struct StepEnd {
  kv::OperationState state = kv::OperationState::kSucceeded;
  std::string reason;
};

// nullopt while it goes on. `shard` is null where nobody knows of it.
std::optional<StepEnd> EndOf(const StepUnderWay& under_way, const ShardReport* shard, MonoTime now,
                             absl::FunctionRef<bool(NodeId)> is_up);

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_STEP_END_H_
