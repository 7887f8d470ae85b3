// What holds for every cluster and every sequence of events.
#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "base/random.h"
#include "sharding/planner.h"
#include "tests/sharding/cluster_model.h"
#include <gtest/gtest.h>

namespace flotilla::sharding {
namespace {

constexpr uint64_t kSeeds = 600;

PlannerOptions RandomLimits(Random& random) {
  PlannerOptions options;
  options.max_moves = static_cast<uint32_t>(random.Between(1, 20));
  options.max_moves_per_node = static_cast<uint32_t>(random.Between(1, 5));
  options.max_transfers = static_cast<uint32_t>(random.Between(1, 20));
  options.max_splits = static_cast<uint32_t>(random.Between(1, 3));
  return options;
}

const NodeView* Find(const ClusterView& view, NodeId id) {
  const auto found = std::find_if(view.nodes.begin(), view.nodes.end(),
                                  [id](const NodeView& node) { return node.node == id; });
  return found == view.nodes.end() ? nullptr : &*found;
}

bool MustGo(const ClusterView& view, const ReplicaView& replica) {
  const NodeView* node = Find(view, replica.node);
  return replica.failed || node == nullptr || node->state == NodeState::kDraining ||
         (node->state == NodeState::kDown && node->down_for >= PlannerOptions().dead_after);
}

// A settled cluster: every shard is as the rules want it, or the plan says why it cannot be.
void CheckRules(const ClusterModel& cluster) {
  const Plan plan = MakePlan(cluster.view(), {});
  std::map<ShardId, Obstacle> short_of;
  for (const Shortfall& shortfall : plan.shortfalls) short_of[shortfall.shard] = shortfall.obstacle;
  uint32_t room = 0;
  for (const NodeView& node : cluster.view().nodes) {
    room += node.state == NodeState::kUp && node.weight > 0 ? 1 : 0;
  }
  for (const ShardView& shard : cluster.view().shards) {
    SCOPED_TRACE("shard " + ToString(shard.shard));
    if (short_of.contains(shard.shard)) {
      // Where there are enough nodes there is always one to go to.
      EXPECT_TRUE(short_of[shard.shard] == Obstacle::kNoQuorum ||
                  room <= cluster.view().rules.replicas + 1);
      continue;
    }
    EXPECT_EQ(shard.replicas.size(), cluster.view().rules.replicas);
    for (const ReplicaView& replica : shard.replicas) {
      EXPECT_FALSE(MustGo(cluster.view(), replica));
    }
  }
}

// Equal nodes in no zone, each with every one of its replicas live, have counts that differ by one.
void CheckCounts(const ClusterModel& cluster) {
  uint32_t least = UINT32_MAX;
  uint32_t most = 0;
  for (const NodeView& node : cluster.view().nodes) {
    const bool simple = node.state == NodeState::kUp && node.zone.empty() && node.weight == 1;
    if (!simple) return;
    least = std::min(least, cluster.ReplicasOn(node.node.value()));
    most = std::max(most, cluster.ReplicasOn(node.node.value()));
  }
  for (const ShardView& shard : cluster.view().shards) {
    for (const ReplicaView& replica : shard.replicas) {
      if (MustGo(cluster.view(), replica)) return;
    }
  }
  EXPECT_LE(most, cluster.view().nodes.empty() ? 0 : least + 1);
}

// Many ask for one shard, and most of them, perhaps, for the same slot.
void HeatUp(Random& random, ClusterModel& cluster) {
  ShardView& shard = cluster.view().shards[random.Below(cluster.view().shards.size())];
  shard.divisible_load = random.Below(200'000);
  shard.samples.clear();
  for (uint64_t slot = shard.arc.first.value; slot <= shard.arc.last.value;
       slot += random.Between(1, 1000)) {
    const uint64_t load = random.Chance(1, 20) ? random.Below(1000) : random.Below(10);
    shard.samples.push_back({.slot = Slot{static_cast<uint16_t>(slot)}, .load = load});
  }
}

TEST(PlannerProperty, WhateverHappensPlanningEndsAndEveryStepIsSafe) {
  for (uint64_t seed = 0; seed < kSeeds && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    ClusterModel cluster = RandomCluster(random);
    PlannerOptions options = RandomLimits(random);
    options.max_shards = 60;
    for (int event = 0; event < 8; ++event) {
      SCOPED_TRACE("event " + std::to_string(event));
      if (random.Chance(1, 3)) HeatUp(random, cluster);
      cluster.Settle(options);
      CheckRules(cluster);
      CheckCounts(cluster);
      RandomEvent(random, cluster);
    }
  }
}

TEST(PlannerProperty, EventsThatOvertakePlansDoNoHarm) {
  for (uint64_t seed = 0; seed < kSeeds && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    ClusterModel cluster = RandomCluster(random);
    for (int event = 0; event < 20; ++event) {
      const Plan plan = MakePlan(cluster.view(), RandomLimits(random));
      // Some steps are never begun; what else was planned on their shards relied on them.
      std::set<ShardId> given_up;
      for (const PlannedStep& planned : plan.steps) {
        const ShardId shard = ShardOf(planned.step);
        if (random.Chance(1, 3)) given_up.insert(shard);
        if (!given_up.contains(shard)) cluster.Carry(planned.step);
        if (::testing::Test::HasFailure()) return;
      }
      RandomEvent(random, cluster);
    }
    cluster.Settle({});
    CheckRules(cluster);
  }
}

NodeId BeneficiaryOf(const Step& step) {
  if (const auto* move = std::get_if<MoveReplica>(&step)) return move->to;
  if (const auto* add = std::get_if<AddReplica>(&step)) return add->to;
  if (const auto* transfer = std::get_if<TransferLeader>(&step)) return transfer->to;
  return {};
}

// Half an exchange that is begun would be taken back by the next plan, which begins it again.
TEST(PlannerProperty, PlanningEndsWhateverIsTriedInVain) {
  for (uint64_t seed = 0; seed < kSeeds && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    ClusterModel cluster = RandomCluster(random);
    const PlannerOptions options = RandomLimits(random);
    for (int event = 0; event < 3; ++event) RandomEvent(random, cluster);
    size_t left = 1000 + cluster.view().shards.size() * 50;
    for (Plan plan = MakePlan(cluster.view(), options); !plan.steps.empty() && left > 0;
         plan = MakePlan(cluster.view(), options)) {
      ASSERT_GT(plan.at_once, 0u);
      for (size_t i = 0; i < plan.at_once; ++i, --left) {
        const Step& step = plan.steps[i].step;
        const NodeId to = BeneficiaryOf(step);
        if (!to.is_none() && random.Chance(1, 10)) {
          cluster.shard(ShardOf(step).value()).avoided.push_back(to);
        } else {
          cluster.Carry(step);
        }
      }
    }
    EXPECT_GT(left, 0u) << "planning does not end";
  }
}

TEST(PlannerProperty, LimitsDoNotChangeWhereItEnds) {
  for (uint64_t seed = 0; seed < kSeeds / 2 && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    ClusterModel cluster = RandomCluster(random);
    for (int event = 0; event < 3; ++event) RandomEvent(random, cluster);
    ClusterModel other = cluster;
    ClusterModel at_once = cluster;
    cluster.Settle(RandomLimits(random));
    other.Settle(RandomLimits(random));
    EXPECT_EQ(cluster.Text(), other.Text());
    const Plan whole = MakeWholePlan(at_once.view(), {});
    EXPECT_TRUE(whole.complete);
    for (const PlannedStep& planned : whole.steps) at_once.Carry(planned.step);
    EXPECT_EQ(cluster.Text(), at_once.Text());
  }
}

TEST(PlannerProperty, PlansKeepToTheirLimits) {
  for (uint64_t seed = 0; seed < kSeeds / 2; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    ClusterModel cluster = RandomCluster(random);
    RandomEvent(random, cluster);
    PlannerOptions options = RandomLimits(random);
    // Room for any exchange.
    options.max_moves = std::max(options.max_moves, 3u);
    options.max_moves_per_node = std::max(options.max_moves_per_node, 2u);
    options.max_transfers = 20;
    std::map<NodeId, uint32_t> moves_of_node;
    uint32_t moves = 0;
    for (const PlannedStep& planned : MakePlan(cluster.view(), options).steps) {
      if (const auto* move = std::get_if<MoveReplica>(&planned.step)) {
        ++moves_of_node[move->from];
        ++moves_of_node[move->to];
      } else if (const auto* add = std::get_if<AddReplica>(&planned.step)) {
        ++moves_of_node[add->to];
      }
      if (IsCopy(planned.step) || std::holds_alternative<RemoveReplica>(planned.step)) ++moves;
    }
    EXPECT_LE(moves, options.max_moves);
    for (const auto& [node, count] : moves_of_node) {
      const NodeView* view = Find(cluster.view(), node);
      if (view == nullptr || view->state == NodeState::kDown) continue;
      EXPECT_LE(count, options.max_moves_per_node);
    }
  }
}

TEST(PlannerProperty, TheOrderOfTheInputDoesNotMatter) {
  for (uint64_t seed = 0; seed < kSeeds / 2; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    ClusterModel cluster = RandomCluster(random);
    for (int event = 0; event < 3; ++event) RandomEvent(random, cluster);
    ClusterView shuffled = cluster.view();
    random.Shuffle(shuffled.nodes);
    random.Shuffle(shuffled.shards);
    for (ShardView& shard : shuffled.shards) random.Shuffle(shard.replicas);
    const Plan plan = MakeWholePlan(cluster.view(), {});
    const Plan again = MakeWholePlan(shuffled, {});
    EXPECT_EQ(plan.steps, again.steps);
    EXPECT_EQ(plan.shortfalls, again.shortfalls);
  }
}

TEST(PlannerProperty, WhatIsPendingIsLeftAlone) {
  for (uint64_t seed = 0; seed < kSeeds / 2; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    ClusterModel cluster = RandomCluster(random);
    RandomEvent(random, cluster);
    for (ShardView& shard : cluster.view().shards) {
      if (random.Chance(1, 3)) shard.pending = PendingChange{};
    }
    // The model refuses steps on shards that are pending; what is pending uses up no limit here.
    PlannerOptions options;
    options.max_moves = 1000;
    cluster.Settle(options);
  }
}

}  // namespace
}  // namespace flotilla::sharding
