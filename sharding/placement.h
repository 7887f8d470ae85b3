// The planner's scratch copy of a cluster: a view by index, with tallies per node, on which steps
// are tried out.
#ifndef FLOTILLA_SHARDING_PLACEMENT_H_
#define FLOTILLA_SHARDING_PLACEMENT_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "sharding/cluster_view.h"
#include "sharding/plan_step.h"

namespace flotilla::sharding {

using NodeIndex = uint32_t;   // in the order of node ids
using ShardIndex = uint32_t;  // in the order of arcs
inline constexpr uint32_t kNobody = std::numeric_limits<uint32_t>::max();

struct PlacedNode {
  NodeId id;
  std::string zone;
  uint64_t weight = 0;
  NodeState state = NodeState::kDown;
  bool dead = true;

  // Of all replicas on the node, of whatever role; load is that of the shards it leads.
  uint64_t replicas = 0;
  uint64_t leaders = 0;
  uint64_t bytes = 0;
  uint64_t load = 0;
  std::vector<ShardIndex> shards;  // ascending

  bool IsLive() const { return state != NodeState::kDown; }
  // Whether replicas and leaders may be put here.
  bool Accepts() const { return state == NodeState::kUp && weight > 0; }
};

struct PlacedReplica {
  NodeIndex node = kNobody;
  ReplicaRole role = ReplicaRole::kVoter;
  bool failed = false;
  bool kept = false;

  bool IsVoter() const { return role == ReplicaRole::kVoter; }
};

struct PlacedShard {
  ShardId id;
  Arc arc;
  uint64_t bytes = 0;
  uint64_t load = 0;
  std::vector<PlacedReplica> replicas;
  NodeIndex leader = kNobody;
  bool pending = false;
  const ShardView* view = nullptr;  // what it was made of

  const PlacedReplica* On(NodeIndex node) const;
};

class Placement {
 public:
  // The view must outlive it.
  Placement(const ClusterView& view, Duration dead_after);

  const std::vector<PlacedNode>& nodes() const { return nodes_; }
  const std::vector<PlacedShard>& shards() const { return shards_; }
  const PlacementRules& rules() const { return rules_; }
  // How many shards have been split by steps.
  uint32_t splits() const { return splits_; }
  NodeIndex NodeOf(NodeId node) const;
  ShardIndex ShardAt(ShardId shard) const;

  bool IsLive(const PlacedReplica& replica) const;
  // Whether the replica must be replaced: it failed, its node is dead, or its node is away and the
  // shard cannot afford to wait, because another of its voters is away too.
  bool IsLost(const PlacedShard& shard, const PlacedReplica& replica) const;
  // Voters that live, and by how many that is more than a majority needs. Negative: no quorum.
  int Margin(const PlacedShard& shard) const;

  // Whether steps may be planned on the shard: no change is pending, and one could be committed.
  bool CanChange(const PlacedShard& shard) const;
  // Whether it may be changed for mere balance: all its replicas are voters, and live.
  bool IsHealthy(const PlacedShard& shard) const;
  // Whether a majority of the voters that are left is live when this replica is removed. A live one
  // that comes in addition, or in place of another, never costs a shard its quorum.
  bool KeepsQuorumWithout(const PlacedShard& shard, NodeIndex removed) const;
  // Whether a replica of the shard may be put on the node.
  bool Fits(const PlacedShard& shard, NodeIndex to) const;
  // Whether leadership of the shard may be handed to the node.
  bool MayLead(const PlacedShard& shard, NodeIndex to) const;

  // Pairs of replicas in one zone, if the one on `from` went to `to`. Either may be kNobody.
  uint32_t Conflicts(const PlacedShard& shard, NodeIndex from = kNobody,
                     NodeIndex to = kNobody) const;

  // Carries a step out. A moved replica that leads goes on leading. A shard that is split becomes
  // pending: what its child will be, its own log decides.
  void Apply(const Step& step);

 private:
  int MarginWithout(const PlacedShard& shard, NodeIndex removed) const;
  void Tally(ShardIndex shard, const PlacedReplica& replica);
  void Add(ShardId shard, NodeId node);
  void Remove(ShardId shard, NodeId node);
  void Lead(ShardId shard, NodeIndex node);

  PlacementRules rules_;
  uint32_t splits_ = 0;
  std::vector<PlacedNode> nodes_;
  std::vector<PlacedShard> shards_;
  std::map<NodeId, NodeIndex> node_of_;
  std::map<ShardId, ShardIndex> shard_of_;
};

// Rendezvous hashing: how much a shard is drawn to a node when all else is equal. Depends on the
// arc's first slot, so that it is the same whatever id a split has given the shard.
uint64_t Affinity(const PlacedShard& shard, const PlacedNode& node);

}  // namespace flotilla::sharding

#endif  // FLOTILLA_SHARDING_PLACEMENT_H_
