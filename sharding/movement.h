// What a plan costs, and how even a cluster is: for dry runs, status and tests.
#ifndef FLOTILLA_SHARDING_MOVEMENT_H_
#define FLOTILLA_SHARDING_MOVEMENT_H_

#include <cstdint>
#include <span>

#include "base/clock.h"
#include "sharding/cluster_view.h"
#include "sharding/plan_step.h"

namespace flotilla::sharding {

struct Movement {
  // Copied by the steps.
  uint64_t replicas = 0;
  uint64_t bytes = 0;
  // The least that must be copied to give every node its share by weight, as if bytes could be
  // divided at will and no rule stood in the way: all that is on nodes that must be left, or what
  // the others lack, whichever is more.
  uint64_t ideal_replicas = 0;
  uint64_t ideal_bytes = 0;
};

// Precondition: the steps are of a plan for this view.
Movement MovementOf(const ClusterView& view, std::span<const PlannedStep> steps,
                    Duration dead_after);

// The fullest node that is up, relative to its share by weight; 1 is perfectly even. Load is that
// of the shards a node leads.
struct Imbalance {
  double replicas = 1;
  double leaders = 1;
  double bytes = 1;
  double load = 1;
};
Imbalance ImbalanceOf(const ClusterView& view, Duration dead_after);

}  // namespace flotilla::sharding

#endif  // FLOTILLA_SHARDING_MOVEMENT_H_
