// Changes of the membership while other things go wrong.
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

void ExpectNothingGoes(Scenario& scenario, const std::vector<NodeIndex>& nodes) {
  ScenarioClient& client = scenario.NewClientOf(nodes);
  EXPECT_FALSE(client.Succeeds(OpKind::kWrite, "no majority", "x", seconds(5)));
  EXPECT_EQ(scenario.LeaderAmong(nodes), std::nullopt);
}

// Redis-Raft #17: a leader that was cut off removed a node by itself, and both sides went on.
TEST_P(JepsenFindings, Row09_RemoveThroughAnIsolatedLeader) {
  Scenario scenario(GetParam(), {.nodes = 5});
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  client.Append("list", "1");
  const NodeIndex cut_off = scenario.AwaitLeader();
  const NodeIndex with_it = scenario.AnyBut({cut_off});
  const std::vector<NodeIndex> others = scenario.AllBut({cut_off, with_it});
  scenario.Partition({{cut_off, with_it}, others});
  // Of four members three would be a majority, of three two: it does not get there.
  for (NodeIndex node : {others[0], others[1]}) {
    const auto changed = scenario.TryChange(cut_off, {.remove = {NodeOf(node)}}, seconds(2));
    EXPECT_FALSE(changed.has_value() && changed->ok());
  }
  client.AskOnly(others);
  client.Append("list", "2");
  ExpectNothingGoes(scenario, {cut_off, with_it});
  for (NodeIndex node : scenario.All()) scenario.Kill(node);
  scenario.Heal();
  scenario.RestartAll();
  client.Append("list", "3");
  EXPECT_EQ(client.Get("list"), "123");
  scenario.AwaitAgreement();
  EXPECT_EQ(scenario.Raft(scenario.AwaitLeader()).configuration.voters.size(), 5u);
}

// Redis-Raft #28, #44: after all nodes were killed they disagreed about who was a member; snapshots
// did not carry the configuration.
TEST_P(JepsenFindings, Row09_KillAllAfterAChangeAndASnapshot) {
  Scenario scenario(GetParam(), {.spares = 2, .small_log = true});
  scenario.Start();
  ScenarioClient& client = scenario.NewClientOf({0, 1, 2});
  client.Append("list", "1");
  const NodeIndex away = scenario.AnyBut({scenario.AwaitLeader(), 3, 4});
  scenario.Isolate(away);
  scenario.Join(3);
  scenario.Join(4);
  const NodeIndex removed = scenario.AllBut({away, scenario.AwaitLeader(), 3, 4}).front();
  scenario.Remove(removed);
  client.AskOnly(scenario.AllBut({away, removed}));
  for (int i = 0; i < 40; ++i) client.Put("k" + to_string(i % 5), to_string(i));
  // What it missed comes as a snapshot, and nothing else tells it who the members are.
  scenario.Heal();
  scenario.AwaitAgreement();
  for (NodeIndex node : scenario.All()) scenario.Kill(node);
  scenario.RestartAll();
  client.Append("list", "2");
  scenario.AwaitAgreement();
  const raft::Configuration members = scenario.Raft(scenario.AwaitLeader()).configuration;
  EXPECT_EQ(members.voters.size(), 4u);
  for (NodeIndex node : scenario.AllBut({removed})) {
    EXPECT_EQ(scenario.Raft(node).configuration, members) << "node " << node;
  }
  EXPECT_EQ(client.Get("list"), "12");
  EXPECT_GT(scenario.Seen("snapshot_installed"), 0u);
}

