// What a preview is made of. Plain values and pure functions: a plan for thousands of shards takes
// seconds, so it is made apart from the node's executor, of a basis that was taken there.
#ifndef FLOTILLA_NODE_PLAN_BASIS_H_
#define FLOTILLA_NODE_PLAN_BASIS_H_

#include <cstddef>
#include <map>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "base/ids.h"
#include "kv/directory.h"
#include "node/plan_preview.h"
#include "node/plan_progress.h"
#include "sharding/cluster_view.h"
#include "sharding/planner.h"

namespace flotilla::node {

// As if an operator had said so. kNotFound: the cluster has no such node. kInvalidArgument: a node
// is named twice.
absl::StatusOr<kv::Directory> WithDuties(kv::Directory directory,
                                         std::span<const DutyChange> changes);

struct PlanBasis {
  sharding::ClusterView view;
  sharding::PlannerOptions planner;
  // As of PlanPreview.
  size_t under_way = 0;
  std::vector<ShardId> unsettled;
  bool begins = true;
};

// The balancer leaves a shard alone while it has a step under way; what is looked at here is what
// follows, when these steps are done.
PlanBasis BasisOf(sharding::ClusterView view, const std::map<ShardId, StepUnderWay>& under_way);

PlanPreview PreviewOf(const PlanBasis& basis);

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_PLAN_BASIS_H_
