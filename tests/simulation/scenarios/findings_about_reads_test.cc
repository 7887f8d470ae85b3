// Reads that were stale, empty or went back in time.
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/scenarios/jepsen_findings.h"
#include "tests/simulation/scenarios/scenario.h"
#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

using node::ReadLevel;
using std::to_string;
using std::chrono::milliseconds;
using std::chrono::seconds;

INSTANTIATE_TEST_SUITE_P(Seeds, JepsenFindings, ScenarioSeeds());

std::optional<std::string> ValueOf(const std::optional<node::ReadReply>& reply) {
  if (!reply.has_value() || reply->result.rows.empty() || !reply->result.rows[0].has_value()) {
    return std::nullopt;
  }
  return reply->result.rows[0]->value;
}

// etcd 0.4.1 and Consul (aphyr.com/posts/316): a leader that did not know of its successor answered
// reads from its own state.
TEST_P(JepsenFindings, Row01_ADeposedLeaderAnswersNoRead) {
  Scenario scenario(GetParam(), {.nodes = 5});
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  client.Put("k", "old");
  const NodeIndex old_leader = scenario.AwaitLeader();
  scenario.Isolate(old_leader);
  client.AskOnly(scenario.AllBut({old_leader}));
  client.Begin(OpKind::kWrite, "k", "new");
  // Before, while and after the others find another leader.
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(scenario.ReadAt(old_leader, "k", ReadLevel::kLinearizable, milliseconds(300)),
              std::nullopt);
  }
  EXPECT_TRUE(client.Await(seconds(10)));
  EXPECT_EQ(scenario.ReadAt(old_leader, "k", ReadLevel::kLinearizable, seconds(1)), std::nullopt);
  // What may be stale says so.
  const auto stale = scenario.ReadAt(old_leader, "k", ReadLevel::kStale, seconds(1));
  ASSERT_EQ(ValueOf(stale), "old");
  EXPECT_GE(stale->lag, seconds(2));
  scenario.Heal();
  client.AskOnly({old_leader});
  EXPECT_EQ(client.Get("k"), "new");
}

TEST_P(JepsenFindings, Row01_APausedLeaderAnswersNoStaleRead) {
  Scenario scenario(GetParam());
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  client.Put("k", "old");
  const NodeIndex paused = scenario.AwaitLeader();
  scenario.Pause(paused, seconds(5));
  client.AskOnly(scenario.AllBut({paused}));
  client.Put("k", "new");
  // The question waits in the paused process; it is the first that it hears when it goes on.
  const auto answer = scenario.ReadAt(paused, "k", ReadLevel::kLinearizable, seconds(20));
  EXPECT_NE(ValueOf(answer), "old");
}

// etcd#20418: acknowledgements of an old round, processed late, confirmed a read that came after
// them. The leader is paused, deposed, and asked; only then do the old answers arrive.
TEST_P(JepsenFindings, Row04_AnswersThatWereHeldUpConfirmNoLaterRead) {
  Scenario scenario(GetParam(), {.links = LinkOptions{.delay_min = milliseconds(40)}});
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  client.Put("k", "old");
  const NodeIndex paused = scenario.AwaitLeader();
  // Of every heartbeat something is on its way now.
  const Duration wakes = scenario.now() + seconds(5);
  for (NodeIndex peer : scenario.AllBut({paused})) {
    scenario.Hold(peer, paused, wakes + milliseconds(100));
  }
  scenario.Pause(paused, seconds(5));
  client.AskOnly(scenario.AllBut({paused}));
  client.Put("k", "new");
  EXPECT_LT(scenario.now(), wakes);
  const auto answer = scenario.ReadAt(paused, "k", ReadLevel::kLinearizable, seconds(20));
  EXPECT_NE(ValueOf(answer), "old");
}

