// The directory's leader spreads, drains, repairs and splits by itself.
#include <algorithm>
#include <map>
#include <string>

#include "gtest/gtest.h"
#include "kv/directory.h"
#include "node/node.h"
#include "tests/node/node_rig.h"
#include "tests/support/ring_halves.h"

namespace flotilla::node {
namespace {

using std::chrono::seconds;
using tests::Lower;
using tests::Upper;

std::function<void(NodeOptions&)> Balanced(uint32_t shards, Duration dead_after = seconds(600)) {
  return [=](NodeOptions& options) {
    options.initial_shards = shards;
    options.replicas = 3;
    options.balance = true;
    options.dead_after = dead_after;
  };
}

// Voters by node, over all shards, as their leaders say; empty while a shard has no leader, is in
// the middle of a change, or has not three voters.
std::map<uint64_t, int> VotersByNode(NodeRig& rig, uint64_t machines, uint32_t shards) {
  std::map<uint64_t, int> voters;
  uint32_t led = 0;
  for (uint64_t id = 1; id <= machines; ++id) {
    if (!rig.running(id)) continue;
    for (const ReplicaStatus& replica : rig.node(id)->Status().replicas) {
      if (replica.raft.role != raft::Role::kLeader) continue;
      const raft::Configuration& configuration = replica.raft.configuration;
      const bool settled = !configuration.IsJoint() && configuration.learners.empty() &&
                           configuration.voters.size() == 3;
      if (!settled) return {};
      ++led;
      for (const raft::Member& member : configuration.voters) ++voters[member.node.value()];
    }
  }
  return led == shards ? voters : std::map<uint64_t, int>();
}

// Whether all groups, the directory's too, have a leader, and no node leads two more than another.
bool LeadsEvenly(NodeRig& rig, uint64_t machines, uint32_t shards) {
  std::map<uint64_t, int> leaders{{rig.LeaderOf(kv::kDirectoryShard), 1}};
  for (uint32_t shard = 1; shard <= shards; ++shard) ++leaders[rig.LeaderOf(ShardId(shard))];
  if (leaders.contains(0) || leaders.size() != machines) return false;
  const auto [fewest, most] = std::minmax_element(
      leaders.begin(), leaders.end(), [](auto& a, auto& b) { return a.second < b.second; });
  return most->second <= fewest->second + 1;
}

// Whether no node has two replicas more than another; the directory's count.
bool IsEven(NodeRig& rig, uint64_t machines) {
  size_t most = 0;
  size_t fewest = SIZE_MAX;
  for (uint64_t id = 1; id <= machines; ++id) {
    const NodeStatus status = rig.node(id)->Status();
    const size_t replicas = status.replicas.size() + (status.directory.replica ? 1 : 0);
    most = std::max(most, replicas);
    fewest = std::min(fewest, replicas);
  }
  return most <= fewest + 1;
}

absl::Status SetDuty(NodeRig& rig, uint64_t node, sharding::NodeDuty duty) {
  absl::Status answer = absl::UnknownError("not answered");
  bool answered = false;
  rig.node(rig.LeaderOf(kv::kDirectoryShard))
      ->SetNodeDuty(NodeId(node), duty, [&](const absl::Status& status) {
        answer = status;
        answered = true;
      });
  rig.RunUntil([&] { return answered; });
  return answer;
}

bool Registered(NodeRig& rig, uint64_t asked, size_t nodes) {
  return rig.RunUntil([&] { return rig.node(asked)->Status().directory.nodes.size() == nodes; });
}

TEST(NodeBalancer, ANewNodeGetsItsShareAndNoMore) {
  constexpr uint32_t kShards = 8;
  NodeRig rig(1, 4, 3, Balanced(kShards));
  for (uint64_t id = 1; id <= 3; ++id) rig.Start(id);
  ASSERT_TRUE(rig.AwaitLeader(kv::kDirectoryShard));
  ASSERT_TRUE(rig.RunUntil([&] { return VotersByNode(rig, 3, kShards).size() == 3; }));
  ASSERT_TRUE(rig.Put(1, Lower(), "kept").error.ok());
  rig.Start(4);
  const std::map<uint64_t, int> even{{1, 6}, {2, 6}, {3, 6}, {4, 6}};
  EXPECT_TRUE(rig.RunUntil([&] { return VotersByNode(rig, 4, kShards) == even; }, seconds(120)));
  EXPECT_TRUE(rig.RunUntil([&] { return LeadsEvenly(rig, 4, kShards); }, seconds(60)));
  EXPECT_EQ(rig.Get(4, Lower()), "kept");
}

TEST(NodeBalancer, ADrainedNodeHasNothingLeftAndMayComeBack) {
  constexpr uint32_t kShards = 4;
  NodeRig rig(2, 4, 4, Balanced(kShards));
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader(kv::kDirectoryShard));
  ASSERT_TRUE(Registered(rig, 1, 4));
  // Node 1 leads the directory, as the first founder, and must give that up, too.
  ASSERT_TRUE(SetDuty(rig, 1, sharding::NodeDuty::kDrain).ok());
  EXPECT_TRUE(rig.RunUntil(
      [&] {
        const NodeStatus status = rig.node(1)->Status();
        return status.replicas.empty() && !status.directory.replica.has_value() &&
               VotersByNode(rig, 4, kShards).size() == 3;
      },
      seconds(120)));
  ASSERT_TRUE(rig.AwaitLeader(kv::kDirectoryShard));
  ASSERT_TRUE(rig.RunUntil([&] { return SetDuty(rig, 1, sharding::NodeDuty::kServe).ok(); }));
  EXPECT_TRUE(rig.RunUntil([&] { return !VotersByNode(rig, 4, kShards).empty() && IsEven(rig, 4); },
                           seconds(120)));
}

TEST(NodeBalancer, ADeadNodeIsReplacedAfterItsTime) {
  constexpr uint32_t kShards = 4;
  NodeRig rig(3, 4, 4, Balanced(kShards, seconds(20)));
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader(kv::kDirectoryShard));
  ASSERT_TRUE(rig.Put(2, Upper(), "kept").error.ok());
  ASSERT_TRUE(Registered(rig, 2, 4));
  rig.Kill(1);
  const std::map<uint64_t, int> others{{2, 4}, {3, 4}, {4, 4}};
  EXPECT_TRUE(rig.RunUntil([&] { return VotersByNode(rig, 4, kShards) == others; }, seconds(180)));
  EXPECT_TRUE(rig.RunUntil([&] { return rig.node(4)->Status().directory.replica.has_value(); },
                           seconds(60)));
  EXPECT_EQ(rig.Get(3, Upper()), "kept");
}

