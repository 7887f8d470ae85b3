// Replication of a log, after part 3B of the labs of MIT 6.5840; whole nodes through the client
// API.
#include <algorithm>
#include <string>
#include <vector>

#include "tests/simulation/scenarios/scenario.h"
#include "tests/simulation/scenarios/scenario_seeds.h"
#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

using std::to_string;
using std::chrono::seconds;

class Mit3B : public ScenarioTest {};
INSTANTIATE_TEST_SUITE_P(Seeds, Mit3B, ScenarioSeeds());

void ExpectNoneSucceeded(const OneWrites& writes) {
  for (const auto& write : writes) EXPECT_FALSE(write->succeeded());
}

// Nobody can commit for longer than it takes to find out.
void ExpectNoProgress(Scenario& scenario, ScenarioClient& client) {
  LogIndex before;
  for (NodeIndex node : scenario.All()) before = std::max(before, scenario.Raft(node).commit);
  EXPECT_FALSE(client.Succeeds(OpKind::kWrite, "no majority", "x", seconds(5)));
  for (NodeIndex node : scenario.All()) EXPECT_LE(scenario.Raft(node).commit, before);
}

TEST_P(Mit3B, BasicAgree) {
  Scenario scenario(GetParam());
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  for (int i = 0; i < 3; ++i) {
    scenario.AwaitAgreement();
    const NodeIndex leader = scenario.AwaitLeader();
    const LogIndex before = scenario.Raft(leader).commit;
    scenario.RunFor(seconds(1));
    EXPECT_EQ(scenario.Raft(leader).commit, before) << "something was committed before the write";
    client.Put("k", to_string(i));
    EXPECT_GT(scenario.Raft(leader).commit, before);
  }
  scenario.AwaitAgreement();
}

TEST_P(Mit3B, RPCBytes) {
  Scenario scenario(GetParam());
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  client.Put("k", "0");
  scenario.AwaitAgreement();
  scenario.traffic().Forget();
  constexpr uint64_t kWrites = 10;
  constexpr uint64_t kBytes = 5'000;
  for (uint64_t i = 0; i < kWrites; ++i) {
    client.Put("k" + to_string(i), std::string(kBytes, static_cast<char>('a' + i)));
  }
  scenario.AwaitAgreement();
  // Every command goes to each of the two peers once.
  EXPECT_GE(scenario.traffic().append_bytes(), 2 * kWrites * kBytes);
  EXPECT_LE(scenario.traffic().append_bytes(), 2 * kWrites * (kBytes + 200));
}

TEST_P(Mit3B, FollowerFailure) {
  Scenario scenario(GetParam());
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  client.Put("k", "1");
  const NodeIndex leader = scenario.AwaitLeader();
  const NodeIndex first = scenario.AnyBut({leader});
  scenario.Isolate(first);
  client.AskOnly(scenario.AllBut({first}));
  client.Put("k", "2");
  scenario.RunFor(kElectionTimeout * 2);
  client.Put("k", "3");
  scenario.Isolate(scenario.AllBut({first, leader}).front());
  ExpectNoProgress(scenario, client);
}

TEST_P(Mit3B, LeaderFailure) {
  Scenario scenario(GetParam());
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  client.Put("k", "1");
  const NodeIndex first = scenario.AwaitLeader();
  scenario.Isolate(first);
  client.Put("k", "2");
  const NodeIndex second = scenario.AwaitLeaderAmong(scenario.AllBut({first}));
  scenario.Isolate(second);
  ExpectNoProgress(scenario, client);
}

TEST_P(Mit3B, FailAgree) {
  Scenario scenario(GetParam());
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  client.Put("k", "1");
  const NodeIndex away = scenario.AnyBut({scenario.AwaitLeader()});
  scenario.Isolate(away);
  for (int i = 0; i < 5; ++i) client.Append("list", to_string(i));
  scenario.RunFor(kElectionTimeout * 3);
  for (int i = 5; i < 8; ++i) client.Append("list", to_string(i));
  scenario.Heal();
  client.Append("list", "8");
  scenario.AwaitAgreement();
  client.AskOnly({away});
  EXPECT_EQ(client.Get("list"), "012345678");
}

TEST_P(Mit3B, FailNoAgree) {
  Scenario scenario(GetParam(), {.nodes = 5});
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  client.Put("k", "1");
  const NodeIndex leader = scenario.AwaitLeader();
  std::vector<NodeIndex> followers = scenario.AllBut({leader});
  for (int i = 0; i < 3; ++i) scenario.Isolate(followers[static_cast<size_t>(i)]);
  ExpectNoProgress(scenario, client);
  scenario.Heal();
  EXPECT_TRUE(client.Await(seconds(30))) << "what waited for a majority does not go on";
  client.Put("k", "2");
  scenario.AwaitAgreement();
}

