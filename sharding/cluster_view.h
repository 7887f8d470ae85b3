// What the planner looks at: the nodes, the shards on them and the rules, as of one moment. Plain
// values without a clock; who builds a view says how long a node has been away.
#ifndef FLOTILLA_SHARDING_CLUSTER_VIEW_H_
#define FLOTILLA_SHARDING_CLUSTER_VIEW_H_

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "sharding/shard_claim.h"
#include "sharding/slot.h"

namespace flotilla::sharding {

enum class NodeState : uint8_t {
  kUp,
  kDraining,  // serves what it has, and is to be emptied
  kDown,
};

struct NodeView {
  NodeId node;
  // Nodes of one zone fail together. Empty: not labelled, and a zone of its own.
  std::string zone;
  // Capacity, relative to other nodes; with 0 a node is given nothing.
  uint32_t weight = 1;
  NodeState state = NodeState::kUp;
  Duration down_for{0};  // of a node that is down
};

struct ReplicaView {
  NodeId node;  // one that the view does not list has been removed, and counts as dead
  ReplicaRole role = ReplicaRole::kVoter;
  // Will not work again where it is: its log is suspect, or its engine failed for good.
  bool failed = false;
  // Stays where it is for now: its removal was called off.
  bool kept = false;
};

// What part of a shard's bytes and load was seen at a slot, in any unit.
struct SlotSample {
  Slot slot;
  uint64_t bytes = 0;
  uint64_t load = 0;
};

// A change that is under way, and the nodes that work for it; none where nobody does.
struct PendingChange {
  NodeId from;
  NodeId to;
};

struct ShardView {
  ShardId shard;
  Arc arc;
  // Smoothed estimates; 0 while the arc was not measured as it is now.
  uint64_t bytes = 0;
  uint64_t load = 0;
  // Requests per second that are each for one slot: what a split divides. A scan is none of these,
  // it would come to both halves.
  uint64_t divisible_load = 0;
  // One per node. While a change is pending: as they will be when it is done, so that the planner
  // counts a replica where it goes.
  std::vector<ReplicaView> replicas;
  NodeId leader;  // none: not known
  // An operation on this shard, a joint configuration, a replica that its group is replacing.
  std::optional<PendingChange> pending;
  // By ascending slot, inside the arc. Empty: taken to be spread evenly.
  std::vector<SlotSample> samples;
  // Nodes that for now are given nothing of it, neither a replica nor leadership: that was tried in
  // vain, or called off. Said here and not left out of plans afterwards, because what else is
  // planned relies on it.
  std::vector<NodeId> avoided;
  // Not to be split for now: that was called off.
  bool kept_whole = false;
  // Not to be led elsewhere for its load: that was done not long ago.
  bool leader_settled = false;

  bool Avoids(NodeId node) const {
    return std::find(avoided.begin(), avoided.end(), node) != avoided.end();
  }
};

struct PlacementRules {
  uint32_t replicas = 3;
};

struct ClusterView {
  PlacementRules rules;
  std::vector<NodeView> nodes;    // any order, ids are unique
  std::vector<ShardView> shards;  // any order, ids are unique
};

}  // namespace flotilla::sharding

#endif  // FLOTILLA_SHARDING_CLUSTER_VIEW_H_