// The others lead its shards by then, and to even that out the balancer would hand some of them
// back until it takes the node for dead. Each attempt stops a shard's writes.
TEST(NodeBalancer, NothingIsHandedOverToANodeThatHasJustDied) {
  constexpr uint32_t kShards = 4;
  NodeRig rig(7, 3, 3, Balanced(kShards));
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader(kv::kDirectoryShard));
  ASSERT_TRUE(Registered(rig, 1, 3));
  const uint64_t directory = rig.LeaderOf(kv::kDirectoryShard);
  const uint64_t victim = directory == 1 ? 2 : 1;
  ASSERT_TRUE(rig.RunUntil([&] { return LeadsEvenly(rig, 3, kShards); }, seconds(60)));
  rig.Kill(victim);
  const auto all_led = [&] { return VotersByNode(rig, 3, kShards).size() == 3; };
  ASSERT_TRUE(rig.RunUntil(all_led));
  const Duration end = rig.world().now() + seconds(15);
  while (rig.world().now() < end) {
    for (int key = 0; key < 8; ++key) {
      const Duration begin = rig.world().now();
      ASSERT_TRUE(rig.Put(directory, "key" + std::to_string(key), "written").error.ok());
      EXPECT_LT(rig.world().now() - begin, std::chrono::milliseconds(300)) << key;
    }
  }
}

TEST(NodeBalancer, ANodeThatLeavesIsForgottenWhenItIsEmptyAndSilent) {
  constexpr uint32_t kShards = 4;
  NodeRig rig(4, 4, 4, Balanced(kShards));
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader(kv::kDirectoryShard));
  ASSERT_TRUE(Registered(rig, 1, 4));
  ASSERT_TRUE(SetDuty(rig, 4, sharding::NodeDuty::kLeave).ok());
  ASSERT_TRUE(rig.RunUntil([&] { return rig.node(4)->Status().replicas.empty(); }, seconds(120)));
  EXPECT_EQ(rig.node(1)->Status().directory.nodes.size(), 4u);
  rig.Kill(4);
  EXPECT_TRUE(
      rig.RunUntil([&] { return rig.node(1)->Status().directory.nodes.size() == 3; }, seconds(60)));
}

TEST(NodeBalancer, ALargeShardIsSplit) {
  NodeRig rig(5, 3, 3, [](NodeOptions& options) {
    Balanced(1)(options);
    options.split_bytes = 30'000;
  });
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(rig.Put(1, Lower(i), std::string(500, 'x')).error.ok());
    ASSERT_TRUE(rig.Put(1, Upper(i), std::string(500, 'x')).error.ok());
  }
  EXPECT_TRUE(rig.RunUntil([&] { return rig.node(1)->ShardMap().size() == 2; }, seconds(60)));
  EXPECT_EQ(rig.Get(2, Lower(39)), std::string(500, 'x'));
  EXPECT_EQ(rig.Get(2, Upper(39)), std::string(500, 'x'));
  // The halves still store what the other one has, for a while; that does not count.
  rig.RunUntil([] { return false; }, seconds(30));
  EXPECT_EQ(rig.node(1)->ShardMap().size(), 2u);
}

