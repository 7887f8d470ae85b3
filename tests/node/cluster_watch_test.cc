// What is under way counts as done: a planner that did not see it would send more after it.
#include "node/cluster_watch.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace flotilla::node {
namespace {

using sharding::ShardView;

// Shard 7 on nodes 1, 2 and 3, led by node 1, while `step` is under way.
ShardView During(const sharding::Step& step) {
  ShardReport report;
  report.claim.descriptor.shard = ShardId(7);
  report.claim.configuration.index = LogIndex(1);
  for (const uint64_t node : {1, 2, 3}) {
    report.claim.configuration.replicas.push_back({NodeId(node), ReplicaId(node)});
  }
  report.claim.leader = {.term = Term(1), .node = NodeId(1)};
  const kv::Directory directory;
  const std::map<NodeId, DirectoryKeeper::Heard> heard;
  const ClusterSight sight{.directory = directory,
                           .heard = heard,
                           .leading_since = {},
                           .now = {},
                           .directory_shard = std::nullopt};
  const std::map<ShardId, StepUnderWay> under_way{{ShardId(7), {.step = step}}};
  return ViewOf(sight, {{ShardId(7), report}}, under_way, 3, std::chrono::seconds(5)).shards.at(0);
}

std::vector<uint64_t> NodesOf(const ShardView& view) {
  std::vector<uint64_t> nodes;
  for (const sharding::ReplicaView& replica : view.replicas) nodes.push_back(replica.node.value());
  std::sort(nodes.begin(), nodes.end());
  return nodes;
}

TEST(ClusterWatch, ALeaderThatIsHandedOverCountsWhereItGoes) {
  const ShardView view =
      During(sharding::TransferLeader{.shard = ShardId(7), .from = NodeId(1), .to = NodeId(3)});
  EXPECT_TRUE(view.pending.has_value());
  EXPECT_EQ(view.leader, NodeId(3));
  EXPECT_EQ(NodesOf(view), (std::vector<uint64_t>{1, 2, 3}));
}

TEST(ClusterWatch, ALeaderWhoseReplicaMovesCountsWhereThatGoes) {
  const ShardView view =
      During(sharding::MoveReplica{.shard = ShardId(7), .from = NodeId(1), .to = NodeId(4)});
  EXPECT_EQ(view.leader, NodeId(4));
  EXPECT_EQ(NodesOf(view), (std::vector<uint64_t>{2, 3, 4}));
}

TEST(ClusterWatch, AMoveOfAnotherReplicaLeavesTheLeader) {
  const ShardView view =
      During(sharding::MoveReplica{.shard = ShardId(7), .from = NodeId(2), .to = NodeId(4)});
  EXPECT_EQ(view.leader, NodeId(1));
  EXPECT_EQ(NodesOf(view), (std::vector<uint64_t>{1, 3, 4}));
}

}  // namespace
}  // namespace flotilla::node
