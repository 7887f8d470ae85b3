// A change of a shard's replicas, or a split, that a person asks for. Once it is an operation the
// balancer carries it out as it does its own.
#ifndef FLOTILLA_NODE_ASKED_STEP_H_
#define FLOTILLA_NODE_ASKED_STEP_H_

#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "base/ids.h"
#include "kv/directory.h"
#include "node/directory_messages.h"
#include "sharding/plan_step.h"

namespace flotilla::node {

// kv::OperationRecord.cause of such an operation.
inline constexpr std::string_view kAskedFor = "asked for";

// Whether it fits the shard and the nodes as they are. kInvalidArgument: no such step can be asked
// for, or the slot does not cut the shard. kNotFound: a node is not there. kFailedPrecondition: it
// would change nothing, take away what is not there, bring a replica to a node that is to be
// emptied, or leave the shard without a majority. kUnavailable: the shard is being changed just
// now.
absl::Status CheckAsked(const sharding::Step& step, const sharding::ShardClaim& shard,
                        const kv::Directory& directory, absl::FunctionRef<bool(NodeId)> is_up);

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_ASKED_STEP_H_
