// Shards that move while clients use them, after part 5A of the labs of MIT 6.5840 and its
// ancestors in earlier years. What is a group there is a set of nodes here: it joins by starting,
// leaves by being drained, and what is moved is a shard's replica.
#include <algorithm>
#include <string>
#include <vector>

#include "tests/simulation/scenarios/scenario_seeds.h"
#include "tests/simulation/scenarios/sharded_scenario.h"
#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Mit5A : public ScenarioTest {};
INSTANTIATE_TEST_SUITE_P(Seeds, Mit5A, ShardedSeeds());

constexpr ShardId kOther{2};
const std::vector<NodeIndex> kFirstThree = {0, 1, 2};
const std::vector<NodeIndex> kLastThree = {3, 4, 5};

// Shard 1 on the first three nodes, shard 2 on the others.
void Separate(ShardedScenario& scenario) {
  scenario.PlaceOn(kShard, kFirstThree);
  scenario.PlaceOn(kOther, kLastThree);
}

void ExpectServed(ShardedScenario& scenario, ShardId shard, bool served) {
  const std::string key = scenario.KeyIn(shard);
  const auto write = scenario.WriteOnce(0, key);
  scenario.RunFor(seconds(3));
  EXPECT_EQ(write->succeeded(), served) << "a write to shard " << shard;
  const auto read = scenario.ReadAt(0, key, node::ReadLevel::kLinearizable, seconds(3));
  EXPECT_EQ(read.has_value(), served) << "a read of shard " << shard;
}

// All nodes know all shards, and the first one owns what it should.
TEST_P(Mit5A, InitQuery) {
  ShardedScenario scenario(GetParam(), {.shards = 4});
  scenario.Found();
  EXPECT_EQ(scenario.Shards().size(), 4u);
  scenario.Finish();
}

// Where the nodes of one shard are down, the other is served, and the first again afterwards.
TEST_P(Mit5A, StaticShardsAndProgressShutdown) {
  ShardedScenario scenario(GetParam(), {.nodes = 6, .shards = 2});
  scenario.Found();
  Separate(scenario);
  ExpectServed(scenario, kShard, true);
  ExpectServed(scenario, kOther, true);
  for (const NodeIndex node : {4, 5}) scenario.PowerOff(node);
  ExpectServed(scenario, kShard, true);
  ExpectServed(scenario, kOther, false);
  scenario.RestartAll();
  scenario.AwaitSettled();
  ExpectServed(scenario, kOther, true);
}

// Who has given a shard away says so to those who still ask for it there.
TEST_P(Mit5A, JoinBasicRejection) {
  ShardedScenario scenario(GetParam(), {.nodes = 4});
  scenario.Found();
  scenario.StartClients();
  const std::string key = scenario.KeyIn(kShard);
  const NodeIndex leader = scenario.AwaitLeader();
  const NodeIndex newcomer = scenario.Holds(3, kShard) ? 0 : 3;
  scenario.Move(kShard, leader, newcomer);
  scenario.AwaitDone("the removal", [&] { return !scenario.Replica(leader).has_value(); });
  std::optional<node::ReadReply> reply;
  node::ReadRequest request;
  request.target = {.shard = kShard, .version = 1, .forwarded = true};
  request.read.operation = kv::Get{.key = key};
  scenario.Read(leader, std::move(request), seconds(2),
                [&](const auto& answer) { reply = answer; });
  EXPECT_TRUE(scenario.RunUntil([&] { return reply.has_value(); }, seconds(5)));
  EXPECT_FALSE(reply->error.ok());
  scenario.Finish();
}

// A node joins and gets its part; another one leaves and is forgotten.
TEST_P(Mit5A, JoinLeaveBasic) {
  ShardedScenario scenario(GetParam(), {.spares = 1, .shards = 3, .balance = true});
  scenario.Found();
  scenario.StartClients();
  scenario.Restart(3);
  scenario.AwaitDone("the join", [&] { return scenario.HoldsAnything(3); });
  scenario.SetDuty(2, sharding::NodeDuty::kLeave);
  scenario.AwaitDone("the leave", [&] { return !scenario.HoldsAnything(2); });
  scenario.Lose(2);
  scenario.AwaitDone("the end of the node's record",
                     [&] { return scenario.KnownNodes().size() == 3; });
  scenario.Finish();
}

void RunManyJoinLeave(uint64_t seed, bool unreliable) {
  ShardedScenario scenario(
      seed, {.spares = 2, .shards = 3, .balance = true, .registers = 6, .unreliable = unreliable});
  scenario.Found();
  scenario.StartClients();
  for (const NodeIndex newcomer : {3, 4}) {
    const auto leaver = static_cast<NodeIndex>(newcomer - 3);
    scenario.Restart(newcomer);
    scenario.AwaitDone("a join", [&] { return scenario.HoldsAnything(newcomer); });
    scenario.SetDuty(leaver, sharding::NodeDuty::kDrain);
    scenario.AwaitDone("a leave", [&] { return !scenario.HoldsAnything(leaver); });
  }
  // The first ones return.
  for (const NodeIndex node : {0, 1}) scenario.SetDuty(node, sharding::NodeDuty::kServe);
  scenario.AwaitDone("the return",
                     [&] { return scenario.HoldsAnything(0) && scenario.HoldsAnything(1); });
  scenario.Finish();
}
TEST_P(Mit5A, ManyJoinLeaveReliable) { RunManyJoinLeave(GetParam(), false); }
TEST_P(Mit5A, ManyJoinLeaveUnreliable) { RunManyJoinLeave(GetParam(), true); }

