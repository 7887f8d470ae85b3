// How a member that needs what the log no longer has is sent a snapshot: that it arrives whatever
// happens meanwhile, and that nothing is left of it.
#include <algorithm>
#include <string>
#include <vector>

#include "node/node.h"
#include "tests/node/snapshot_rig.h"
#include <gtest/gtest.h>

namespace flotilla::node {
namespace {

TEST(Snapshot, AFollowerThatMissedTheLogIsSentASnapshot) {
  NodeRig rig(8, 3, 3, TinyLog);
  const uint64_t follower = LeaveAFollowerBehind(rig);
  rig.Start(follower);
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Converged(); }));
  EXPECT_GT(rig.node(follower)->Status().replicas.at(0).raft.first_index, LogIndex(100));
  EXPECT_EQ(rig.Get(follower, "k299"), std::string(50, 'x'));
  EXPECT_EQ(rig.Get(follower, "k0"), std::string(50, 'x'));
  // What was installed is what a restart finds.
  rig.PowerOff(follower);
  rig.Start(follower);
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Converged(); }));
  EXPECT_EQ(rig.Get(follower, "k0"), std::string(50, 'x'));
}

TEST(Snapshot, ASnapshotThatTakesLongToReadIsNotGivenUp) {
  NodeRig rig(8, 3, 3, [](NodeOptions& options) {
    TinyLog(options);
    options.snapshot_chunk_bytes = 1 << 20;
  });
  const uint64_t follower = LeaveAFollowerBehind(rig);
  const auto set_reading_time = [&](Duration mean) {
    for (const uint64_t id : {1, 2, 3}) {
      simulation::SimDiskOptions options = rig.machine(id).disk().options();
      options.read_latency_mean = mean;
      if (id != follower) rig.machine(id).disk().SetOptions(options);
    }
  };
  set_reading_time(std::chrono::seconds(30));
  rig.Start(follower);
  const auto applied = [&] { return rig.node(follower)->Status().replicas.at(0).raft.applied; };
  ASSERT_TRUE(rig.RunUntil([&] { return applied() > LogIndex(100); }, std::chrono::minutes(20)));
  set_reading_time(Duration(0));
  EXPECT_TRUE(rig.RunUntil([&] { return rig.Converged(); }, std::chrono::minutes(2)));
}

// Found by the simulator: a leader whose state had gone bad tried for ever to send it.
TEST(Snapshot, ALeaderThatCannotReadItsStateForASnapshotIsRepairedByAnother) {
  NodeRig rig(8, 3, 3, TinyLog);
  const uint64_t follower = LeaveAFollowerBehind(rig);
  const uint64_t leader = rig.LeaderOf();
  simulation::SimDisk& disk = rig.machine(leader).disk();
  for (const std::string& path : disk.FilesBelow("/data/shards")) {
    ASSERT_TRUE(disk.FlipBit(path, 100, 0).ok());
  }
  rig.Start(follower);
  EXPECT_TRUE(rig.RunUntil([&] { return rig.Converged(); }, std::chrono::minutes(2)));
  EXPECT_GT(disk.counts().changed, 0u);
}

// Found by the simulator: the sender went on from where the receiver had been before.
TEST(Snapshot, ASnapshotBeginsAgainWhenItsReceiverIsRestarted) {
  for (const int milliseconds : {5, 20, 50, 100, 200}) {
    NodeRig rig(8, 3, 3, TinyLog);
    const uint64_t follower = LeaveAFollowerBehind(rig);
    rig.network().SetAllLinks({.delay_mean = std::chrono::milliseconds(5)});
    const size_t generations = ShardFolders(rig, follower).size();
    rig.Start(follower);
    ASSERT_TRUE(rig.RunUntil([&] { return ShardFolders(rig, follower).size() > generations; }));
    rig.world().RunFor(std::chrono::milliseconds(milliseconds));
    rig.Kill(follower);
    rig.Start(follower);
    EXPECT_TRUE(rig.RunUntil([&] { return rig.Converged(); })) << milliseconds;
  }
}

TEST(Snapshot, ACheckpointForASilentPeerIsKeptForAWhileAndThenRemoved) {
  NodeRig rig(8, 3, 3, [](NodeOptions& options) {
    TinyLog(options);
    options.snapshot_keep = std::chrono::seconds(10);
  });
  const uint64_t follower = LeaveAFollowerBehind(rig);
  const uint64_t leader = rig.LeaderOf();
  rig.Start(follower);
  ASSERT_TRUE(rig.RunUntil([&] { return HasCheckpoint(rig, leader); }));
  rig.PowerOff(follower);
  rig.world().RunFor(std::chrono::seconds(20));
  EXPECT_TRUE(HasCheckpoint(rig, leader));
  rig.world().RunFor(std::chrono::seconds(10));
  EXPECT_FALSE(HasCheckpoint(rig, leader));
}

TEST(Snapshot, AReceivedSnapshotThatIsNotInstalledLeavesNothing) {
  NodeRig rig(8, 3, 3, TinyLog);
  const uint64_t follower = LeaveAFollowerBehind(rig);
  const size_t generations = ShardFolders(rig, follower).size();
  rig.Start(follower);
  ASSERT_TRUE(rig.RunUntil([&] { return ShardFolders(rig, follower).size() > generations; }));
  // The next leader offers a snapshot of its own.
  rig.Kill(rig.LeaderOf());
  ASSERT_TRUE(rig.AwaitLeader());
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Converged(); }));
  rig.world().RunFor(std::chrono::seconds(1));
  EXPECT_EQ(ShardFolders(rig, follower).size(), 1u);
}

TEST(Snapshot, ASnapshotThatCannotBeInstalledLeavesNothing) {
  NodeRig rig(8, 3, 3, TinyLog);
  const uint64_t follower = LeaveAFollowerBehind(rig);
  const size_t generations = ShardFolders(rig, follower).size();
  rig.Start(follower);
  simulation::SimDisk& disk = rig.machine(follower).disk();
  ASSERT_TRUE(rig.RunUntil([&] { return ShardFolders(rig, follower).size() > generations; }));
  disk.FailNextWrite();
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Converged(); }));
  rig.world().RunFor(std::chrono::seconds(1));
  EXPECT_EQ(ShardFolders(rig, follower).size(), 1u);
}
}  // namespace
}  // namespace flotilla::node
