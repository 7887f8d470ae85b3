// What only a whole node does: forming a cluster, serving, failing over, coming back.
#include "node/node.h"

#include <algorithm>

#include "tests/node/node_rig.h"
#include <gtest/gtest.h>

namespace flotilla::node {
namespace {

TEST(Node, ThreeNodesFormAClusterAndServe) {
  NodeRig rig(1);
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  const WriteReply put = rig.Put(rig.LeaderOf(), "k", "v");
  ASSERT_TRUE(put.error.ok()) << put.error.message;
  EXPECT_GT(put.result.version, 0u);
  EXPECT_EQ(rig.Get(rig.LeaderOf(), "k"), "v");
}

TEST(Node, ASingleNodeServesAlone) {
  NodeRig rig(2, 1, 1);
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  ASSERT_TRUE(rig.Put(1, "k", "v").error.ok());
  EXPECT_EQ(rig.Get(1, "k"), "v");
}

TEST(Node, AFollowerForwardsWritesAndServesLinearizableReads) {
  NodeRig rig(3);
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  const uint64_t follower = rig.LeaderOf() == 1 ? 2 : 1;
  ASSERT_TRUE(rig.RunUntil([&] { return rig.node(follower)->Ready(); }));
  for (int i = 0; i < 20; ++i) {
    const std::string value = std::to_string(i);
    const WriteReply put = rig.Put(follower, "k", value);
    ASSERT_TRUE(put.error.ok()) << put.error.message;
    EXPECT_EQ(rig.Get(follower, "k"), value);
  }
}

TEST(Node, AcknowledgedWritesSurviveAPowerCutOfAllNodes) {
  NodeRig rig(4);
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(rig.Put(rig.LeaderOf(), "k" + std::to_string(i), "v").error.ok());
  }
  for (const uint64_t id : {1, 2, 3}) rig.PowerOff(id);
  for (const uint64_t id : {1, 2, 3}) rig.Start(id);
  ASSERT_TRUE(rig.AwaitLeader());
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(rig.Get(rig.LeaderOf(), "k" + std::to_string(i)), "v") << i;
  }
}

TEST(Node, ServiceGoesOnSoonAfterTheLeaderIsKilled) {
  NodeRig rig(5);
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  const uint64_t old_leader = rig.LeaderOf();
  ASSERT_TRUE(rig.Put(old_leader, "k", "1").error.ok());
  const uint64_t survivor = old_leader == 3 ? 2 : 3;
  const Duration killed_at = rig.world().now();
  rig.Kill(old_leader);
  // What was on its way to the old leader is unknown; without a session only the caller may repeat.
  WriteReply put = rig.Put(survivor, "k", "2");
  if (!put.error.ok()) {
    EXPECT_EQ(put.error.outcome, Outcome::kUnknown);
    put = rig.Put(survivor, "k", "2");
  }
  ASSERT_TRUE(put.error.ok()) << put.error.message;
  // The broken connection is the hint: nobody waits for an election timeout of 500 ms and more.
  EXPECT_LT(rig.world().now() - killed_at, std::chrono::milliseconds(200));
  rig.Start(old_leader);
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Converged(); }));
  EXPECT_EQ(rig.Get(old_leader, "k"), "2");
}

TEST(Node, WithoutAMajorityRequestsFailWithinTheirDeadline) {
  NodeRig rig(6);
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  const uint64_t leader = rig.LeaderOf();
  ASSERT_TRUE(rig.Put(leader, "k", "v").error.ok());
  for (const uint64_t id : {1, 2, 3}) {
    if (id != leader) rig.PowerOff(id);
  }
  const Duration timeout = std::chrono::milliseconds(300);
  const Duration start = rig.world().now();
  const WriteReply write = rig.Write(leader, PutCommand("k", "w"), timeout);
  EXPECT_FALSE(write.error.ok());
  EXPECT_EQ(write.error.outcome, Outcome::kUnknown);
  const ReadReply read =
      rig.Read(leader, {.operation = kv::Get{.key = "k"}}, ReadLevel::kLinearizable, timeout);
  EXPECT_FALSE(read.error.ok());
  EXPECT_LT(rig.world().now() - start, 2 * timeout + std::chrono::milliseconds(50));
}

TEST(Node, AStaleReadSaysHowOldItMayBe) {
  NodeRig rig(7);
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  const uint64_t leader = rig.LeaderOf();
  const uint64_t follower = leader == 1 ? 2 : 1;
  ASSERT_TRUE(rig.Put(leader, "k", "v").error.ok());
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Converged(); }));
  for (const uint64_t id : {1, 2, 3}) {
    if (id != follower) rig.PowerOff(id);
  }
  rig.world().RunFor(std::chrono::seconds(3));
  const ReadReply read = rig.Read(follower, {.operation = kv::Get{.key = "k"}}, ReadLevel::kStale);
  ASSERT_TRUE(read.error.ok()) << read.error.message;
  ASSERT_TRUE(read.result.rows.at(0).has_value());
  EXPECT_EQ(read.result.rows[0]->value, "v");
  EXPECT_GE(read.lag, std::chrono::milliseconds(2900));
  EXPECT_LE(read.lag, std::chrono::milliseconds(3300));
}