TEST_P(Mit3B, ConcurrentStarts) {
  Scenario scenario(GetParam());
  scenario.Start();
  const Term term = scenario.TermOf(scenario.AwaitLeader());
  std::vector<ScenarioClient*> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(&scenario.NewClient());
    clients.back()->Begin(OpKind::kWrite, "k" + to_string(i), to_string(i));
  }
  for (ScenarioClient* client : clients) EXPECT_TRUE(client->Await(seconds(5)));
  EXPECT_EQ(scenario.NewestTerm(), term);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(clients[0]->Get("k" + to_string(i)), to_string(i));
  }
}

TEST_P(Mit3B, Rejoin) {
  Scenario scenario(GetParam());
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  client.Put("k", "1");
  const NodeIndex first = scenario.AwaitLeader();
  scenario.Isolate(first);
  const OneWrites lost = scenario.WriteManyOnce(first, 3, "lost");
  client.AskOnly(scenario.AllBut({first}));
  client.Put("k", "2");
  const NodeIndex second = scenario.AwaitLeaderAmong(scenario.AllBut({first}));
  // The old leader comes back while the new one is away.
  scenario.Isolate(second);
  scenario.HealLink(first, scenario.AllBut({first, second}).front());
  client.AskOnly(scenario.AllBut({second}));
  client.Put("k", "3");
  scenario.Heal();
  scenario.AwaitAgreement();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.Get("lost" + to_string(i)), std::nullopt);
  ExpectNoneSucceeded(lost);
}

TEST_P(Mit3B, Backup) {
  Scenario scenario(GetParam(), {.nodes = 5});
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  client.Put("k", "1");
  // A leader and one follower: 50 entries that nobody else will ever have.
  const NodeIndex first = scenario.AwaitLeader();
  const NodeIndex with_first = scenario.AnyBut({first});
  const std::vector<NodeIndex> others = scenario.AllBut({first, with_first});
  scenario.Partition({{first, with_first}, others});
  OneWrites lost = scenario.WriteManyOnce(first, 50, "lost");
  client.AskOnly(others);
  for (int i = 0; i < 50; ++i) client.Put("kept" + to_string(i), "x");
  // The same again with the new leader and one of its followers.
  const NodeIndex second = scenario.AwaitLeaderAmong(others);
  const NodeIndex away = scenario.AllBut({first, with_first, second}).front();
  const NodeIndex with_second = scenario.AllBut({first, with_first, second, away}).front();
  scenario.Partition({{second, with_second}});
  const OneWrites more = scenario.WriteManyOnce(second, 50, "more");
  lost.insert(lost.end(), more.begin(), more.end());
  scenario.Partition({{first, with_first, away}});
  client.AskOnly({first, with_first, away});
  for (int i = 50; i < 100; ++i) client.Put("kept" + to_string(i), "x");
  // Together again: each side goes back in a few steps, not entry by entry.
  scenario.traffic().Forget();
  scenario.Heal();
  scenario.AwaitAgreement();
  EXPECT_LE(scenario.traffic().count(MessageKind::kAppend), 60u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(client.Get("kept" + to_string(i)), "x") << i;
  ExpectNoneSucceeded(lost);
}

TEST_P(Mit3B, Count) {
  Scenario scenario(GetParam());
  scenario.RestartAll();
  scenario.AwaitLeader();
  EXPECT_LE(scenario.traffic().count(MessageKind::kVoteRequest), 30u) << "the first election";
  constexpr uint64_t kWrites = 10;
  std::vector<ScenarioClient*> clients;
  for (uint64_t i = 0; i < kWrites; ++i) {
    clients.push_back(&scenario.NewClient());
    clients.back()->Put("session", "open");
  }
  scenario.AwaitAgreement();
  scenario.traffic().Forget();
  for (ScenarioClient* client : clients) client->Begin(OpKind::kIncrement, "k", "1");
  for (ScenarioClient* client : clients) EXPECT_TRUE(client->Await(seconds(5)));
  EXPECT_LE(scenario.traffic().count(MessageKind::kAppend), (kWrites + 1 + 3) * 3);
  // Quiet when nobody wants anything: heartbeats of two peers, 20 a second, and rounds for the
  // freshness of stale reads, 5 a second for each node.
  scenario.AwaitAgreement();
  scenario.traffic().Forget();
  scenario.RunFor(seconds(1));
  EXPECT_LE(scenario.traffic().count(MessageKind::kAppend), 3u);
  EXPECT_LE(scenario.traffic().count(MessageKind::kHeartbeat), 2u * (20 + 3 * 5));
  EXPECT_EQ(scenario.traffic().count(MessageKind::kVoteRequest), 0u);
}

}  // namespace
}  // namespace flotilla::simulation