// RethinkDB 2.2.3: a node that was removed came back with an erased log, and helped to a majority
// that knew nothing.
TEST_P(JepsenFindings, Row12_ARemovedNodeReturnsWithAnErasedDisk) {
  Scenario scenario(GetParam());
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  client.Append("list", "1");
  const NodeIndex removed = scenario.AnyBut({scenario.AwaitLeader()});
  const std::vector<NodeIndex> rest = scenario.AllBut({removed});
  scenario.Remove(removed);
  client.AskOnly(rest);
  client.Append("list", "2");
  scenario.Wipe(removed);
  scenario.Excuse(removed);
  scenario.Restart(removed);
  scenario.RunFor(seconds(2));
  // With one of the two members it is no majority, whichever that is.
  for (NodeIndex member : rest) {
    scenario.Partition({{removed, member}});
    ExpectNothingGoes(scenario, {removed, member});
    scenario.Heal();
    scenario.AwaitLeaderAmong(rest);
  }
  client.Append("list", "3");
  EXPECT_EQ(client.Get("list"), "123");
}

TEST_P(JepsenFindings, Row12_AMemberWithAnErasedDiskHelpsNobodyToAMajority) {
  Scenario scenario(GetParam());
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  const NodeIndex wiped = scenario.AnyBut({scenario.AwaitLeader()});
  const NodeIndex behind = scenario.AnyBut({wiped});
  const NodeIndex other = scenario.AllBut({wiped, behind}).front();
  // Acknowledged by the wiped one and the other only.
  scenario.Isolate(behind);
  client.AskOnly({wiped, other});
  client.Append("list", "1");
  scenario.PowerOff(other);
  scenario.Excuse(wiped);
  scenario.Wipe(wiped);
  scenario.Restart(wiped);
  scenario.Heal();
  ExpectNothingGoes(scenario, {wiped, behind});
  scenario.Restart(other);
  client.AskOnly({behind, other});
  EXPECT_EQ(client.Get("list"), "1");
}

