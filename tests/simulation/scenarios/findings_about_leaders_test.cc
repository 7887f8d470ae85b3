// Elections that lost data, or never ended.
#include <algorithm>
#include <string>
#include <vector>

#include "tests/simulation/scenarios/jepsen_findings.h"
#include "tests/simulation/scenarios/scenario.h"
#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

using std::to_string;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Redis-Raft #14: any failover lost everything.
TEST_P(JepsenFindings, Row08_ALeaderChangeAfterEveryFewWrites) {
  Scenario scenario(GetParam(), {.nodes = 5, .small_log = true});
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  std::string expected;
  for (int round = 0; round < 24; ++round) {
    for (uint64_t i = scenario.random().Between(1, 4); i > 0; --i) {
      client.Append("list", to_string(round) + ",");
      expected += to_string(round) + ",";
    }
    const NodeIndex leader = scenario.AwaitLeader();
    switch (round % 4) {
      case 0:
        scenario.Transfer(scenario.AnyBut({leader}));
        break;
      case 1:
        scenario.Kill(leader);
        break;
      case 2:
        scenario.PowerOff(leader);
        break;
      default:
        scenario.Isolate(leader);
        break;
    }
    EXPECT_EQ(client.Get("list"), expected);
    scenario.Heal();
    scenario.RestartAll();
  }
  scenario.AwaitAgreement();
  EXPECT_GT(scenario.leaders_seen(), 15u);
}

