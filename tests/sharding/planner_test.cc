// The planner's concerns one by one, on clusters small enough to follow. The cases of MIT 6.5840's
// lab 5A (shard controller: Basic, Concurrent leave/join, Minimal transfers, Multi-group
// join/leave) are named Mit5A; its joins and leaves come through a log, so here they come all
// before one plan.
#include "sharding/planner.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "sharding/movement.h"
#include "tests/sharding/cluster_model.h"
#include <gtest/gtest.h>

namespace flotilla::sharding {
namespace {

// Without bytes and load that would have to be evened out.
ClusterModel Even(uint32_t nodes, uint32_t shards, uint32_t replicas = 3) {
  ClusterModel cluster(nodes, shards, replicas);
  cluster.Settle({});
  return cluster;
}

ClusterModel Scattered(uint32_t nodes, uint32_t shards) {
  ClusterModel cluster(nodes, shards, 3);
  Random random(1);
  cluster.Scatter(random);
  cluster.Settle({});
  return cluster;
}

uint32_t Spread(const ClusterModel& cluster, uint32_t (ClusterModel::*count)(uint64_t) const) {
  std::vector<uint32_t> counts;
  for (const NodeView& node : cluster.view().nodes) {
    if (node.state == NodeState::kUp) counts.push_back((cluster.*count)(node.node.value()));
  }
  return *std::max_element(counts.begin(), counts.end()) -
         *std::min_element(counts.begin(), counts.end());
}

std::vector<std::string> Texts(const Plan& plan) {
  std::vector<std::string> texts;
  for (const PlannedStep& planned : plan.steps) texts.push_back(ToString(planned.step));
  return texts;
}

void SetZones(ClusterModel& cluster, uint32_t zones) {
  for (NodeView& node : cluster.view().nodes) {
    node.zone = "z" + std::to_string(node.node.value() % zones);
  }
}

TEST(Planner, LeavesAnEvenClusterAlone) {
  const Plan plan = MakePlan(Even(5, 40).view(), {});
  EXPECT_TRUE(plan.steps.empty());
  EXPECT_TRUE(plan.complete);
  EXPECT_TRUE(plan.shortfalls.empty());
}

TEST(Planner, OfNothingPlansNothing) {
  EXPECT_TRUE(MakePlan({}, {}).steps.empty());
  EXPECT_TRUE(MakePlan(ClusterModel(3, 0, 3).view(), {}).steps.empty());
}

TEST(Mit5A, JoinAndLeaveMoveTheMinimum) {
  for (uint32_t nodes = 3; nodes < 20; ++nodes) {
    ClusterModel cluster = Even(nodes, 100);
    const NodeId joined = cluster.AddNode();
    const Settled after_join = cluster.Settle({});
    EXPECT_EQ(after_join.copies, 300 / (nodes + 1));
    for (const PlannedStep& planned : after_join.steps) {
      const auto* move = std::get_if<MoveReplica>(&planned.step);
      EXPECT_TRUE(move == nullptr || move->to == joined);
    }
    const uint32_t leaving = cluster.ReplicasOn(1);
    cluster.node(1).state = NodeState::kDraining;
    const uint32_t copies = cluster.Settle({}).copies;
    EXPECT_GE(copies, leaving);
    EXPECT_LE(copies, leaving + 1);
    EXPECT_EQ(cluster.ReplicasOn(1), 0u);
    EXPECT_LE(Spread(cluster, &ClusterModel::ReplicasOn), 1u);
    EXPECT_LE(Spread(cluster, &ClusterModel::LeadersOn), 1u);
  }
}

TEST(Mit5A, ConcurrentJoinsAndLeavesGiveTheSameInAnyOrder) {
  const ClusterModel before = Even(5, 60);
  ClusterModel one = before;
  one.AddNode();
  one.AddNode();
  one.node(2).state = NodeState::kDraining;
  ClusterModel other = before;
  other.node(2).state = NodeState::kDraining;
  other.AddNode();
  other.AddNode();
  std::swap(other.view().nodes[5], other.view().nodes[6]);
  EXPECT_EQ(MakeWholePlan(one.view(), {}).steps, MakeWholePlan(other.view(), {}).steps);
}

TEST(Mit5A, SeveralJoinAtOnceAndNothingMovesBetweenOldNodes) {
  ClusterModel cluster = Even(4, 60);
  for (int i = 0; i < 4; ++i) cluster.AddNode();
  EXPECT_EQ(cluster.Settle({}).copies, 4u * (180 / 8));
  EXPECT_LE(Spread(cluster, &ClusterModel::ReplicasOn), 1u);
}

TEST(Mit5A, SeveralLeaveAtOnce) {
  ClusterModel cluster = Even(8, 60);
  uint32_t leaving = 0;
  for (uint64_t id = 1; id <= 4; ++id) {
    cluster.node(id).state = NodeState::kDraining;
    leaving += cluster.ReplicasOn(id);
  }
  const Settled settled = cluster.Settle({});
  EXPECT_GE(settled.copies, leaving);
  EXPECT_LE(settled.copies, leaving + 2);
  EXPECT_LE(Spread(cluster, &ClusterModel::ReplicasOn), 1u);
}

TEST(PlannerRepair, ReplacesWhatIsOnADeadNodeAndNothingElse) {
  ClusterModel cluster = Scattered(9, 60);
  const uint32_t lost = cluster.ReplicasOn(3);
  cluster.KillNode(3, std::chrono::minutes(10));
  const Settled settled = cluster.Settle({});
  EXPECT_EQ(settled.copies, lost);
  EXPECT_EQ(cluster.ReplicasOn(3), 0u);
  for (const PlannedStep& planned : settled.steps) {
    const auto* move = std::get_if<MoveReplica>(&planned.step);
    EXPECT_TRUE(move == nullptr || move->from == NodeId(3));
  }
}

TEST(PlannerRepair, WaitsForANodeThatIsAwayForAWhile) {
  ClusterModel cluster = Even(5, 50);
  cluster.KillNode(3, std::chrono::minutes(10) - Duration(1));
  EXPECT_EQ(cluster.Settle({}).copies, 0u);
  cluster.node(3).state = NodeState::kUp;
  EXPECT_EQ(cluster.Settle({}).copies, 0u);
}

TEST(PlannerRepair, DoesNotWaitWhenAnotherVoterIsAwayToo) {
  ClusterModel cluster = Even(7, 21, 5);
  const ShardView& shard = cluster.shard(1);
  const uint64_t first = shard.replicas[0].node.value();
  const uint64_t second = shard.replicas[1].node.value();
  cluster.KillNode(first, Duration(1));
  EXPECT_EQ(cluster.Settle({}).copies, 0u);
  cluster.KillNode(second, Duration(1));
  EXPECT_GT(cluster.Settle({}).copies, 0u);
}

TEST(PlannerRepair, ComesBeforeAllElseAndTheWeakestShardFirst) {
  for (uint64_t weakest = 1; weakest <= 8; ++weakest) {
    ClusterModel cluster = Even(8, 8, 5);
    cluster.AddNode();
    cluster.node(1).state = NodeState::kDraining;
    for (ShardView& shard : cluster.view().shards) shard.replicas[4].failed = true;
    cluster.shard(weakest).replicas[3].failed = true;
    cluster.ElectLeaders();
    const Plan plan = MakeWholePlan(cluster.view(), {});
    ASSERT_GE(plan.steps.size(), 10u);
    EXPECT_EQ(ShardOf(plan.steps[0].step), ShardId(weakest));
    EXPECT_TRUE(std::is_sorted(plan.steps.begin(), plan.steps.end(),
                               [](const auto& a, const auto& b) { return a.cause < b.cause; }));
  }
}

TEST(PlannerRepair, AddsWhatIsMissing) {
  ClusterModel cluster(1, 4, 3);
  cluster.AddNode();
  cluster.AddNode();
  EXPECT_EQ(cluster.Settle({}).copies, 8u);
  EXPECT_EQ(Spread(cluster, &ClusterModel::ReplicasOn), 0u);
}

TEST(PlannerRepair, SaysWhatItCannotRepair) {
  ClusterModel cluster = Even(3, 2);
  cluster.KillNode(3, std::chrono::hours(1));
  const Plan no_target = MakePlan(cluster.view(), {});
  EXPECT_EQ(no_target.shortfalls, (std::vector<Shortfall>{{ShardId(1), Obstacle::kNoTarget},
                                                          {ShardId(2), Obstacle::kNoTarget}}));
  cluster.KillNode(2, std::chrono::hours(1));
  cluster.AddNode();
  const Plan no_quorum = MakePlan(cluster.view(), {});
  EXPECT_TRUE(no_quorum.steps.empty());
  EXPECT_EQ(no_quorum.shortfalls[0].obstacle, Obstacle::kNoQuorum);
}

TEST(PlannerDrain, TakesLeadersAwayFirst) {
  ClusterModel cluster = Even(4, 20);
  const uint32_t led = cluster.LeadersOn(2);
  ASSERT_GT(led, 0u);
  cluster.node(2).state = NodeState::kDraining;
  const Plan plan = MakeWholePlan(cluster.view(), {});
  for (size_t i = 0; i < plan.steps.size() && plan.steps[i].cause == Cause::kDrain; ++i) {
    EXPECT_EQ(std::holds_alternative<TransferLeader>(plan.steps[i].step), i < led) << i;
  }
}

// Of one shard only the first: the move of a shard waits until its leadership has gone.
TEST(Planner, SaysHowManyStepsMayRunAtOnce) {
  ClusterModel cluster = Even(4, 20);
  EXPECT_EQ(MakePlan(cluster.view(), {}).at_once, 0u);
  const uint32_t led = cluster.LeadersOn(2);
  cluster.node(2).state = NodeState::kDraining;
  const Plan plan = MakeWholePlan(cluster.view(), {});
  std::set<ShardId> changed;
  for (size_t i = 0; i < plan.at_once; ++i) {
    EXPECT_TRUE(changed.insert(ShardOf(plan.steps[i].step)).second);
  }
  EXPECT_GE(plan.at_once, led);
  ASSERT_LT(plan.at_once, plan.steps.size());
  EXPECT_TRUE(changed.contains(ShardOf(plan.steps[plan.at_once].step)));
}

TEST(Planner, GivesAnAvoidedNodeNothingOfTheShard) {
  ClusterModel cluster = Even(3, 6);
  const NodeId joined = cluster.AddNode();
  cluster.shard(1).avoided = {joined};
  cluster.shard(2).avoided = {NodeId(1), NodeId(2), NodeId(3)};
  const NodeId leader = cluster.shard(2).leader;
  for (const PlannedStep& planned : cluster.Settle({}).steps) {
    EXPECT_NE(ShardOf(planned.step), ShardId(1));
  }
  EXPECT_TRUE(cluster.shard(2).leader == leader || cluster.shard(2).leader == joined);
  EXPECT_GT(cluster.ReplicasOn(joined.value()), 3u) << "others go there instead";
}

TEST(Planner, LeavesAloneWhatWasCalledOff) {
  ClusterModel cluster = Even(5, 1, 5);
  cluster.view().rules.replicas = 3;
  for (ReplicaView& replica : cluster.shard(1).replicas) replica.kept = true;
  cluster.shard(1).kept_whole = true;
  cluster.shard(1).bytes = UINT64_MAX / 16;
  EXPECT_TRUE(MakePlan(cluster.view(), {}).steps.empty());
  cluster.shard(1).replicas[3].kept = false;
  cluster.shard(1).kept_whole = false;
  EXPECT_EQ(MakePlan(cluster.view(), {}).steps.size(), 2u) << "one replica goes, and a split";
}

TEST(PlannerDrain, RemovesReplicasBeyondTheNumberInsteadOfMovingThem) {
  ClusterModel cluster = Even(7, 14, 5);
  cluster.node(2).state = NodeState::kDraining;
  cluster.view().rules.replicas = 4;
  for (const PlannedStep& planned : cluster.Settle({}).steps) {
    const auto* move = std::get_if<MoveReplica>(&planned.step);
    EXPECT_TRUE(move == nullptr || move->from != NodeId(2));
  }
  EXPECT_EQ(cluster.ReplicasOn(2), 0u);
}

TEST(PlannerDrain, KeepsTheReplicaThatTheQuorumNeeds) {
  // One of three is away: without the draining one the other would be one of two.
  ClusterModel cluster = Even(3, 1);
  cluster.KillNode(3, Duration(1));
  cluster.node(1).state = NodeState::kDraining;
  cluster.view().rules.replicas = 2;
  cluster.Settle({});
  EXPECT_EQ(cluster.ReplicasOn(2), 1u);
  EXPECT_EQ(cluster.ReplicasOn(3), 0u);
}

TEST(PlannerDrain, StopsWhereNoNodeIsLeft) {
  ClusterModel cluster = Even(3, 6);
  cluster.node(2).state = NodeState::kDraining;
  cluster.Settle({});
  EXPECT_EQ(cluster.ReplicasOn(2), 6u);
  EXPECT_EQ(cluster.LeadersOn(2), 0u);
  EXPECT_EQ(MakePlan(cluster.view(), {}).shortfalls.size(), 6u);
}

TEST(PlannerRules, SpreadsReplicasOverZones) {
  ClusterModel cluster = Even(9, 30);
  SetZones(cluster, 3);
  cluster.Settle({});
  for (const ShardView& shard : cluster.view().shards) {
    std::vector<uint64_t> zones;
    for (const ReplicaView& replica : shard.replicas) zones.push_back(replica.node.value() % 3);
    std::sort(zones.begin(), zones.end());
    EXPECT_EQ(zones, (std::vector<uint64_t>{0, 1, 2}));
  }
  EXPECT_LE(Spread(cluster, &ClusterModel::ReplicasOn), 1u);
}

TEST(PlannerRules, TakesAsManyZonesAsThereAre) {
  ClusterModel cluster = Even(6, 30);
  SetZones(cluster, 2);
  cluster.Settle({});
  for (const ShardView& shard : cluster.view().shards) {
    const auto in_first =
        std::count_if(shard.replicas.begin(), shard.replicas.end(),
                      [](const ReplicaView& replica) { return replica.node.value() % 2 == 0; });
    EXPECT_TRUE(in_first == 1 || in_first == 2);
  }
}

TEST(PlannerRules, RemovesReplicasBeyondTheNumberDeadOnesFirst) {
  ClusterModel cluster = Even(5, 10, 5);
  cluster.KillNode(4, Duration(1));
  cluster.view().rules.replicas = 3;
  const Settled settled = cluster.Settle({});
  EXPECT_EQ(cluster.ReplicasOn(4), 0u);
  for (const ShardView& shard : cluster.view().shards) EXPECT_EQ(shard.replicas.size(), 3u);
  EXPECT_LE(settled.copies, 2u);
}

TEST(PlannerRules, RemovesALearnerThatNobodyWaitsFor) {
  ClusterModel cluster = Even(4, 4);
  ShardView& shard = cluster.shard(1);
  for (const NodeView& node : cluster.view().nodes) {
    const bool is_member =
        std::any_of(shard.replicas.begin(), shard.replicas.end(),
                    [&](const ReplicaView& replica) { return replica.node == node.node; });
    if (is_member) continue;
    shard.replicas.push_back({node.node, ReplicaRole::kLearner, false});
    break;
  }
  ASSERT_EQ(shard.replicas.size(), 4u);
  const std::string learner = ToString(shard.replicas.back().node);
  EXPECT_EQ(Texts(MakePlan(cluster.view(), {}))[0], "remove shard 1 from node " + learner);
}

TEST(PlannerBalance, FollowsWeights) {
  ClusterModel cluster(6, 70, 3);
  cluster.node(1).weight = 2;
  cluster.node(2).weight = 0;
  cluster.Settle({});
  EXPECT_EQ(cluster.ReplicasOn(1), 70u);
  EXPECT_EQ(cluster.ReplicasOn(2), 0u);
  EXPECT_EQ(cluster.ReplicasOn(3), 35u);
}

TEST(PlannerBalance, EvensOutLeadersThroughChains) {
  // Node 1 leads two shards, but shares none with node 3, which leads none.
  ClusterModel cluster(3, 3, 2);
  const std::vector<std::vector<uint64_t>> members{{1, 2}, {1, 2}, {2, 3}};
  for (uint64_t id = 1; id <= 3; ++id) {
    cluster.shard(id).replicas.clear();
    for (const uint64_t node : members[id - 1]) {
      cluster.shard(id).replicas.push_back({NodeId(node), ReplicaRole::kVoter, false});
    }
    cluster.shard(id).leader = NodeId(members[id - 1][0]);
  }
  const Plan plan = MakeWholePlan(cluster.view(), {});
  for (const PlannedStep& planned : plan.steps) cluster.Carry(planned.step);
  EXPECT_EQ(Spread(cluster, &ClusterModel::LeadersOn), 0u);
}

TEST(PlannerBalance, ExchangesLargeForSmall) {
  ClusterModel cluster = Even(4, 40);
  for (ShardView& shard : cluster.view().shards) {
    const bool on_first = std::any_of(shard.replicas.begin(), shard.replicas.end(),
                                      [](const auto& r) { return r.node == NodeId(1); });
    shard.bytes = on_first ? 3000 : 100;
  }
  EXPECT_GT(ImbalanceOf(cluster.view(), {}).bytes, 1.2);
  cluster.Settle({});
  EXPECT_LE(ImbalanceOf(cluster.view(), {}).bytes, 1.2);
  EXPECT_LE(Spread(cluster, &ClusterModel::ReplicasOn), 1u);
  EXPECT_LE(Spread(cluster, &ClusterModel::LeadersOn), 1u);
}

TEST(PlannerBalance, HotShardsGetDifferentLeadersWithoutAnyDataMoving) {
  ClusterModel cluster = Scattered(4, 40);
  for (ShardView& shard : cluster.view().shards) {
    shard.load = shard.leader == NodeId(1) ? 500 : 10;
  }
  EXPECT_EQ(cluster.Settle({}).copies, 0u);
  EXPECT_LE(ImbalanceOf(cluster.view(), {}).load, 1.2);
  EXPECT_LE(Spread(cluster, &ClusterModel::LeadersOn), 1u);
}

TEST(PlannerBalance, LeadersThatWereMovedForTheirLoadStayForAWhile) {
  ClusterModel cluster = Scattered(4, 40);
  for (ShardView& shard : cluster.view().shards) {
    shard.load = shard.leader == NodeId(1) ? 500 : 10;
    shard.leader_settled = true;
  }
  EXPECT_EQ(cluster.Settle({}).steps.size(), 0u);
}

TEST(PlannerBalance, AFewRequestsMoveNoLeader) {
  ClusterModel cluster = Scattered(4, 40);
  for (ShardView& shard : cluster.view().shards) {
    shard.load = shard.leader == NodeId(1) ? 6 : 0;
  }
  EXPECT_GT(ImbalanceOf(cluster.view(), {}).load, 2);
  EXPECT_EQ(cluster.Settle({}).steps.size(), 0u);
  PlannerOptions options;
  options.least_load = 5;
  EXPECT_GT(cluster.Settle(options).steps.size(), 0u);
}

TEST(PlannerBalance, OneHugeShardIsNotPassedAround) {
  ClusterModel cluster = Even(6, 30, 1);
  cluster.shard(1).bytes = 1'000'000;
  cluster.shard(1).load = 100'000;
  PlannerOptions options;
  options.split_load = 0;
  EXPECT_TRUE(cluster.Settle(options).steps.empty());
}

TEST(PlannerBalance, NoiseInEstimatesMovesNothingBack) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    ClusterModel cluster(8, 80, 3);
    std::vector<std::pair<uint64_t, uint64_t>> truth;
    for (ShardView& shard : cluster.view().shards) {
      truth.emplace_back(random.Between(500, 10'000), random.Between(50, 1000));
      std::tie(shard.bytes, shard.load) = truth.back();
    }
    cluster.Settle({});
    size_t early = 0;
    size_t late = 0;
    for (int round = 0; round < 200; ++round) {
      for (size_t i = 0; i < truth.size(); ++i) {
        ShardView& shard = cluster.view().shards[i];
        shard.bytes = truth[i].first * random.Between(95, 105) / 100;
        shard.load = truth[i].second * random.Between(95, 105) / 100;
      }
      (round < 100 ? early : late) += cluster.Settle({}).steps.size();
    }
    EXPECT_LE(early, 8u);
    EXPECT_EQ(late, 0u);
  }
}

TEST(PlannerSplit, CutsWhatIsTooLargeUntilNothingIs) {
  ClusterModel cluster = Even(4, 4);
  PlannerOptions options;
  options.split_bytes = 10'000;
  cluster.shard(3).bytes = 75'000;
  const Settled settled = cluster.Settle(options);
  EXPECT_EQ(cluster.view().shards.size(), 4u + 7);
  for (const ShardView& shard : cluster.view().shards) EXPECT_LE(shard.bytes, 10'000u);
  EXPECT_EQ(settled.steps[0].step, Step(SplitShard{ShardId(3), Slot{10240}}));
  EXPECT_LE(Spread(cluster, &ClusterModel::ReplicasOn), 1u);
}

TEST(PlannerSplit, CutsWhatIsTooHot) {
  ClusterModel cluster = Even(4, 4);
  cluster.shard(2).divisible_load = 30'000;
  const Settled settled = cluster.Settle({});
  EXPECT_EQ(cluster.view().shards.size(), 5u);
  EXPECT_EQ(settled.steps.at(0).cause, Cause::kLoadSplit);
}

TEST(PlannerSplit, CutsWhatIsTooHotWhereTheLoadIs) {
  ClusterModel cluster = Even(4, 4);
  ShardView& hot = cluster.shard(1);
  hot.divisible_load = 30'000;
  hot.samples = {{.slot = Slot{10}, .load = 5}, {.slot = Slot{20}, .load = 5}};
  const Settled settled = cluster.Settle({});
  ASSERT_EQ(settled.steps.size(), 1u);
  EXPECT_EQ(settled.steps[0].step, Step(SplitShard{ShardId(1), Slot{20}}));
}

// A scan of all keys would come to every shard that this one is cut into.
TEST(PlannerSplit, DoesNotCutForLoadThatASplitDoesNotDivide) {
  ClusterModel cluster = Even(4, 4);
  cluster.shard(2).load = 30'000;
  EXPECT_EQ(cluster.Settle({}).steps.size(), 0u);
  EXPECT_EQ(cluster.view().shards.size(), 4u);
}

TEST(PlannerSplit, LeavesOneHotSlotAlone) {
  ClusterModel cluster = Even(4, 4);
  ShardView& hot = cluster.shard(1);
  hot.divisible_load = 1'000'000;
  hot.samples = {{.slot = Slot{10}, .load = 2}, {.slot = Slot{20}, .load = 98}};
  cluster.Settle({});
  EXPECT_EQ(cluster.view().shards.size(), 4u);
  // It is too large all the same.
  PlannerOptions options;
  options.split_bytes = 900;
  options.max_shards = 5;
  EXPECT_EQ(cluster.Settle(options).steps.at(0).cause, Cause::kSplit);
}

// Half of the load is at one slot: the rest is spread, and then nothing more can be done.
TEST(PlannerSplit, EndsWhenOnlyHotSlotsAreLeft) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    ClusterModel cluster = Even(4, 4);
    ShardView& hot = cluster.shard(2);
    uint64_t all = 0;
    uint64_t hottest = 0;
    for (uint16_t slot = hot.arc.first.value; slot <= hot.arc.last.value; ++slot) {
      if (!random.Chance(1, 50)) continue;
      const uint64_t load = random.Chance(1, 20) ? random.Below(50'000) : random.Below(500);
      hot.samples.push_back({.slot = Slot{slot}, .load = load});
      all += load;
      hottest = std::max(hottest, load);
    }
    hot.divisible_load = all;
    cluster.Settle({});
    // A cut takes away a tenth at least; where none can, a tenth at most is on either side of one.
    EXPECT_LE(cluster.view().shards.size(), 4 + 10 * (all / 20'000 + 1));
    for (const ShardView& shard : cluster.view().shards) {
      EXPECT_LE(shard.divisible_load, std::max<uint64_t>(20'000, hottest * 10 / 8 + 10));
    }
  }
}

TEST(PlannerSplit, StopsAtTheLargestNumberOfShards) {
  ClusterModel cluster = Even(4, 4);
  for (ShardView& shard : cluster.view().shards) shard.bytes = 1'000'000;
  PlannerOptions options;
  options.split_bytes = 10'000;
  options.max_shards = 7;
  cluster.Settle(options);
  EXPECT_EQ(cluster.view().shards.size(), 7u);
}

TEST(PlannerSplit, LeavesTheSameArcsWhateverTheLimit) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    Random random(seed);
    ClusterModel cluster = Even(5, 8);
    for (ShardView& shard : cluster.view().shards) shard.bytes = random.Between(1000, 80'000);
    ClusterModel other = cluster;
    PlannerOptions options;
    options.split_bytes = 10'000;
    cluster.Settle(options);
    options.max_splits = 1;
    other.Settle(options);
    EXPECT_EQ(cluster.Text(), other.Text()) << seed;
  }
}

}  // namespace
}  // namespace flotilla::sharding
