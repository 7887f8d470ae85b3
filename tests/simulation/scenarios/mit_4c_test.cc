// A key-value service with snapshots, after part 4C of the labs of MIT 6.5840.
#include <algorithm>
#include <string>
#include <vector>

#include "tests/simulation/scenarios/scenario.h"
#include "tests/simulation/scenarios/scenario_seeds.h"
#include "tests/simulation/scenarios/storm.h"
#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

using std::to_string;

class Mit4C : public ScenarioTest {};
INSTANTIATE_TEST_SUITE_P(Seeds, Mit4C, ScenarioSeeds());

// All replicas compact their logs, and a restart takes up from there.
TEST_P(Mit4C, Snapshot) {
  Scenario scenario(GetParam(), {.small_log = true});
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  for (int i = 0; i < 200; ++i) client.Increment("n");
  scenario.AwaitAgreement();
  for (NodeIndex node : scenario.All()) {
    EXPECT_LE(scenario.LogEntries(node), 100u);
    scenario.Kill(node);
  }
  scenario.RestartAll();
  EXPECT_EQ(client.Increment("n"), 201);
  scenario.AwaitAgreement();
}

// The minority has fallen behind what the majority's logs hold.
TEST_P(Mit4C, SnapshotRPC) {
  Scenario scenario(GetParam(), {.small_log = true});
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  client.Put("a", "A");
  const NodeIndex away = scenario.AnyBut({scenario.AwaitLeader()});
  const std::vector<NodeIndex> majority = scenario.AllBut({away});
  scenario.Partition({majority, {away}});
  client.AskOnly(majority);
  // Until its silence is noticed, logs wait for it.
  scenario.RunFor(kElectionTimeout * 3);
  for (int i = 0; i < 50; ++i) client.Put(to_string(i), to_string(i));
  client.Put("b", "B");
  for (NodeIndex node : majority) {
    EXPECT_GT(scenario.Raft(node).first_index, scenario.Raft(away).last_index);
  }
  // Now it is one of a majority of two, which cannot do without what it has just received.
  const NodeIndex other = majority[scenario.random().Below(2)];
  const NodeIndex off = scenario.AllBut({away, other}).front();
  scenario.Heal();
  scenario.AwaitAgreement();
  scenario.Partition({{away, other}, {off}});
  client.AskOnly({away, other});
  client.Put("c", "C");
  client.Put("d", "D");
  EXPECT_EQ(client.Get("a"), "A");
  EXPECT_EQ(client.Get("b"), "B");
  EXPECT_EQ(client.Get("1"), "1");
  EXPECT_EQ(client.Get("49"), "49");
  EXPECT_GE(scenario.traffic().count(MessageKind::kSnapshotOffer), 1u);
  scenario.Heal();
  client.Put("e", "E");
  EXPECT_EQ(client.Get("c"), "C");
  scenario.AwaitAgreement();
}

// A snapshot is as large as what is in it, not as what once was.
TEST_P(Mit4C, SnapshotSize) {
  Scenario scenario(GetParam(), {.small_log = true});
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  const NodeIndex away = scenario.AnyBut({scenario.AwaitLeader()});
  scenario.Isolate(away);
  scenario.RunFor(kElectionTimeout * 3);
  for (int i = 0; i < 200; ++i) {
    client.Put("x", "0");
    client.Put("x", "1");
  }
  scenario.Heal();
  scenario.AwaitAgreement();
  EXPECT_GT(scenario.traffic().snapshot_bytes(), 0u);
  EXPECT_LE(scenario.traffic().snapshot_bytes(), 1'500u);
  for (NodeIndex node : scenario.All()) EXPECT_LE(scenario.LogEntries(node), 100u);
}

TEST_P(Mit4C, SnapshotRecover) {
  RunStorm(GetParam(), {.clients = 1, .crashes = true, .small_log = true});
}
TEST_P(Mit4C, SnapshotRecoverManyClients) {
  RunStorm(GetParam(), {.clients = 20, .crashes = true, .small_log = true});
}
TEST_P(Mit4C, SnapshotUnreliable) {
  RunStorm(GetParam(), {.unreliable = true, .small_log = true, .value_bytes = 100});
}
TEST_P(Mit4C, SnapshotUnreliableRecover) {
  RunStorm(GetParam(), {.unreliable = true, .crashes = true, .small_log = true});
}
TEST_P(Mit4C, SnapshotUnreliableRecoverConcurrentPartition) {
  RunStorm(GetParam(), {.unreliable = true,
                        .partitions = true,
                        .crashes = true,
                        .small_log = true,
                        .value_bytes = 50});
}
TEST_P(Mit4C, SnapshotUnreliableRecoverConcurrentPartitionLinearizable) {
  RunStorm(GetParam(), {.nodes = 7,
                        .clients = 15,
                        .unreliable = true,
                        .partitions = true,
                        .crashes = true,
                        .small_log = true});
}

}  // namespace
}  // namespace flotilla::simulation
