// How much may be under way at a time.
#ifndef FLOTILLA_SHARDING_PLAN_LIMITS_H_
#define FLOTILLA_SHARDING_PLAN_LIMITS_H_

#include <cstdint>
#include <map>

#include "base/ids.h"
#include "sharding/cluster_view.h"
#include "sharding/plan_step.h"
#include "sharding/planner.h"

namespace flotilla::sharding {

class PlanLimits {
 public:
  // Counts what is pending already.
  PlanLimits(const ClusterView& view, const PlannerOptions& options);

  // Whether there is room for all steps of a group; counts them if so. An idle cluster has room for
  // any one group.
  bool Admit(const StepGroup& group);

 private:
  struct Usage {
    uint32_t moves = 0;
    uint32_t transfers = 0;
    uint32_t splits = 0;
    // Replicas that come or go; a source that is not up has no work with it.
    std::map<NodeId, uint32_t> moves_of_node;
  };

  void Count(const Step& step, Usage& usage) const;
  void CountAt(NodeId node, Usage& usage) const;
  bool IsWithinLimits(const Usage& usage) const;

  const PlannerOptions& options_;
  std::map<NodeId, NodeState> states_;
  Usage usage_;
  bool is_idle_ = true;
};

}  // namespace flotilla::sharding

#endif  // FLOTILLA_SHARDING_PLAN_LIMITS_H_
