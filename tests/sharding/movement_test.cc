// What plans cost, at the size of a large cluster.
#include "sharding/movement.h"

#include <cstdint>
#include <vector>

#include "base/random.h"
#include "sharding/planner.h"
#include "tests/sharding/cluster_model.h"
#include <gtest/gtest.h>

namespace flotilla::sharding {
namespace {

constexpr uint32_t kNodes = 50;
constexpr uint32_t kShards = 1000;

// Settled, shards of very different sizes and loads.
ClusterModel LargeCluster() {
  ClusterModel cluster(kNodes, kShards, 3);
  Random random(1);
  cluster.Scatter(random);
  for (ShardView& shard : cluster.view().shards) {
    shard.bytes = random.Between(1, 20) * random.Between(1, 100'000);
    shard.load = random.Between(1, 20) * random.Between(1, 20);
  }
  cluster.Settle({});
  return cluster;
}

// Carries out the whole plan and returns what it cost.
Movement Carry(ClusterModel& cluster) {
  const Plan plan = MakeWholePlan(cluster.view(), {});
  EXPECT_TRUE(plan.complete);
  const Movement movement = MovementOf(cluster.view(), plan.steps, {});
  for (const PlannedStep& planned : plan.steps) cluster.Carry(planned.step);
  EXPECT_TRUE(MakePlan(cluster.view(), {}).steps.empty());
  return movement;
}

void ExpectEven(const ClusterModel& cluster) {
  const Imbalance imbalance = ImbalanceOf(cluster.view(), {});
  EXPECT_LE(imbalance.replicas, 1.05);
  EXPECT_LE(imbalance.leaders, 1.05);
  EXPECT_LE(imbalance.bytes, 1.2);
  EXPECT_LE(imbalance.load, 1.2);
}

TEST(Movement, OfAJoinIsTheNewNodesShare) {
  ClusterModel cluster = LargeCluster();
  ExpectEven(cluster);
  cluster.AddNode();
  const Movement movement = Carry(cluster);
  // Its share in numbers, and an exchange or two of large for small.
  EXPECT_EQ(movement.ideal_replicas, kShards * 3 / (kNodes + 1));
  EXPECT_LE(static_cast<double>(movement.replicas),
            1.02 * static_cast<double>(movement.ideal_replicas));
  EXPECT_LE(static_cast<double>(movement.bytes), 1.02 * static_cast<double>(movement.ideal_bytes));
  ExpectEven(cluster);
}

TEST(Movement, OfADrainIsWhatWasOnTheNode) {
  ClusterModel cluster = LargeCluster();
  cluster.node(7).state = NodeState::kDraining;
  const uint32_t leaving = cluster.ReplicasOn(7);
  const Movement movement = Carry(cluster);
  EXPECT_EQ(movement.ideal_replicas, leaving);
  EXPECT_LE(movement.replicas, leaving + 1);
  ExpectEven(cluster);
}

TEST(Movement, OfADeadNodeIsWhatWasOnIt) {
  ClusterModel cluster = LargeCluster();
  const uint32_t lost = cluster.ReplicasOn(7);
  cluster.RemoveNode(7);
  const Movement movement = Carry(cluster);
  EXPECT_EQ(movement.ideal_replicas, lost);
  EXPECT_LE(movement.replicas, lost + 1);
  ExpectEven(cluster);
}

TEST(Movement, OfAnEvenClusterIsNothing) {
  const ClusterModel cluster(4, 8, 1);
  const Movement movement = MovementOf(cluster.view(), {}, {});
  EXPECT_EQ(movement.ideal_replicas, 0u);
  EXPECT_EQ(movement.ideal_bytes, 0u);
  EXPECT_EQ(ImbalanceOf(cluster.view(), {}).replicas, 1.0);
}

TEST(Movement, CountsEveryCopyWithItsBytes) {
  ClusterModel cluster(2, 2, 1);
  cluster.shard(1).bytes = 70;
  cluster.shard(2).bytes = 30;
  const std::vector<PlannedStep> steps{
      {MoveReplica{ShardId(1), NodeId(1), NodeId(2)}, Cause::kByteBalance},
      {TransferLeader{ShardId(2), NodeId(2), NodeId(1)}, Cause::kLoadBalance}};
  const Movement movement = MovementOf(cluster.view(), steps, {});
  EXPECT_EQ(movement.replicas, 1u);
  EXPECT_EQ(movement.bytes, 70u);
  EXPECT_EQ(movement.ideal_bytes, 20u);
}

}  // namespace
}  // namespace flotilla::sharding