// YugaByte 1.1.9: after a series of elections a group stayed without a leader.
TEST_P(JepsenFindings, Row16_ElectionStormsEnd) {
  Scenario scenario(GetParam(), {.nodes = 5});
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  client.Append("list", "1");
  for (int storm = 0; storm < 3; ++storm) {
    const Duration end = scenario.now() + seconds(15);
    while (scenario.now() < end) {
      // Candidates get their votes late or not at all, leaders are not heard.
      switch (scenario.random().Below(4)) {
        case 0:
          scenario.traffic().Lose({MessageKind::kHeartbeat, MessageKind::kAppend});
          break;
        case 1:
          scenario.traffic().LoseFrom(scenario.AnyBut({}), {MessageKind::kVoteResponse});
          break;
        case 2:
          scenario.PartitionAtRandom();
          break;
        default:
          scenario.Pause(scenario.AnyBut({}), kElectionTimeout * 2);
          break;
      }
      scenario.RunFor(milliseconds(scenario.random().Between(200, 1'200)));
      if (scenario.random().Chance(1, 2)) scenario.traffic().LoseNothing();
      if (scenario.random().Chance(1, 2)) scenario.Heal();
    }
    scenario.traffic().LoseNothing();
    scenario.Heal();
    const Duration calm = scenario.now();
    client.Append("list", "2");
    EXPECT_LE(scenario.now() - calm, kElectionTimeout * 12);
    // And then there is peace.
    scenario.RunFor(kElectionTimeout * 4);
    const Term term = scenario.TermOf(scenario.AwaitLeader());
    scenario.RunFor(seconds(5));
    EXPECT_EQ(scenario.NewestTerm(), term);
  }
  EXPECT_GT(scenario.leaders_seen(), 3u);
  EXPECT_EQ(client.Get("list"), "1222");
}

// TiDB 2.1.7: a fresh cluster tolerated fewer faults than a running one.
TEST_P(JepsenFindings, Row17_FaultsDuringBootstrap) {
  Scenario scenario(GetParam());
  for (NodeIndex node : scenario.All()) scenario.Restart(node);
  // The first steps take milliseconds, so many faults and soon.
  for (int i = 0; i < 60; ++i) {
    scenario.RunFor(milliseconds(scenario.random().Below(i < 30 ? 5 : 100)));
    const NodeIndex node = scenario.AnyBut({});
    switch (scenario.random().Below(4)) {
      case 0:
        scenario.PowerOff(node);
        break;
      case 1:
        scenario.Kill(node);
        break;
      case 2:
        scenario.PartitionAtRandom();
        break;
      default:
        scenario.Heal();
        break;
    }
    if (scenario.random().Chance(1, 2)) scenario.RestartAll();
  }
  scenario.Heal();
  scenario.RestartAll();
  ScenarioClient& client = scenario.NewClient();
  client.Put("k", "1");
  scenario.AwaitAgreement();
  for (NodeIndex node : scenario.All()) {
    EXPECT_EQ(scenario.node(node)->Status().cluster, scenario.node(0)->Status().cluster);
  }
  EXPECT_EQ(scenario.Raft(scenario.AwaitLeader()).configuration.voters.size(), 3u);
}

// A leader must stay usable: clients are served in time, and elections are few.
void ExpectUsable(Scenario& scenario, const std::vector<NodeIndex>& nodes, Duration latency) {
  // Whoever led may have to go first.
  scenario.RunFor(kElectionTimeout * 6);
  ScenarioClient& client = scenario.NewClientOf(nodes);
  client.Put("k", "first");
  client.ForgetLongest();
  const Term before = scenario.NewestTerm();
  for (int i = 0; i < 100; ++i) {
    client.Put("k", to_string(i));
    scenario.RunFor(milliseconds(200));
  }
  EXPECT_LE(client.longest(), latency);
  EXPECT_LE(scenario.NewestTerm() - before, 1u) << "elections in 20 seconds";
}

// Cloudflare, 2020-11-02: two of three nodes did not reach each other, and the leadership went to
// and fro for six hours.
TEST_P(JepsenFindings, Row24_OneBrokenLinkOfThreeNodes) {
  for (const bool at_leader : {true, false}) {
    Scenario scenario(GetParam());
    scenario.Start();
    const NodeIndex leader = scenario.AwaitLeader();
    const NodeIndex a = scenario.AnyBut({leader});
    const NodeIndex b = scenario.AllBut({leader, a}).front();
    scenario.CutLink(a, at_leader ? leader : b);
    ExpectUsable(scenario, {at_leader ? b : leader}, milliseconds(500));
    scenario.Heal();
    scenario.AwaitAgreement();
  }
}

// The same with a link that is broken one way only.
TEST_P(JepsenFindings, Row24_ALinkThatIsBrokenOneWay) {
  for (const bool to_leader : {true, false}) {
    Scenario scenario(GetParam());
    scenario.Start();
    const NodeIndex leader = scenario.AwaitLeader();
    const NodeIndex follower = scenario.AnyBut({leader});
    if (to_leader) {
      scenario.Cut(follower, leader);
    } else {
      scenario.Cut(leader, follower);
    }
    ExpectUsable(scenario, {scenario.AllBut({leader, follower}).front()}, milliseconds(500));
    scenario.Heal();
    scenario.AwaitAgreement();
  }
}

// A leader that hears nobody but is heard (or the other way round) must go.
TEST_P(JepsenFindings, Row24_ADeafOrMuteLeaderGoes) {
  for (const bool deaf : {true, false}) {
    Scenario scenario(GetParam(), {.nodes = 5});
    scenario.Start();
    const NodeIndex leader = scenario.AwaitLeader();
    for (NodeIndex peer : scenario.AllBut({leader})) {
      if (deaf) {
        scenario.Cut(peer, leader);
      } else {
        scenario.Cut(leader, peer);
      }
    }
    ExpectUsable(scenario, scenario.AllBut({leader}), milliseconds(500));
    EXPECT_NE(scenario.Raft(leader).role, raft::Role::kLeader);
    scenario.Heal();
    scenario.AwaitAgreement();
  }
}

// decentralizedthoughts.github.io/2020-12-12: nodes 0, 1 and 2 reach each other, 3 reaches only 1
// and 4 only 2. Raft without pre-votes and quorum checks never keeps a leader there.
TEST_P(JepsenFindings, Row24_AChainOfFiveNodes) {
  Scenario scenario(GetParam(), {.nodes = 5});
  scenario.Start();
  scenario.Partition({{0, 1, 2}, {1, 3}, {2, 4}});
  for (const auto& [a, b] : std::vector<std::pair<NodeIndex, NodeIndex>>{{0, 1}, {0, 2}, {1, 2}}) {
    scenario.HealLink(a, b);
  }
  ExpectUsable(scenario, {0, 1, 2}, milliseconds(500));
  scenario.Heal();
  scenario.AwaitAgreement();
}

// A bridge: two halves that share one node.
TEST_P(JepsenFindings, Row24_ABridgeOfFiveNodes) {
  Scenario scenario(GetParam(), {.nodes = 5});
  scenario.Start();
  std::vector<NodeIndex> order = scenario.All();
  scenario.random().Shuffle(order);
  scenario.Partition({{order[0], order[1], order[2]}, {order[2], order[3], order[4]}});
  ExpectUsable(scenario, {order[2]}, milliseconds(500));
  scenario.Heal();
  scenario.AwaitAgreement();
}

}  // namespace
}  // namespace flotilla::simulation