// Without its segments it looked new: a founder founded again and forgot what it had promised.
TEST(Node, AMemberWhoseSegmentsAreGoneDoesNotStart) {
  NodeRig rig(20);
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Converged(); }));
  rig.PowerOff(2);
  simulation::SimDisk& disk = rig.machine(2).disk();
  const std::vector<std::string> names = disk.List("/data/log").value();
  for (const std::string& name : names) {
    if (!name.starts_with("segment-")) continue;
    ASSERT_TRUE(disk.Remove("/data/log/" + name).ok());
  }
  EXPECT_TRUE(absl::IsDataLoss(rig.TryStart(2)));
}

TEST(Node, AMemberWhoseLogIsGoneDoesNotStart) {
  NodeRig rig(13);
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  ASSERT_TRUE(rig.Put(rig.LeaderOf(), "k", "v").error.ok());
  rig.Kill(2);
  ASSERT_TRUE(rig.machine(2).disk().RemoveTree("/data/log").ok());
  EXPECT_EQ(rig.TryStart(2).code(), absl::StatusCode::kDataLoss);
}

TEST(Node, AFullDiskRefusesWritesAndRecovers) {
  NodeRig rig(15);
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  const uint64_t leader = rig.LeaderOf();
  ASSERT_TRUE(rig.Put(leader, "k", "1").error.ok());
  simulation::SimDisk& disk = rig.machine(leader).disk();
  simulation::SimDiskOptions options = disk.options();
  options.capacity_bytes = 1 << 20;
  disk.SetOptions(options);
  rig.world().RunFor(std::chrono::seconds(2));
  const WriteReply refused = rig.Put(leader, "k", "2");
  EXPECT_EQ(refused.error.reason, Reason::kDiskFull);
  EXPECT_EQ(refused.error.outcome, Outcome::kNotApplied);
  EXPECT_EQ(rig.Get(leader, "k"), "1");
  options.capacity_bytes = UINT64_MAX;
  disk.SetOptions(options);
  rig.world().RunFor(std::chrono::seconds(2));
  EXPECT_TRUE(rig.Put(leader, "k", "3").error.ok());
  EXPECT_EQ(rig.Get(leader, "k"), "3");
}

TEST(Node, SeveralGroupsShareOneLog) {
  NodeRig rig(10, 3, 3, [](NodeOptions& options) { options.initial_shards = 4; });
  rig.StartAll();
  for (uint64_t shard = 1; shard <= 4; ++shard) ASSERT_TRUE(rig.AwaitLeader(ShardId(shard)));
  for (int i = 0; i < 40; ++i) {
    const WriteReply put = rig.Put(1, "k" + std::to_string(i), std::to_string(i));
    ASSERT_TRUE(put.error.ok()) << put.error.message;
  }
  for (const uint64_t id : {1, 2, 3}) rig.PowerOff(id);
  for (const uint64_t id : {1, 2, 3}) rig.Start(id);
  ASSERT_TRUE(rig.RunUntil([&] { return rig.node(2)->Ready(); }));
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(rig.Get(2, "k" + std::to_string(i)), std::to_string(i));
  }
}

TEST(Node, AWriteThatFindsTheDiskFullWhenItIsAppliedWaitsForSpace) {
  NodeRig rig(16, 1, 1, [](NodeOptions& options) { options.disk_reserve_bytes = 0; });
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  simulation::SimDisk& disk = rig.machine(1).disk();
  simulation::SimDiskOptions full = disk.options();
  full.capacity_bytes = disk.UsedBytes();
  disk.SetOptions(full);
  // The log has room in its segment, the engine has none.
  EXPECT_EQ(rig.Put(1, "k", "v").error.outcome, Outcome::kUnknown);
  EXPECT_EQ(rig.Put(1, "k", "w").error.reason, Reason::kDiskFull);
  ASSERT_EQ(rig.node(1)->Status().replicas.size(), 1u);
  EXPECT_FALSE(rig.node(1)->Status().replicas[0].failed);

  disk.SetOptions({});
  EXPECT_EQ(rig.Get(1, "k"), "v");
}

TEST(Node, AGracefulStopHandsLeadershipOver) {
  NodeRig rig(11);
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  const uint64_t leader = rig.LeaderOf();
  ASSERT_TRUE(rig.Put(leader, "k", "v").error.ok());
  bool stopped = false;
  const Duration start = rig.world().now();
  rig.node(leader)->Stop(std::chrono::seconds(10), [&] { stopped = true; });
  const uint64_t survivor = leader == 3 ? 2 : 3;
  EXPECT_TRUE(rig.Put(survivor, "k", "w").error.ok());
  EXPECT_TRUE(rig.RunUntil([&] { return stopped; }));
  EXPECT_LT(rig.world().now() - start, std::chrono::milliseconds(300));
  const WriteReply refused = rig.Put(leader, "k", "x");
  EXPECT_EQ(refused.error.reason, Reason::kShuttingDown);
}

}  // namespace
}  // namespace flotilla::node
