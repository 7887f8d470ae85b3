// A cluster that carries out plans, knows nothing of how they are made, and checks every step
// against what must never happen.
#ifndef FLOTILLA_TESTS_SHARDING_CLUSTER_MODEL_H_
#define FLOTILLA_TESTS_SHARDING_CLUSTER_MODEL_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "sharding/cluster_view.h"
#include "sharding/plan_step.h"
#include "sharding/planner.h"

namespace flotilla::sharding {

// What it took until nothing was left to be planned.
struct Settled {
  std::vector<PlannedStep> steps;
  uint32_t plans = 0;
  // Those that copy a replica.
  uint32_t copies = 0;
};

class ClusterModel {
 public:
  // Nodes 1..n of weight 1 and equal arcs, of which no replica is placed evenly yet: shard i begins
  // on nodes i, i + 1, ... in turn.
  ClusterModel(uint32_t nodes, uint32_t shards, uint32_t replicas);

  ClusterView& view() { return view_; }
  const ClusterView& view() const { return view_; }
  NodeView& node(uint64_t id);
  ShardView& shard(uint64_t id);

  NodeId AddNode(const std::string& zone = "", uint32_t weight = 1);
  // From the list; what was on it is lost.
  void RemoveNode(uint64_t id);
  void KillNode(uint64_t id, Duration down_for);
  // Also gives shards that have no leader one, where a majority is live.
  void ElectLeaders();

  // Puts every replica somewhere else, so that any two nodes meet in some shard.
  void Scatter(Random& random);

  // Carries out one step, and fails the test if it must not be.
  void Carry(const Step& step);
  // Carries out plans until there is none; fails the test when that does not end soon.
  Settled Settle(const PlannerOptions& options);

  // All that is placed, arc by arc, so that two clusters can be compared whatever ids they use.
  std::string Text() const;
  uint32_t ReplicasOn(uint64_t id) const;
  uint32_t LeadersOn(uint64_t id) const;

 private:
  void CheckTarget(const ShardView& shard, NodeId to) const;
  bool IsLive(const ReplicaView& replica) const;
  bool HasQuorum(const ShardView& shard) const;
  void Split(const SplitShard& step);
  const NodeView* Find(NodeId id) const;

  ClusterView view_;
  uint64_t last_node_ = 0;
  uint64_t last_shard_ = 0;
};

// A move or a new replica.
bool IsCopy(const Step& step);

// A cluster with random nodes, zones, weights and shards, replicas anywhere.
ClusterModel RandomCluster(Random& random);
// One of: a node joins, is removed, drains, dies, goes away, comes back, a replica fails, bytes and
// load change.
void RandomEvent(Random& random, ClusterModel& cluster);

}  // namespace flotilla::sharding

#endif  // FLOTILLA_TESTS_SHARDING_CLUSTER_MODEL_H_
