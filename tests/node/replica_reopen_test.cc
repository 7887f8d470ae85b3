// What becomes of a replica whose engine fails: what may pass is tried again, and nobody is asked
// to replace a replica that has lost nothing.
#include "node/replica_reopen.h"

#include <algorithm>

#include "tests/node/node_rig.h"
#include <gtest/gtest.h>

namespace flotilla::node {
namespace {

ReplicaStatus ReplicaOf(NodeRig& rig, uint64_t id) {
  const NodeStatus status = rig.node(id)->Status();
  return status.replicas.empty() ? ReplicaStatus() : status.replicas[0];
}

// Nobody has removed a founder from the configuration, not even for a while.
bool AllFoundersVote(NodeRig& rig) {
  const raft::Configuration configuration = ReplicaOf(rig, rig.LeaderOf()).raft.configuration;
  return configuration.voters.size() == 3 && configuration.next_replica_id == ReplicaId(4);
}

TEST(ReopenBackoff, GrowsWhileFailuresFollowEachOther) {
  ReopenBackoff backoff;
  MonoTime now{std::chrono::hours(1)};
  for (const int expected : {1, 2, 4, 8, 16, 30, 30}) {
    const MonoTime next = backoff.Failed(now);
    EXPECT_EQ(next - now, std::chrono::seconds(expected));
    now = next;
  }
  now += std::chrono::minutes(10);
  EXPECT_EQ(backoff.Failed(now) - now, std::chrono::seconds(1));
}

TEST(ReplicaReopen, ServiceResumesAfterTwoEnginesFailed) {
  NodeRig rig(21);
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(rig.Put(rig.LeaderOf(), "k" + std::to_string(i), "v").error.ok());
  }
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Converged(); }));
  for (const uint64_t id : {1, 2}) {
    rig.FailEngines(id, absl::UnavailableError("a compaction found no space"));
  }
  // Committed by the logs; only the engines fail.
  (void)rig.Put(rig.LeaderOf(), "k", "unknown");
  ASSERT_TRUE(rig.RunUntil([&] { return ReplicaOf(rig, 1).failed && ReplicaOf(rig, 2).failed; }));
  rig.world().RunFor(std::chrono::minutes(1));
  EXPECT_EQ(rig.LeaderOf(), 0u);
  EXPECT_EQ(rig.Put(1, "k", "w").error.reason, Reason::kReplicaFailed);

  for (const uint64_t id : {1, 2}) rig.FailEngines(id, absl::OkStatus());
  ASSERT_TRUE(rig.RunUntil([&] { return rig.node(1)->Ready() && rig.node(2)->Ready(); },
                           std::chrono::seconds(40)));
  EXPECT_TRUE(rig.Put(rig.LeaderOf(), "after", "w").error.ok());
  for (const uint64_t id : {1, 2, 3}) {
    EXPECT_EQ(rig.Get(id, "k"), "unknown");
    EXPECT_EQ(rig.Get(id, "k49"), "v");
    EXPECT_EQ(rig.Get(id, "after"), "w");
  }
  EXPECT_TRUE(AllFoundersVote(rig));
}

TEST(ReplicaReopen, WhatAFailedEngineWasGivenIsAppliedOnce) {
  NodeRig rig(25, 1, 1, [](NodeOptions& options) { options.flush_log_entries = 10; });
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  ASSERT_TRUE(rig.Put(1, "k", "v").error.ok());
  for (int i = 0; i < 20; ++i) {
    if (i == 10) rig.FailEngines(1, absl::UnavailableError("a flush found no space"));
    (void)rig.Write(1, IncrementCommand("n", 1), std::chrono::milliseconds(100));
  }
  ASSERT_TRUE(rig.RunUntil([&] { return ReplicaOf(rig, 1).failed; }));
  rig.FailEngines(1, absl::OkStatus());
  ASSERT_TRUE(rig.RunUntil([&] { return rig.node(1)->Ready(); }));
  // Whatever was committed is applied once: by the old engine, or again by the new one.
  ASSERT_TRUE(rig.Write(1, IncrementCommand("n", 1)).error.ok());
  EXPECT_EQ(rig.Get(1, "n"), "12");
}

TEST(ReplicaReopen, AnErrorAtTheStartThatPassesCostsNoReplica) {
  NodeRig rig(22);
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(rig.Put(rig.LeaderOf(), "k", "v").error.ok());
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Converged(); }));
  const uint64_t node = rig.LeaderOf() == 1 ? 2 : 1;
  rig.PowerOff(node);
  rig.FailEngines(node, absl::ResourceExhaustedError("too many open files"));
  rig.Start(node);
  EXPECT_TRUE(ReplicaOf(rig, node).failed);
  EXPECT_FALSE(rig.node(node)->Ready());
  const ReadReply refused = rig.Read(node, {.operation = kv::Get{.key = "k"}});
  EXPECT_EQ(refused.error.code, absl::StatusCode::kUnavailable);
  EXPECT_NE(refused.error.message.find("too many open files"), std::string::npos);
  ASSERT_TRUE(rig.Put(rig.LeaderOf(), "k", "w").error.ok());
  rig.world().RunFor(std::chrono::minutes(2));
  EXPECT_TRUE(ReplicaOf(rig, node).failed);
  EXPECT_TRUE(AllFoundersVote(rig));

  rig.FailEngines(node, absl::OkStatus());
  ASSERT_TRUE(rig.RunUntil([&] { return rig.node(node)->Ready() && rig.Converged(); },
                           std::chrono::seconds(31)));
  EXPECT_EQ(ReplicaOf(rig, node).raft.self.replica, ReplicaId(node));
  EXPECT_EQ(rig.Get(node, "k"), "w");
  // What it was opened from is whole.
  rig.PowerOff(node);
  rig.Start(node);
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Converged(); }));
  EXPECT_EQ(rig.Get(node, "k"), "w");
}

TEST(ReplicaReopen, AllReplicasThatCouldNotBeOpenedComeBackWithWhatWasAcknowledged) {
  NodeRig rig(23);
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(rig.Put(rig.LeaderOf(), "k" + std::to_string(i), "v").error.ok());
  }
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Converged(); }));
  for (const uint64_t id : {1, 2, 3}) {
    rig.PowerOff(id);
    rig.FailEngines(id, absl::UnavailableError("not now"));
  }
  for (const uint64_t id : {1, 2, 3}) rig.Start(id);
  rig.world().RunFor(std::chrono::seconds(5));
  for (const uint64_t id : {1, 2, 3}) rig.FailEngines(id, absl::OkStatus());
  ASSERT_TRUE(rig.AwaitLeader());
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(rig.Get(rig.LeaderOf(), "k" + std::to_string(i)), "v") << i;
  }
}

TEST(ReplicaReopen, AStateOfANewerFormatIsLeftAlone) {
  NodeRig rig(24);
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  ASSERT_TRUE(rig.Put(rig.LeaderOf(), "k", "v").error.ok());
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Converged(); }));
  const uint64_t node = rig.LeaderOf() == 1 ? 2 : 1;
  rig.PowerOff(node);
  rig.FailEngines(node, absl::UnimplementedError("format 2"));
  rig.Start(node);
  rig.FailEngines(node, absl::OkStatus());
  rig.world().RunFor(std::chrono::minutes(1));
  EXPECT_TRUE(ReplicaOf(rig, node).failed);
  EXPECT_EQ(ReplicaOf(rig, node).failure, "format 2");
  EXPECT_TRUE(AllFoundersVote(rig));
}

}  // namespace
}  // namespace flotilla::node
