// A replica to which nothing is written gives its memory back, and is as good as before.
#include <chrono>
#include <string>

#include "node/node.h"
#include "tests/node/node_rig.h"
#include <gtest/gtest.h>

namespace flotilla::node {
namespace {

void RestSoon(NodeOptions& options) {
  options.rest_after = std::chrono::seconds(2);
  options.rest_flush_bytes = 1'000;
  options.flush_log_entries = 1'000'000;
}

bool HasFlushed(NodeRig& rig, uint64_t id) {
  const ReplicaStatus replica = rig.node(id)->Status().replicas.at(0);
  return replica.engine_durable == replica.raft.applied;
}

TEST(Rest, AReplicaThatRestsHasAFlushedEngine) {
  NodeRig rig(3, 3, 3, RestSoon);
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(rig.Put(rig.LeaderOf(), "k" + std::to_string(i), std::string(100, 'x')).error.ok());
  }
  EXPECT_FALSE(HasFlushed(rig, rig.LeaderOf()));
  EXPECT_TRUE(
      rig.RunUntil([&] { return HasFlushed(rig, 1) && HasFlushed(rig, 2) && HasFlushed(rig, 3); }));
}

TEST(Rest, WhatIsNotWorthAFlushIsNotFlushed) {
  NodeRig rig(3, 3, 3, RestSoon);
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  ASSERT_TRUE(rig.Put(rig.LeaderOf(), "k", "v").error.ok());
  rig.world().RunFor(std::chrono::seconds(10));
  EXPECT_FALSE(HasFlushed(rig, rig.LeaderOf()));
}

TEST(Rest, APeerThatWasAwayGetsWhatALeaderAtRestHasOnDisk) {
  NodeRig rig(3, 3, 3, RestSoon);
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  const uint64_t away = rig.LeaderOf() == 1 ? 2 : 1;
  rig.Kill(away);
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(rig.Put(rig.LeaderOf(), "k" + std::to_string(i), std::string(100, 'x')).error.ok());
  }
  rig.world().RunFor(std::chrono::seconds(10));
  rig.Start(away);
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Converged(); }));
  // Entry by entry, not as a snapshot.
  EXPECT_LT(rig.node(away)->Status().replicas.at(0).raft.first_index, LogIndex(5));
  EXPECT_EQ(rig.Get(away, "k0"), std::string(100, 'x'));
}

}  // namespace
}  // namespace flotilla::node