// All nodes are shut down and started again, between two changes and in the middle of one.
TEST_P(Mit5A, SnapshotAndShutdown) {
  ShardedScenario scenario(GetParam(), {.nodes = 4});
  scenario.Found();
  scenario.StartClients();
  scenario.RunFor(seconds(1));
  scenario.Split(kShard, ShardId(100), sharding::Slot{8192});
  scenario.PowerOffAll();
  scenario.RestartAll();
  scenario.AwaitSettled();
  scenario.AskSplit(ShardId(100), ShardId(101), sharding::Slot{12'000});
  scenario.RunFor(milliseconds(scenario.random().Between(1, 60)));
  scenario.PowerOffAll();
  scenario.RestartAll();
  scenario.Split(ShardId(100), ShardId(101), sharding::Slot{12'000});
  scenario.Finish();
}

// Nodes that were away while shards were split and moved learn of it.
TEST_P(Mit5A, MissChange) {
  ShardedScenario scenario(GetParam(), {.nodes = 4});
  scenario.Found();
  scenario.StartClients();
  const NodeIndex away = scenario.VotersOf(kShard).front();
  const NodeIndex newcomer = scenario.Holds(3, kShard) ? 0 : 3;
  scenario.PowerOff(away);
  scenario.RunFor(seconds(1));
  scenario.Split(kShard, ShardId(100), sharding::Slot{8192});
  scenario.Move(ShardId(100), away, newcomer);
  scenario.RunFor(seconds(2));
  scenario.RestartAll();
  scenario.Finish();
  EXPECT_FALSE(scenario.Holds(away, ShardId(100)));
}

// Shards are split and moved, over and over, and nodes crash meanwhile.
void RunConcurrent(uint64_t seed, const ShardedOptions& options, bool crashes) {
  ShardedScenario scenario(seed, options);
  scenario.Found();
  scenario.StartClients();
  for (uint64_t round = 0; round < 3; ++round) {
    const std::vector<sharding::ShardDescriptor> shards = scenario.Shards();
    const sharding::ShardDescriptor shard = scenario.random().Pick(shards);
    const auto middle = (shard.arc.first.value + shard.arc.last.value) / 2;
    const ShardId child(100 + round);
    scenario.AskSplit(shard.shard, child, {static_cast<uint16_t>(middle)});
    if (crashes) {
      const NodeIndex victim = scenario.AnyBut({});
      scenario.RunFor(milliseconds(scenario.random().Below(40)));
      scenario.PowerOff(victim);
      scenario.RunFor(milliseconds(500));
      scenario.Restart(victim);
    }
    scenario.Split(shard.shard, child, {static_cast<uint16_t>(middle)});
    scenario.AwaitDone("the child's members", [&] { return !scenario.VotersOf(child).empty(); });
    const NodeIndex from = scenario.random().Pick(scenario.VotersOf(child));
    const NodeIndex to = scenario.AnyBut(scenario.VotersOf(child));
    scenario.Move(child, from, to);
  }
  scenario.Finish();
  EXPECT_EQ(scenario.Shards().size(), 4u);
}
TEST_P(Mit5A, OneConcurrentClerkReliable) {
  RunConcurrent(GetParam(), {.nodes = 4, .workers = 1}, false);
}
TEST_P(Mit5A, Concurrent1ManyClerksReliable) {
  RunConcurrent(GetParam(), {.nodes = 4, .clients = 3}, false);
}
TEST_P(Mit5A, Concurrent2Crashes) { RunConcurrent(GetParam(), {.nodes = 4, .clients = 2}, true); }
TEST_P(Mit5A, Concurrent3Snapshots) {
  RunConcurrent(GetParam(),
                {.nodes = 5,
                 .clients = 2,
                 .registers = 12,
                 .adjust = [](auto& node) { node.flush_log_entries = 3; }},
                true);
}
TEST_P(Mit5A, Unreliable1OneClerk) {
  RunConcurrent(GetParam(), {.nodes = 4, .workers = 1, .unreliable = true}, false);
}
TEST_P(Mit5A, Unreliable2ManyClerks) {
  RunConcurrent(GetParam(), {.nodes = 4, .clients = 3, .unreliable = true}, false);
}
TEST_P(Mit5A, Unreliable3Crashes) {
  RunConcurrent(GetParam(), {.nodes = 4, .clients = 2, .unreliable = true}, true);
}

}  // namespace
}  // namespace flotilla::simulation
