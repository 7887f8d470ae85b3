// Writes that were repeated, reordered or never answered, and nodes that are slow or new.
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

// etcd 3.4.3: whoever held a lock and was paused wrote after somebody else had taken it. Here the
// write is on the condition that the lock is still held, and it is the leader that is paused.
TEST_P(JepsenFindings, Row02_APausedHolderOfALockWritesNothingLater) {
  Scenario scenario(GetParam());
  scenario.Start();
  ScenarioClient& first = scenario.NewClient();
  ScenarioClient& second = scenario.NewClient();
  EXPECT_TRUE(first.Cas("lock", std::nullopt, "first"));
  const NodeIndex paused = scenario.AwaitLeader();
  scenario.Pause(paused, seconds(5));
  first.AskOnly({paused});
  first.BeginCas("lock", "first", "first again");
  second.AskOnly(scenario.AllBut({paused}));
  EXPECT_TRUE(second.Cas("lock", "first", "second"));
  EXPECT_TRUE(first.Await(seconds(30)));
  EXPECT_FALSE(first.last().held);
  EXPECT_EQ(second.Get("lock"), "second");
}

// jetcd 0.8.2: writes that must not be repeated were, after a timeout; kill -9 is all it takes.
TEST_P(JepsenFindings, Row03_ARetriedIncrementCountsOnce) {
  Scenario scenario(GetParam(), {.nodes = 5});
  scenario.Start();
  const std::vector<ScenarioClient*> workers =
      scenario.NewWorkers(4, {.counters = {"n"}, .think_mean = milliseconds(10)});
  for (int round = 0; round < 12; ++round) {
    scenario.RunFor(milliseconds(scenario.random().Below(1'000)));
    const NodeIndex node = round % 2 == 0 ? scenario.AwaitLeader() : scenario.AnyBut({});
    if (scenario.running(node)) scenario.Kill(node);
    scenario.RunFor(milliseconds(scenario.random().Below(1'500)));
    scenario.RestartAll();
  }
  scenario.StopWorkers();
  int64_t increments = 0;
  uint64_t replayed = 0;
  for (ScenarioClient* worker : workers) {
    EXPECT_EQ(worker->failed(), 0u);
    increments += worker->incremented();
    replayed += worker->replayed();
  }
  EXPECT_EQ(workers[0]->Get("n"), to_string(increments));
  EXPECT_GT(replayed, 0u) << "nothing was ever repeated";
}

// etcd#15271, #18055: a member that was sent two snapshots in a row went back in time.
TEST_P(JepsenFindings, Row07_TwoSnapshotsInARowOneOfThemLate) {
  Scenario scenario(GetParam(), {.small_log = true});
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  const NodeIndex away = scenario.AnyBut({scenario.AwaitLeader()});
  LogIndex applied;
  int64_t number = 0;
  const auto look = [&] {
    const auto answer = scenario.ReadAt(away, "n", node::ReadLevel::kStale, seconds(1));
    if (!answer.has_value()) return;
    EXPECT_GE(answer->result.applied, applied);
    applied = answer->result.applied;
    const auto& rows = answer->result.rows;
    const int64_t seen = rows.empty() || !rows[0].has_value() ? 0 : std::stoll(rows[0]->value);
    EXPECT_GE(seen, number);
    number = seen;
  };
  const auto write = [&](int count) {
    for (int i = 0; i < count; ++i) {
      client.Increment("n");
      if (i % 5 == 0) look();
    }
  };
  write(10);
  for (int round = 0; round < 4; ++round) {
    scenario.Isolate(away);
    scenario.RunFor(kElectionTimeout * 3);
    client.AskOnly(scenario.AllBut({away}));
    write(30);
    // The first snapshot gets no further than its beginning; meanwhile another leader has a newer
    // one, and what is left of the first arrives with it.
    const NodeIndex leader = scenario.AwaitLeaderAmong(scenario.AllBut({away}));
    scenario.Rejoin(away);
    scenario.RunFor(milliseconds(scenario.random().Below(400)));
    scenario.Hold(leader, away, scenario.now() + seconds(2));
    write(30);
    scenario.Transfer(scenario.AllBut({away, leader}).front());
    write(30);
    scenario.RunFor(seconds(2));
    look();
    if (round % 2 == 1) {
      scenario.PowerOff(away);
      scenario.Restart(away);
    }
    scenario.AwaitAgreement();
    look();
  }
  EXPECT_EQ(to_string(number), client.Get("n"));
  EXPECT_GE(scenario.Seen("snapshot_installed"), 4u);
}

// Redpanda 21.10.1: writes appeared twice after a change of leaders. The one who repeats it asks a
// leader that knows of the first try from a snapshot only.
TEST_P(JepsenFindings, Row18_ADuplicateAtALeaderThatCameFromASnapshot) {
  Scenario scenario(GetParam(), {.small_log = true});
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  ScenarioClient& repeater = scenario.NewClient();
  EXPECT_EQ(repeater.Increment("n"), 1);
  const NodeIndex leader = scenario.AwaitLeader();
  const NodeIndex asked = scenario.AnyBut({leader});
  const NodeIndex away = scenario.AllBut({leader, asked}).front();
  scenario.Isolate(away);
  scenario.RunFor(kElectionTimeout * 3);
  scenario.traffic().LoseTo(asked, {MessageKind::kWriteAnswer});
  repeater.AskOnly({asked});
  repeater.Begin(OpKind::kIncrement, "n", "10");
  scenario.RunFor(milliseconds(300));
  client.AskOnly({leader});
  EXPECT_EQ(client.Get("n"), "11");
  for (int i = 0; i < 40; ++i) client.Put("k", to_string(i));
  // It goes on without an answer while the third node becomes leader.
  EXPECT_TRUE(repeater.busy());
  repeater.AskOnly({away});
  scenario.Heal();
  EXPECT_TRUE(scenario.Await([&] { return scenario.Agree(); }, seconds(30)));
  EXPECT_GT(scenario.Seen("snapshot_installed"), 0u);
  EXPECT_TRUE(repeater.Await(seconds(30)));
  EXPECT_EQ(repeater.last().value, "11");
  EXPECT_GE(repeater.replayed(), 1u);
  scenario.Transfer(away);
  scenario.Isolate(leader);
  client.AskOnly({away});
  EXPECT_EQ(client.Get("n"), "11");
}

// TiDB 2.1.7: conflicting writes that were retried by themselves overwrote each other.
TEST_P(JepsenFindings, Row17_RetriedConflictingWritesLoseNoUpdate) {
  Scenario scenario(GetParam(), {.unreliable = true});
  scenario.Start();
  int64_t held = 0;
  std::vector<ScenarioClient*> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(&scenario.NewClient());
  clients[0]->Put("n", "0");
  for (int round = 0; round < 15; ++round) {
    if (round == 7) scenario.Kill(scenario.AwaitLeader());
    std::vector<std::optional<std::string>> seen;
    for (ScenarioClient* client : clients) seen.push_back(client->Get("n"));
    // All from what they saw, at once: one succeeds.
    for (size_t i = 0; i < clients.size(); ++i) {
      clients[i]->BeginCas("n", *seen[i], to_string(std::stoll(*seen[i]) + 1));
    }
    int64_t won = 0;
    for (ScenarioClient* client : clients) {
      EXPECT_TRUE(client->Await(seconds(60)));
      if (client->last().held) ++won;
    }
    EXPECT_EQ(won, 1);
    held += won;
    scenario.RestartAll();
  }
  EXPECT_EQ(clients[0]->Get("n"), to_string(held));
}

// Radix 1.0-beta.35.1, TigerBeetle 0.16.11: one slow node made everything slow.
TEST_P(JepsenFindings, Row19_OneSlowFollowerSlowsNobodyDown) {
  Scenario scenario(GetParam());
  scenario.Start();
  const NodeIndex leader = scenario.AwaitLeader();
  const NodeIndex slow = scenario.AnyBut({leader});
  scenario.SetLinksOf(slow, {.delay_min = milliseconds(300), .delay_mean = milliseconds(100)});
  scenario.machine(slow).disk().SetOptions({.sync_latency_mean = milliseconds(300)});
  ScenarioClient& client = scenario.NewClientOf(scenario.AllBut({slow}));
  client.Put("k", "0");
  client.ForgetLongest();
  for (int i = 0; i < 200; ++i) {
    client.Put("k", to_string(i));
    EXPECT_EQ(client.Get("k"), to_string(i));
  }
  EXPECT_LE(client.longest(), milliseconds(200));
  EXPECT_EQ(scenario.AwaitLeader(), leader);
}

// And a leader whose disk takes nothing hands over.
TEST_P(JepsenFindings, Row21_ALeaderWithAHangingDiskHandsOver) {
  Scenario scenario(GetParam());
  scenario.Start();
  const NodeIndex leader = scenario.AwaitLeader();
  ScenarioClient& client = scenario.NewClient();
  client.Put("k", "0");
  client.ForgetLongest();
  scenario.machine(leader).disk().SetOptions({.sync_latency_mean = seconds(20)});
  for (int i = 0; i < 50; ++i) {
    client.Put("k", to_string(i));
    scenario.RunFor(milliseconds(50));
  }
  EXPECT_LE(client.longest(), kElectionTimeout * 8);
  EXPECT_NE(scenario.AwaitLeader(), leader);
}

// TigerBeetle 0.16.11: a client waited for ever. Here every request is answered at its deadline,
// wherever it waits.
TEST_P(JepsenFindings, Row21_EveryRequestIsAnsweredByItsDeadline) {
  Scenario scenario(GetParam());
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  client.Put("k", "1");
  const NodeIndex leader = scenario.AwaitLeader();
  scenario.Partition({});
  constexpr Duration kDeadline = seconds(2);
  for (NodeIndex node : scenario.All()) {
    // Whatever the node answers itself, before the caller gives up by himself.
    const auto ask = [&](const auto& write_or_read) {
      std::optional<node::Error> error;
      const Duration begin = scenario.now();
      write_or_read(&error);
      EXPECT_TRUE(scenario.RunUntil([&] { return error.has_value(); }, seconds(10)));
      EXPECT_LE(scenario.now() - begin, kDeadline + milliseconds(200)) << "node " << node;
      EXPECT_FALSE(error.value_or(node::Error()).ok());
    };
    ask([&](std::optional<node::Error>* error) {
      node::WriteRequest request;
      request.command =
          MakeBytes(kv::EncodeCommand({.operation = kv::Put{.key = "other", .value = "x"}}));
      request.context.deadline = scenario.machine(node).clock().Now() + kDeadline;
      scenario.node(node)->Write(std::move(request),
                                 [error](const node::WriteReply& reply) { *error = reply.error; });
    });
    ask([&](std::optional<node::Error>* error) {
      node::ReadRequest request;
      request.read.operation = kv::Get{.key = "k"};
      request.context.deadline = scenario.machine(node).clock().Now() + kDeadline;
      scenario.node(node)->Read(std::move(request),
                                [error](const node::ReadReply& reply) { *error = reply.error; });
    });
  }
  EXPECT_NE(scenario.Raft(leader).role, raft::Role::kLeader);
}

// TigerBeetle 0.16.11: there was no way back for a node that had lost its disk. Its place goes to a
// node with a number that was never used, again and again.
TEST_P(JepsenFindings, Row21_AWipedNodeIsReplaced) {
  Scenario scenario(GetParam(), {.spares = 2, .small_log = true});
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  for (int i = 0; i < 30; ++i) client.Append("list", to_string(i) + ",");
  const std::string expected = *client.Get("list");
  const NodeIndex wiped = scenario.AnyBut({3, 4});
  client.AskOnly(scenario.AllBut({wiped}));
  scenario.Wipe(wiped);
  scenario.Remove(wiped);
  scenario.Join(3);
  scenario.Wipe(3);
  scenario.Remove(3);
  scenario.Join(4);
  scenario.AwaitAgreement();
  // It is one of two now, so all that it says counts.
  const NodeIndex off = scenario.AnyBut({wiped, 3, 4});
  scenario.PowerOff(off);
  client.AskOnly(scenario.AllBut({wiped, 3, off}));
  EXPECT_EQ(client.Get("list"), expected);
  client.Append("list", "end");
  scenario.Restart(off);
  scenario.AwaitAgreement();
}

}  // namespace
}  // namespace flotilla::simulation
