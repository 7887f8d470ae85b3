// What the balancer of a cluster would do, before it does any of it.
#ifndef FLOTILLA_CLIENT_INCLUDE_FLOTILLA_CLUSTER_PLAN_H_
#define FLOTILLA_CLIENT_INCLUDE_FLOTILLA_CLUSTER_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

namespace flotilla {
inline namespace client_v1 {

// What a node is meant to do.
enum class NodeDuty {
  kServe,
  kDrain,  // serves what it has, is emptied, and stays
  kLeave,  // is emptied, and forgotten once it holds nothing and is stopped
};

// A duty that a node might be given.
struct NodeDutyChange {
  uint64_t node_id = 0;
  NodeDuty duty = NodeDuty::kServe;
};

// A move, addition or removal of a replica, a hand-over of leadership, or a split.
struct PlannedStep {
  std::string what;       // "move shard 3 from node 1 to node 4"
  std::string cause;      // "repair", "drain", "placement rule", "size", "load", ...
  uint64_t shard_id = 0;  // 0: the directory itself
  uint64_t bytes = 0;     // of the shard, where the step copies a replica; else 0
};

// What should be done of a shard, and cannot be.
struct PlanShortfall {
  uint64_t shard_id = 0;  // 0: the directory itself
  // "no_quorum": too few of its voters live, so that no change of it can be committed. "no_target":
  // no node may take the replica that should be added or moved; what failed or was cancelled lately
  // is not tried again for some minutes, and counts here.
  std::string obstacle;
};

// Replicas on a node, the directory's among them.
struct PlannedNode {
  uint64_t node_id = 0;
  uint64_t replicas = 0;
  uint64_t planned_replicas = 0;  // when all steps are done
};

// All that the balancer would do if nothing else happened. A value; what happens meanwhile may
// change the plan.
struct ClusterPlan {
  // In the order in which they may begin; several run at a time.
  std::vector<PlannedStep> steps;
  // What stays undone when all steps are done; by shard.
  std::vector<PlanShortfall> shortfalls;
  // What the steps copy.
  uint64_t replicas_to_copy = 0;
  uint64_t bytes_to_copy = 0;
  // The least that would give every node its share by weight, if bytes could be divided at will and
  // no rule stood in the way. Each may be more than the plan's: a tolerance is left alone.
  uint64_t ideal_replicas_to_copy = 0;
  uint64_t ideal_bytes_to_copy = 0;
  // Whether nothing is left to be planned after these steps. False: splits must be seen before
  // anything else is planned, or some shards are not settled.
  bool complete = true;
  // Shards that are being changed with an outcome that cannot be planned on yet: a split, something
  // that is being undone, work of a person. 0: the directory itself.
  std::vector<uint64_t> unsettled_shards;
  uint64_t steps_under_way = 0;  // that count as done
  // It runs with --balance=false: none of this is begun.
  bool balancer_off = false;
  std::vector<PlannedNode> nodes;  // by node id
};

}  // namespace client_v1
}  // namespace flotilla

#endif  // FLOTILLA_CLIENT_INCLUDE_FLOTILLA_CLUSTER_PLAN_H_