// RethinkDB 2.2.3: reconfiguration and partitions at once lost updates that a stable membership
// kept.
TEST_P(JepsenFindings, Row12_ChangesUnderPartitions) {
  Scenario scenario(GetParam(), {.spares = 2});
  scenario.Start();
  scenario.NewWorkers(
      3, {.registers = {"r1", "r2"}, .counters = {"c"}, .think_mean = milliseconds(30)});
  for (int round = 0; round < 8; ++round) {
    const NodeIndex node = scenario.AnyBut({});
    scenario.PartitionAtRandom();
    for (NodeIndex at : scenario.All()) {
      if (scenario.Raft(at).role != raft::Role::kLeader) continue;
      const raft::Configuration& now = scenario.Raft(at).configuration;
      raft::ConfigurationChange change;
      const auto is_node = [node](const raft::Member& m) { return m.node == NodeOf(node); };
      if (std::any_of(now.learners.begin(), now.learners.end(), is_node)) {
        change.add_voters = {NodeOf(node)};
      } else if (std::none_of(now.voters.begin(), now.voters.end(), is_node)) {
        change.add_learners = {NodeOf(node)};
      } else if (now.voters.size() > 2) {
        change.remove = {NodeOf(node)};
      }
      scenario.TryChange(at, change, milliseconds(500));
    }
    scenario.RunFor(milliseconds(scenario.random().Below(1'500)));
    if (scenario.random().Chance(1, 2)) scenario.Heal();
  }
  scenario.Heal();
  scenario.StopWorkers();
  scenario.AwaitAgreement();
}

// The bug of single-server changes (Ongaro, raft-dev 2015): a leader changes the membership before
// anything of its term is committed, and two majorities have no member in common.
TEST_P(JepsenFindings, Row13_ALeaderChangeBetweenTwoMembershipChanges) {
  Scenario scenario(GetParam(), {.nodes = 4, .spares = 1});
  scenario.Start();
  ScenarioClient& client = scenario.NewClientOf({0, 1, 2, 3});
  client.Append("list", "1");
  const NodeIndex first = scenario.AwaitLeader();
  const NodeIndex victim = scenario.AnyBut({first, 4});
  // The first leader's change reaches nobody.
  scenario.Isolate(first);
  scenario.TryChange(first, {.add_learners = {NodeOf(4)}}, milliseconds(200));
  // The second's is through, without the first.
  const std::vector<NodeIndex> rest = scenario.AllBut({first, 4});
  client.AskOnly(rest);
  const NodeIndex second = scenario.AwaitLeaderAmong(rest);
  scenario.Remove(second == victim ? scenario.AllBut({first, 4, second}).front() : victim);
  client.Append("list", "2");
  // The second goes, the first is back and may want its change again.
  scenario.Isolate(second);
  scenario.Rejoin(first);
  scenario.CutLink(first, second);
  scenario.RunFor(seconds(5));
  client.AskOnly(scenario.AllBut({second, 4}));
  client.Append("list", "3");
  scenario.Heal();
  scenario.AwaitAgreement();
  EXPECT_EQ(client.Get("list"), "123");
}

TEST_P(JepsenFindings, Row13_NoChangeBeforeTheFirstCommitOfATerm) {
  Scenario scenario(GetParam(), {.spares = 1});
  scenario.Start();
  ScenarioClient& client = scenario.NewClientOf({0, 1, 2});
  client.Put("k", "1");
  scenario.PowerOffAll();
  scenario.traffic().Lose({MessageKind::kAppendResponse});
  scenario.RestartAll();
  const NodeIndex leader = scenario.AwaitLeader();
  scenario.RunFor(milliseconds(200));
  const auto changed = scenario.TryChange(leader, {.add_learners = {NodeOf(3)}});
  ASSERT_TRUE(changed.has_value());
  EXPECT_TRUE(absl::IsFailedPrecondition(*changed)) << *changed;
  scenario.traffic().LoseNothing();
  scenario.Join(3);
  scenario.AwaitAgreement();
}

// Scylla 4.2-rc3: a healthy cluster was split after changes of the membership.
TEST_P(JepsenFindings, Row14_ManyChangesAndOtherFaults) {
  Scenario scenario(GetParam(), {.spares = 2, .small_log = true});
  scenario.Start();
  scenario.NewWorkers(3, {.registers = {"r1", "r2"},
                          .counters = {"c"},
                          .lists = {"l"},
                          .think_mean = milliseconds(30)});
  Random& random = scenario.random();
  for (int round = 0; round < 8; ++round) {
    // Each round ends with three voters among five nodes, after several changes at once.
    const NodeIndex leader = scenario.AwaitLeader();
    const raft::Configuration members = scenario.Raft(leader).configuration;
    for (NodeIndex node : scenario.All()) {
      const bool voter = scenario.IsVoter(node);
      scenario.node(leader)->ChangeMembership(
          kShard,
          voter ? raft::ConfigurationChange{.remove = {NodeOf(node)}}
                : raft::ConfigurationChange{.add_learners = {NodeOf(node)}},
          [](const auto&) {});
      scenario.RunFor(milliseconds(random.Below(20)));
    }
    switch (random.Below(4)) {
      case 0:
        scenario.Isolate(scenario.AnyBut({}));
        break;
      case 1:
        scenario.PowerOff(scenario.AnyBut({}));
        break;
      case 2:
        scenario.Pause(scenario.AnyBut({}), seconds(2));
        break;
      default:
        scenario.Cut(scenario.AnyBut({}), scenario.AnyBut({}));
        break;
    }
    scenario.RunFor(seconds(1) + milliseconds(random.Below(1'000)));
    scenario.Heal();
    scenario.RestartAll();
    // Back to three voters at least.
    for (NodeIndex node : scenario.All()) {
      const auto voters = [&] {
        return scenario.Raft(scenario.AwaitLeader()).configuration.voters.size();
      };
      if (voters() >= 3) break;
      if (!scenario.IsVoter(node)) scenario.BecomeVoter(node);
    }
  }
  scenario.StopWorkers();
  scenario.AwaitAgreement();
}

}  // namespace
}  // namespace flotilla::simulation
