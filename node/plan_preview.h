// What the balancer would do, shown before it does any of it: all steps in their order, what they
// cost, and what stays undone.
#ifndef FLOTILLA_NODE_PLAN_PREVIEW_H_
#define FLOTILLA_NODE_PLAN_PREVIEW_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "sharding/movement.h"
#include "sharding/node_record.h"
#include "sharding/planner.h"

namespace flotilla::node {

// What a node would be meant to do.
struct DutyChange {
  NodeId node;
  sharding::NodeDuty duty = sharding::NodeDuty::kServe;
};

struct PlanPreview {
  struct Step {
    sharding::PlannedStep planned;
    uint64_t bytes = 0;  // of the shard; 0 where no replica is copied
  };
  // Replicas on a node, the directory's among them.
  struct NodeTotal {
    NodeId node;
    uint64_t replicas = 0;
    uint64_t planned_replicas = 0;  // when all steps are done
  };

  std::vector<Step> steps;
  std::vector<sharding::Shortfall> shortfalls;
  sharding::Movement movement;
  std::vector<NodeTotal> nodes;  // by node
  // So many steps under way count as done.
  size_t under_way = 0;
  // Shards whose changes under way have no outcome yet that could be planned on: a split, something
  // that is being undone, a person's work. Ascending.
  std::vector<ShardId> unsettled;
  // False: the balancer is off, and nothing of the plan is begun.
  bool begins = true;
  // Nothing is left to be planned after these steps. False: splits must be seen before anything
  // else, or some shards are not settled.
  bool complete = true;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_PLAN_PREVIEW_H_