// The same where the leader is paused between the confirmation of a read and its answer: the read
// began before the newer write, so its old value is right, but a read after it must not go back.
TEST_P(JepsenFindings, Row04_ALeaderPausedWhileItAnswersReads) {
  Scenario scenario(GetParam());
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  client.Put("k", "0");
  for (int round = 1; round <= 8; ++round) {
    const NodeIndex leader = scenario.AwaitLeader();
    std::vector<ScenarioClient*> readers;
    for (int i = 0; i < 5; ++i) {
      readers.push_back(&scenario.NewClientOf({leader}));
      readers.back()->Begin(OpKind::kRead, "k");
      scenario.RunFor(std::chrono::microseconds(scenario.random().Below(3'000)));
    }
    scenario.Pause(leader, seconds(3));
    client.AskOnly(scenario.AllBut({leader}));
    client.Put("k", to_string(round));
    for (ScenarioClient* reader : readers) EXPECT_TRUE(reader->Await(seconds(20)));
  }
}

// Redis-Raft #18, #30: after a restart reads were answered before the log was applied.
TEST_P(JepsenFindings, Row10_NoEmptyReadsAfterARestart) {
  Scenario scenario(GetParam());
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  for (int i = 0; i < 50; ++i) client.Put("k", to_string(i));
  for (int round = 0; round < 3; ++round) {
    scenario.PowerOffAll();
    scenario.RestartAll();
    uint64_t answers = 0;
    for (int i = 0; i < 60; ++i) {
      const NodeIndex node = scenario.AnyBut({});
      const auto answer = scenario.ReadAt(node, "k", ReadLevel::kLinearizable, milliseconds(100));
      if (!answer.has_value()) continue;
      EXPECT_EQ(ValueOf(answer), "49");
      ++answers;
    }
    EXPECT_GT(answers, 5u);
  }
}

// The same of a leader that has not committed anything in its term: it may lack what is committed.
TEST_P(JepsenFindings, Row10_NoReadBeforeTheFirstCommitOfATerm) {
  Scenario scenario(GetParam());
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  client.Put("k", "v");
  scenario.PowerOffAll();
  scenario.traffic().Lose({MessageKind::kAppendResponse});
  scenario.RestartAll();
  const NodeIndex leader = scenario.AwaitLeader();
  for (NodeIndex node : scenario.All()) {
    EXPECT_EQ(scenario.ReadAt(node, "k", ReadLevel::kLinearizable, milliseconds(300)),
              std::nullopt);
  }
  EXPECT_EQ(scenario.Raft(leader).role, raft::Role::kLeader) << "it led all that time";
  scenario.traffic().LoseNothing();
  EXPECT_EQ(client.Get("k"), "v");
}

// Radix 1.0-beta.35.1: successive reads of one server went back in time.
TEST_P(JepsenFindings, Row19_StaleReadsOfOneNodeNeverGoBack) {
  Scenario scenario(GetParam(), {.small_log = true, .unreliable = true});
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  std::vector<LogIndex> applied(3);
  std::vector<int64_t> seen(3);
  client.Increment("n");
  scenario.AwaitAgreement();
  for (int round = 0; round < 100; ++round) {
    if (round % 10 == 5) scenario.PartitionAtRandom();
    if (round % 10 == 9) scenario.Heal();
    if (!client.busy()) client.Begin(OpKind::kIncrement, "n", "1");
    scenario.RunFor(milliseconds(scenario.random().Below(200)));
    for (NodeIndex node : scenario.All()) {
      const auto answer = scenario.ReadAt(node, "n", ReadLevel::kStale, seconds(1));
      ASSERT_TRUE(answer.has_value());
      EXPECT_GE(answer->result.applied, applied[node]) << "node " << node;
      applied[node] = answer->result.applied;
      const int64_t number = std::stoll(ValueOf(answer).value_or("0"));
      EXPECT_GE(number, seen[node]) << "node " << node;
      seen[node] = number;
    }
  }
  scenario.Heal();
  scenario.StopWorkers();
  EXPECT_GT(seen[0], 5);
}

// CockroachDB beta and VoltDB 6.3: fast paths for reads that did not survive a change of leaders.
// Here: reads at followers, which ask their leader for an index.
TEST_P(JepsenFindings, Row23_ReadsOfFollowersWhileLeadersChange) {
  Scenario scenario(GetParam());
  scenario.Start();
  for (NodeIndex node : scenario.All()) {
    ScenarioClient& worker = scenario.NewClientOf({node});
    worker.StartWork(
        {.registers = {"r1", "r2"}, .counters = {"c"}, .think_mean = milliseconds(10)});
  }
  for (int round = 0; round < 12; ++round) {
    const NodeIndex leader = scenario.AwaitLeader();
    const NodeIndex next = scenario.AnyBut({leader});
    if (round % 3 == 2) {
      // The question for the index, or its answer, gets lost.
      scenario.traffic().Lose({MessageKind::kReadIndexResponse});
      scenario.RunFor(milliseconds(100));
      scenario.traffic().LoseNothing();
      scenario.Pause(leader, kElectionTimeout * 3);
      scenario.RunFor(kElectionTimeout * 3);
    } else {
      scenario.Transfer(next);
    }
    scenario.RunFor(milliseconds(scenario.random().Below(300)));
  }
  scenario.StopWorkers();
  EXPECT_GT(scenario.Succeeded(), 200u);
  EXPECT_GT(scenario.traffic().count(MessageKind::kReadIndexRequest), 50u);
}

}  // namespace
}  // namespace flotilla::simulation
