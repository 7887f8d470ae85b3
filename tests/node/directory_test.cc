// Nodes tell the directory of themselves and their shards, and all of them find everything by it.
#include "kv/directory.h"

#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "node/node.h"
#include "tests/node/node_rig.h"
#include "tests/support/ring_halves.h"

namespace flotilla::node {
namespace {

using std::chrono::seconds;
using tests::Lower;
using tests::Upper;

// Versions by shard, as a node would tell a client; empty while a leader is missing.
std::map<ShardId, uint64_t> MapOf(NodeRig& rig, uint64_t id) {
  std::map<ShardId, uint64_t> map;
  if (!rig.running(id)) return map;
  for (const auto& [descriptor, route] : rig.node(id)->ShardMap()) {
    if (route.leader.is_none() || route.leader_address.empty()) return {};
    map[descriptor.shard] = descriptor.version;
  }
  return map;
}

std::function<void(NodeOptions&)> Shards(uint32_t count) {
  return [count](NodeOptions& options) { options.initial_shards = count; };
}

TEST(NodeDirectory, TellsAllNodesOfAllShardsAndNodes) {
  NodeRig rig(1, 5, 3, Shards(4));
  rig.StartAll();
  const std::map<ShardId, uint64_t> all{
      {ShardId(1), 1}, {ShardId(2), 1}, {ShardId(3), 1}, {ShardId(4), 1}};
  for (uint64_t id = 1; id <= 5; ++id) {
    EXPECT_TRUE(rig.RunUntil([&] {
      return MapOf(rig, id) == all && rig.node(id)->Status().directory.nodes.size() == 5;
    })) << id;
  }
}

TEST(NodeDirectory, IsKeptByTheFirstThreeFounders) {
  NodeRig rig(2, 4, 4);
  rig.StartAll();
  ASSERT_TRUE(rig.RunUntil([&] { return rig.LeaderOf(kv::kDirectoryShard) != 0; }));
  EXPECT_TRUE(rig.RunUntil([&] {
    return rig.node(4)->Status().directory.nodes.size() == 4 &&
           rig.node(3)->Status().directory.replica.has_value();
  }));
  EXPECT_FALSE(rig.node(4)->Status().directory.replica.has_value());
}

TEST(NodeDirectory, ANodeWithoutAReplicaForwardsByKeyAndByShard) {
  NodeRig rig(3, 4, 3, Shards(2));
  rig.StartAll();
  ASSERT_TRUE(rig.RunUntil([&] { return MapOf(rig, 4).size() == 2; }));
  EXPECT_TRUE(rig.Put(4, Lower(), "low").error.ok());
  EXPECT_TRUE(rig.Put(4, Upper(), "up").error.ok());
  EXPECT_EQ(rig.Get(4, Lower()), "low");
  EXPECT_EQ(rig.Get(1, Upper()), "up");
  ReadRequest read;
  read.target.shard = ShardId(2);
  read.context.deadline = rig.machine(4).clock().Now() + seconds(5);
  read.read.operation = kv::Get{Upper()};
  std::optional<ReadReply> reply;
  rig.node(4)->Read(std::move(read), [&](ReadReply said) { reply = std::move(said); });
  ASSERT_TRUE(rig.RunUntil([&] { return reply.has_value(); }));
  EXPECT_TRUE(reply->error.ok()) << reply->error.message;
}

TEST(NodeDirectory, HearsOfASplitFromTheParentsLeader) {
  NodeRig rig(4, 4);
  rig.StartAll();
  ASSERT_TRUE(rig.RunUntil([&] { return MapOf(rig, 4).size() == 1; }));
  ASSERT_TRUE(rig.AwaitLeader());
  absl::Status split = absl::UnknownError("not answered");
  rig.node(rig.LeaderOf())
      ->SplitShard(ShardId(1), {.child = ShardId(9), .at = tests::kMiddle, .shard_version = 1},
                   [&](absl::Status status) { split = std::move(status); });
  const std::map<ShardId, uint64_t> halves{{ShardId(1), 2}, {ShardId(9), 2}};
  for (uint64_t id = 1; id <= 4; ++id) {
    EXPECT_TRUE(rig.RunUntil([&] { return MapOf(rig, id) == halves; })) << id;
  }
  EXPECT_TRUE(split.ok()) << split;
}

TEST(NodeDirectory, GoesOnWithAnotherLeader) {
  NodeRig rig(5, 4);
  rig.StartAll();
  ASSERT_TRUE(rig.RunUntil([&] { return MapOf(rig, 4).size() == 1; }));
  const uint64_t first = rig.LeaderOf(kv::kDirectoryShard);
  rig.Kill(first);
  ASSERT_TRUE(rig.RunUntil([&] {
    const uint64_t leader = rig.LeaderOf(kv::kDirectoryShard);
    return leader != 0 && leader != first &&
           rig.node(4)->Status().directory.leader == NodeId(leader);
  }));
  // The shard's new leader reaches the fourth node by way of the directory's new leader.
  EXPECT_TRUE(rig.RunUntil([&] {
    const auto map = rig.node(4)->ShardMap();
    return !map.empty() && map[0].second.leader == NodeId(rig.LeaderOf());
  }));
  EXPECT_EQ(rig.node(4)->Status().directory.nodes.size(), 4u);
}

TEST(NodeDirectory, IsNotForClients) {
  NodeRig rig(6);
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader(kv::kDirectoryShard));
  WriteRequest write;
  write.target.shard = kv::kDirectoryShard;
  write.context.deadline = rig.machine(1).clock().Now() + seconds(5);
  write.command = MakeBytes(kv::EncodeCommand(PutCommand("{directory}v", "mine")));
  std::optional<WriteReply> reply;
  rig.node(1)->Write(std::move(write), [&](WriteReply said) { reply = std::move(said); });
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->error.reason, Reason::kInvalidRequest);
}

}  // namespace
}  // namespace flotilla::node
