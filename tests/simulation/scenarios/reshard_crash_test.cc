// Every operation that changes which node holds what, and in the middle of it a power cut of every
// party: at each disk call and each message of its, one after the other. Each time the operation
// ends, whoever was acknowledged finds his write, once, and every slot has one owner, of as many
// replicas as it should have.
//
// There are too many points to cut all of them in one run: a seed takes a sample that is evenly
// spread over the operation, and another seed takes others, in another world.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "kv/directory.h"
#include "tests/simulation/scenarios/power_cut.h"
#include "tests/simulation/scenarios/scenario_seeds.h"
#include "tests/simulation/scenarios/sharded_scenario.h"
#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

using std::chrono::milliseconds;

// Who leads what when an operation begins.
constexpr NodeIndex kDirectoryLeader = 0;
constexpr NodeIndex kShardLeader = 1;
constexpr NodeIndex kFollower = 2;
constexpr NodeIndex kNewcomer = 3;
constexpr ShardId kChild{100};

struct Operation {
  ShardedOptions options;
  std::vector<NodeIndex> parties;
  // Until it is done, whoever dies meanwhile.
  std::function<void(ShardedScenario&)> carry_out;
  // Of one party and one kind.
  uint64_t most_cuts = 12;
};

// The balancer plans, looks and waits: much more happens than what it does.
ShardedOptions Balanced(NodeIndex nodes, NodeIndex spares) {
  return {.nodes = nodes,
          .spares = spares,
          .shards = 2,
          .balance = true,
          .think_mean = milliseconds(150)};
}
constexpr uint64_t kBalancedCuts = 7;

CutReport Play(const Operation& operation, uint64_t world, NodeIndex victim, CutSite site,
               uint64_t k) {
  ShardedScenario scenario(world, operation.options);
  scenario.Found();
  scenario.StartClients();
  scenario.HandOver(kv::kDirectoryShard, kDirectoryLeader);
  scenario.HandOver(kShard, kShardLeader);
  if (!scenario.running(victim)) scenario.Restart(victim);
  const uint64_t acknowledged = scenario.Acknowledged();
  PowerCut cut(scenario, victim, site, k);
  operation.carry_out(scenario);
  // What it leaves behind is cleaned up.
  scenario.RunFor(milliseconds(300));
  const CutReport report = cut.End();
  scenario.Finish();
  EXPECT_GT(scenario.Acknowledged(), acknowledged);
  return report;
}

class ReshardCrash : public ScenarioTest {
 protected:
  void Enumerate(const Operation& operation) {
    const CutSample sample = {.most = std::max<uint64_t>(1, operation.most_cuts / SampleFactor()),
                              .offset = GetParam() - 1};
    CutCount sum;
    for (const NodeIndex victim : operation.parties) {
      for (const CutSite site : {CutSite::kDiskCall, CutSite::kMessage}) {
        const std::string what = "node " + std::to_string(victim) + " dies at " + ToString(site);
        const CutCount count = CutEach(
            what, sample, [&](uint64_t k) { return Play(operation, GetParam(), victim, site, k); });
        sum = {.points = sum.points + count.points, .cuts = sum.cuts + count.cuts};
      }
    }
    EXPECT_GE(sum.cuts, operation.parties.size());
    std::printf("%lu power cuts at %lu points\n", sum.cuts, sum.points);
  }
};
INSTANTIATE_TEST_SUITE_P(Seeds, ReshardCrash, EnumerationSeeds());

TEST_P(ReshardCrash, Split) {
  Enumerate({.parties = {kDirectoryLeader, kShardLeader, kFollower},
             .carry_out = [](ShardedScenario& scenario) {
               scenario.Split(kShard, kChild, sharding::Slot{8192});
             }});
}

TEST_P(ReshardCrash, Move) {
  Enumerate({.options = {.nodes = 4},
             .parties = {kDirectoryLeader, kShardLeader, kFollower, kNewcomer},
             .carry_out = [](ShardedScenario& scenario) {
               // The one that leads goes, so that leadership is handed away before.
               scenario.Move(kShard, kShardLeader, kNewcomer);
             }});
}

TEST_P(ReshardCrash, Add) {
  Enumerate({.options = {.nodes = 4},
             .parties = {kDirectoryLeader, kShardLeader, kFollower, kNewcomer},
             .carry_out = [](ShardedScenario& scenario) {
               scenario.Want(kShard, 4);
               scenario.AddTo(kShard, kNewcomer);
             }});
}

TEST_P(ReshardCrash, Remove) {
  Enumerate({.parties = {kDirectoryLeader, kShardLeader, kFollower},
             .carry_out = [](ShardedScenario& scenario) {
               scenario.Want(kShard, 2);
               scenario.RemoveFrom(kShard, kFollower);
             }});
}

TEST_P(ReshardCrash, HandOver) {
  Enumerate({.parties = {kDirectoryLeader, kShardLeader, kFollower},
             .carry_out = [](ShardedScenario& scenario) { scenario.HandOver(kShard, kFollower); }});
}

TEST_P(ReshardCrash, Drain) {
  Enumerate({.options = Balanced(4, 0),
             .parties = {kDirectoryLeader, kShardLeader, kFollower, kNewcomer},
             .carry_out =
                 [](ShardedScenario& scenario) {
                   scenario.SetDuty(kShardLeader, sharding::NodeDuty::kDrain);
                   scenario.AwaitDone(
                       "the drain", [&scenario] { return !scenario.HoldsAnything(kShardLeader); });
                 },
             .most_cuts = kBalancedCuts});
}

TEST_P(ReshardCrash, Join) {
  Enumerate({.options = Balanced(3, 1),
             .parties = {kDirectoryLeader, kShardLeader, kFollower, kNewcomer},
             .carry_out =
                 [](ShardedScenario& scenario) {
                   if (!scenario.running(kNewcomer)) scenario.Restart(kNewcomer);
                   scenario.AwaitDone("the registration",
                                      [&scenario] { return scenario.KnownNodes().size() == 4; });
                   // What it is given.
                   scenario.AwaitDone("the first move", [&scenario] {
                     return scenario.HoldsAnything(kNewcomer) && scenario.WhatIsUnsettled().empty();
                   });
                 },
             .most_cuts = kBalancedCuts});
}

TEST_P(ReshardCrash, ReplaceADeadNode) {
  Enumerate({.options = Balanced(4, 0),
             .parties = {kDirectoryLeader, kShardLeader, kNewcomer},
             .carry_out =
                 [](ShardedScenario& scenario) {
                   scenario.Lose(kFollower);
                   scenario.AwaitDone("the replacement",
                                      [&scenario] { return scenario.WhatIsUnsettled().empty(); });
                 },
             .most_cuts = kBalancedCuts});
}

}  // namespace
}  // namespace flotilla::simulation