// Some fifty writes per second, of these keys in turn, until the condition holds.
bool WriteUntil(NodeRig& rig, const std::vector<std::string>& keys,
                const std::function<bool()>& condition, Duration limit) {
  const Duration end = rig.world().now() + limit;
  for (size_t i = 0; rig.world().now() < end; ++i) {
    if (condition()) return true;
    // Whoever meets a split or an election hears so, and comes again.
    rig.Put(1 + i % 3, keys[i % keys.size()], "written");
    rig.RunUntil([] { return false; }, std::chrono::milliseconds(20));
  }
  return condition();
}

std::function<void(NodeOptions&)> WeighingLoad(uint32_t shards, uint64_t split_load) {
  return [=](NodeOptions& options) {
    Balanced(shards)(options);
    options.split_load = split_load;
    options.load_span = seconds(6);
    options.least_load = 10;
  };
}

TEST(NodeBalancer, AHotShardIsSplitWhereItIsHot) {
  NodeRig rig(8, 3, 3, WeighingLoad(1, 20));
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  // A cut in the middle would leave both on one side.
  const std::vector<std::string> keys{Lower(1), Lower(2)};
  const auto [first, second] = std::minmax({sharding::SlotOf(keys[0]), sharding::SlotOf(keys[1])});
  ASSERT_LT(second.value, sharding::kSlotCount / 2);
  const auto shards = [&] { return rig.node(1)->ShardMap(); };
  ASSERT_TRUE(WriteUntil(
      rig, keys, [&] { return shards().size() == 2; }, seconds(30)));
  sharding::Slot cut;
  for (const auto& [descriptor, route] : shards()) cut = std::max(cut, descriptor.arc.first);
  EXPECT_LT(first, cut);
  EXPECT_LE(cut, second);
  // What is left is one hot key in each.
  EXPECT_FALSE(WriteUntil(
      rig, keys, [&] { return shards().size() > 2; }, seconds(40)));
}

TEST(NodeBalancer, LeadersOfHotShardsChangePlaces) {
  constexpr uint32_t kShards = 6;
  NodeRig rig(9, 3, 3, WeighingLoad(kShards, 0));
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader(kv::kDirectoryShard));
  ASSERT_TRUE(rig.RunUntil([&] { return LeadsEvenly(rig, 3, kShards); }, seconds(60)));
  // Two keys in shards that one node leads.
  std::map<uint64_t, std::map<ShardId, std::string>> keys;
  std::vector<std::string> hot;
  ShardId one;
  ShardId other;
  for (int i = 0; hot.empty(); ++i) {
    const std::string key = "key" + std::to_string(i);
    const ShardId shard = rig.node(1)->RouteOf(key).shard;
    auto& led = keys[rig.LeaderOf(shard)];
    led.emplace(shard, key);
    if (led.size() < 2) continue;
    one = led.begin()->first;
    other = led.rbegin()->first;
    hot = {led.begin()->second, led.rbegin()->second};
  }
  const auto apart = [&] { return rig.LeaderOf(one) != rig.LeaderOf(other); };
  ASSERT_FALSE(apart());
  EXPECT_TRUE(WriteUntil(rig, hot, apart, seconds(120)));
  EXPECT_TRUE(rig.RunUntil([&] { return LeadsEvenly(rig, 3, kShards); }, seconds(60)));
  // And there they stay.
  EXPECT_FALSE(WriteUntil(
      rig, hot, [&] { return !apart(); }, seconds(120)));
}

TEST(NodeBalancer, OnlyTheDirectorysLeaderTakesDutiesAndNamesItself) {
  NodeRig rig(6, 3, 3, Balanced(1));
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader(kv::kDirectoryShard));
  ASSERT_TRUE(Registered(rig, 1, 3));
  EXPECT_TRUE(absl::IsNotFound(SetDuty(rig, 9, sharding::NodeDuty::kDrain)));
  const uint64_t leader = rig.LeaderOf(kv::kDirectoryShard);
  absl::Status answer;
  rig.node(leader == 1 ? 2 : 1)
      ->SetNodeDuty(NodeId(3), sharding::NodeDuty::kDrain,
                    [&](absl::Status status) { answer = std::move(status); });
  EXPECT_TRUE(absl::IsFailedPrecondition(answer));
  EXPECT_NE(answer.message().find("node " + std::to_string(leader)), absl::string_view::npos);
}

}  // namespace
}  // namespace flotilla::node
