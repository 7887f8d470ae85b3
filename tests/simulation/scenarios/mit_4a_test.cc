// A replicated state machine, after part 4A of the labs of MIT 6.5840: every replica carries out
// the same commands, and whoever asked for one gets its own answer.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/scenarios/scenario.h"
#include "tests/simulation/scenarios/scenario_seeds.h"
#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

using std::to_string;
using std::chrono::milliseconds;
using std::chrono::seconds;

class Mit4A : public ScenarioTest {};
INSTANTIATE_TEST_SUITE_P(Seeds, Mit4A, ScenarioSeeds());

// Each replica by itself has that number.
void ExpectAtEveryNode(Scenario& scenario, const std::string& key, int64_t number) {
  scenario.AwaitAgreement();
  for (NodeIndex node : scenario.All()) {
    const auto reply = scenario.ReadAt(node, key, node::ReadLevel::kStale, seconds(5));
    ASSERT_TRUE(reply.has_value() && reply->result.rows.size() == 1) << "node " << node;
    EXPECT_EQ(reply->result.rows[0]->value, to_string(number)) << "node " << node;
  }
}

TEST_P(Mit4A, Basic) {
  Scenario scenario(GetParam());
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  for (int64_t i = 1; i <= 10; ++i) {
    EXPECT_EQ(client.Increment("n"), i);
    ExpectAtEveryNode(scenario, "n", i);
  }
}

TEST_P(Mit4A, Concurrent) {
  Scenario scenario(GetParam());
  scenario.Start();
  constexpr int64_t kClients = 50;
  std::vector<ScenarioClient*> clients;
  for (int64_t i = 0; i < kClients; ++i) {
    clients.push_back(&scenario.NewClient());
    clients.back()->Begin(OpKind::kIncrement, "n", "1");
  }
  std::set<std::string> answers;
  for (ScenarioClient* client : clients) {
    EXPECT_TRUE(client->Await(seconds(10)));
    answers.insert(client->last().value.value_or(""));
  }
  EXPECT_EQ(answers.size(), static_cast<size_t>(kClients)) << "two got the same answer";
  ExpectAtEveryNode(scenario, "n", kClients);
}

TEST_P(Mit4A, LeaderFailure) {
  Scenario scenario(GetParam());
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  EXPECT_EQ(client.Increment("n"), 1);
  const NodeIndex leader = scenario.AwaitLeader();
  scenario.Isolate(leader);
  EXPECT_EQ(client.Increment("n"), 2);
  scenario.Heal();
  EXPECT_EQ(client.Increment("n"), 3);
  ExpectAtEveryNode(scenario, "n", 3);
}

// What is asked of a leader without a majority is not done, and its caller is told so.
TEST_P(Mit4A, LeaderPartition) {
  Scenario scenario(GetParam(), {.nodes = 5});
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  EXPECT_EQ(client.Increment("n"), 1);
  const NodeIndex leader = scenario.AwaitLeader();
  const NodeIndex with_leader = scenario.AnyBut({leader});
  const std::vector<NodeIndex> others = scenario.AllBut({leader, with_leader});
  scenario.Partition({{leader, with_leader}, others});
  const OneWrites writes = scenario.WriteManyOnce(leader, 10, "cut off");
  client.AskOnly(others);
  EXPECT_EQ(client.Increment("n"), 2);
  for (const auto& write : writes) EXPECT_FALSE(write->succeeded());
  scenario.Heal();
  EXPECT_EQ(client.Increment("n"), 3);
  ExpectAtEveryNode(scenario, "n", 3);
  scenario.RunFor(seconds(1));
  for (const auto& write : writes) {
    EXPECT_TRUE(write->answered) << "the caller hears nothing";
    EXPECT_FALSE(write->succeeded());
  }
}

TEST_P(Mit4A, RestartReplay) {
  Scenario scenario(GetParam());
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  for (int64_t i = 1; i <= 100; ++i) EXPECT_EQ(client.Increment("n"), i);
  ExpectAtEveryNode(scenario, "n", 100);
  for (NodeIndex node : scenario.All()) scenario.Kill(node);
  scenario.RestartAll();
  EXPECT_EQ(client.Increment("n"), 101);
  ExpectAtEveryNode(scenario, "n", 101);
}

// Whoever waits for an answer gets one when the node is shut down.
TEST_P(Mit4A, Shutdown) {
  Scenario scenario(GetParam());
  scenario.Start();
  const NodeIndex leader = scenario.AwaitLeader();
  scenario.Isolate(leader);
  const OneWrites writes = scenario.WriteManyOnce(leader, 10, "k");
  bool stopped = false;
  scenario.machine(leader).executor().Post(
      [&] { scenario.node(leader)->Stop(seconds(2), [&stopped] { stopped = true; }); });
  EXPECT_TRUE(scenario.RunUntil([&stopped] { return stopped; }, seconds(3)));
  scenario.RunFor(milliseconds(100));
  for (const auto& write : writes) {
    EXPECT_TRUE(write->answered);
    EXPECT_FALSE(write->succeeded());
  }
}

// Answers after a restart are those of what was asked then, whatever the old process had promised
// at the same places of the log.
TEST_P(Mit4A, RestartSubmit) {
  Scenario scenario(GetParam());
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  for (int64_t i = 1; i <= 20; ++i) EXPECT_EQ(client.Increment("n"), i);
  const OneWrites lost = scenario.WriteManyOnce(scenario.AwaitLeader(), 5, "k");
  scenario.PowerOffAll();
  scenario.RestartAll();
  std::vector<ScenarioClient*> clients;
  std::set<std::string> answers;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(&scenario.NewClient());
    clients.back()->Begin(OpKind::kIncrement, "n", "1");
  }
  for (ScenarioClient* each : clients) {
    EXPECT_TRUE(each->Await(seconds(20)));
    answers.insert(each->last().value.value_or(""));
  }
  EXPECT_EQ(answers.size(), 20u);
  EXPECT_EQ(client.Increment("n"), 41);
  ExpectAtEveryNode(scenario, "n", 41);
  for (int i = 0; i < 5; ++i) client.Get("k" + to_string(i));
}

}  // namespace
}  // namespace flotilla::simulation
