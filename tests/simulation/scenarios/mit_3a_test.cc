// Leader election, after part 3A of the labs of MIT 6.5840.
#include <algorithm>
#include <vector>

#include "tests/simulation/scenarios/scenario.h"
#include "tests/simulation/scenarios/scenario_seeds.h"
#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

class Mit3A : public ScenarioTest {};
INSTANTIATE_TEST_SUITE_P(Seeds, Mit3A, ScenarioSeeds());

TEST_P(Mit3A, InitialElection) {
  Scenario scenario(GetParam());
  scenario.Start();
  const NodeIndex leader = scenario.AwaitLeader();
  const Term term = scenario.TermOf(leader);
  EXPECT_GE(term, Term(1));
  scenario.RunFor(kElectionTimeout * 4);
  // Without faults nothing changes.
  EXPECT_EQ(scenario.AwaitLeader(), leader);
  for (NodeIndex node : scenario.All()) EXPECT_EQ(scenario.TermOf(node), term);
}

TEST_P(Mit3A, ReElection) {
  Scenario scenario(GetParam());
  scenario.Start();
  const NodeIndex first = scenario.AwaitLeader();
  scenario.Isolate(first);
  const NodeIndex second = scenario.AwaitLeaderAmong(scenario.AllBut({first}));
  const Term term = scenario.TermOf(second);

  // The old leader comes back and disturbs nobody.
  scenario.Rejoin(first);
  scenario.RunFor(kElectionTimeout * 4);
  EXPECT_EQ(scenario.AwaitLeader(), second);
  EXPECT_EQ(scenario.NewestTerm(), term);

  // Without a majority nobody leads, nor believes it for long.
  const NodeIndex alone = scenario.AnyBut({second});
  scenario.Isolate(second);
  scenario.Isolate(scenario.AllBut({second, alone}).front());
  scenario.RunFor(kElectionTimeout * 4);
  for (NodeIndex node : scenario.All()) {
    EXPECT_NE(scenario.Raft(node).role, raft::Role::kLeader) << node;
  }

  scenario.Rejoin(scenario.AllBut({second, alone}).front());
  scenario.CutLink(second, scenario.AllBut({second, alone}).front());
  scenario.AwaitLeaderAmong(scenario.AllBut({second}));
  scenario.Heal();
  scenario.AwaitLeader();
}

TEST_P(Mit3A, ManyElections) {
  Scenario scenario(GetParam(), {.nodes = 7});
  scenario.Start();
  for (int round = 0; round < 10; ++round) {
    std::vector<NodeIndex> order = scenario.All();
    scenario.random().Shuffle(order);
    const std::vector<NodeIndex> off(order.begin(), order.begin() + 3);
    for (NodeIndex node : off) scenario.Isolate(node);
    scenario.AwaitLeaderAmong(scenario.AllBut(off));
    scenario.Heal();
  }
  scenario.AwaitLeader();
}

}  // namespace
}  // namespace flotilla::simulation
