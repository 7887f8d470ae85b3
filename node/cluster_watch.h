// What the directory's leader sees of the cluster, as the planner wants it: the durable directory,
// and what the nodes have said since this node leads it.
#ifndef FLOTILLA_NODE_CLUSTER_WATCH_H_
#define FLOTILLA_NODE_CLUSTER_WATCH_H_

#include <map>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "kv/directory.h"
#include "node/directory_keeper.h"
#include "node/plan_progress.h"
#include "sharding/cluster_view.h"

namespace flotilla::node {

// As of one moment; what it refers to outlives it.
struct ClusterSight {
  const kv::Directory& directory;
  const std::map<NodeId, DirectoryKeeper::Heard>& heard;
  MonoTime leading_since;
  MonoTime now;
  // The directory's own group, which no map lists.
  std::optional<ShardReport> directory_shard;
  // For the records of operations.
  WallTime wall_now{};
};

// All shards, the directory's among them: what the directory knows of each, with the counters and
// the learners' progress that its leader reported last.
std::map<ShardId, ShardReport> ShardsIn(const ClusterSight& sight);

// For how long a node has been silent.
Duration SilenceOf(NodeId node, const ClusterSight& sight);

// Without load: that is for LoadWatch to say. A shard with a step under way counts as it will be
// when that is done. `down_after`: a node that is silent for longer is down.
sharding::ClusterView ViewOf(const ClusterSight& sight,
                             const std::map<ShardId, ShardReport>& shards,
                             const std::map<ShardId, StepUnderWay>& under_way, uint32_t replicas,
                             Duration down_after);

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_CLUSTER_WATCH_H_
