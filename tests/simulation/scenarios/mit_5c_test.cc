// Whoever plans the changes dies, is cut off, or is not alone, after parts 5B and 5C of the labs of
// MIT 6.5840. The controller there is the directory's leader here, whose balancer plans.
#include <string>
#include <vector>

#include "kv/directory.h"
#include "tests/simulation/scenarios/scenario_seeds.h"
#include "tests/simulation/scenarios/sharded_scenario.h"
#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Mit5B : public ScenarioTest {};
INSTANTIATE_TEST_SUITE_P(Seeds, Mit5B, ShardedSeeds());
class Mit5C : public ScenarioTest {};
INSTANTIATE_TEST_SUITE_P(Seeds, Mit5C, ShardedSeeds());

constexpr NodeIndex kDrained = 1;

// Four nodes, of which one is to be emptied; some way into that.
void BeginDrain(ShardedScenario& scenario) {
  scenario.HandOver(kv::kDirectoryShard, 0);
  scenario.SetDuty(kDrained, sharding::NodeDuty::kDrain);
  scenario.AwaitDone("the first step", [&scenario] { return scenario.Seen("step_begun") > 0; });
  scenario.RunFor(milliseconds(scenario.random().Below(400)));
}

void AwaitDrained(ShardedScenario& scenario) {
  scenario.AwaitDone("the drain", [&scenario] { return !scenario.HoldsAnything(kDrained); });
}

ShardedOptions FourNodes(bool unreliable) {
  return {.nodes = 4, .shards = 2, .balance = true, .unreliable = unreliable};
}

// A change waits while a shard has no majority, and ends when it has one again.
TEST_P(Mit5B, JoinLeave) {
  ShardedScenario scenario(GetParam(), {.nodes = 6, .shards = 2, .balance = true});
  scenario.Found();
  scenario.StartClients();
  scenario.SetDuty(5, sharding::NodeDuty::kDrain);
  for (const NodeIndex node : {3, 4}) scenario.PowerOff(node);
  scenario.RunFor(seconds(7));
  scenario.RestartAll();
  scenario.AwaitDone("the leave", [&scenario] { return !scenario.HoldsAnything(5); });
  scenario.Finish();
}

// It dies in the middle of a change, and the next one ends it.
TEST_P(Mit5B, RecoverCtrler) {
  ShardedScenario scenario(GetParam(), FourNodes(false));
  scenario.Found();
  scenario.StartClients();
  BeginDrain(scenario);
  scenario.PowerOff(0);
  scenario.RunFor(seconds(3));
  scenario.Restart(0);
  AwaitDrained(scenario);
  scenario.Finish();
}

// It is cut off from all others while a node joins. Another one goes on, and the first does no harm
// when it is back.
TEST_P(Mit5C, PartitionControllerJoin) {
  ShardedScenario scenario(GetParam(), {.spares = 1, .shards = 2, .balance = true});
  scenario.Found();
  scenario.StartClients();
  scenario.HandOver(kv::kDirectoryShard, 0);
  scenario.Restart(3);
  scenario.AwaitDone("the registration", [&] { return scenario.KnownNodes().size() == 4; });
  scenario.Isolate(0);
  scenario.AwaitDone("the join", [&] { return scenario.HoldsAnything(3); });
  scenario.Heal();
  scenario.Finish();
}

// One after the other is cut off, in the middle of the same change.
void RunPartitionRecovery(uint64_t seed, bool unreliable, bool clerks) {
  ShardedScenario scenario(seed, FourNodes(unreliable));
  scenario.Found();
  if (clerks) scenario.StartClients();
  BeginDrain(scenario);
  for (int round = 0; round < 3; ++round) {
    const std::optional<NodeIndex> leader = scenario.LeaderOf(kv::kDirectoryShard);
    if (leader.has_value()) scenario.Isolate(*leader);
    scenario.RunFor(seconds(6) + milliseconds(scenario.random().Below(1'000)));
    scenario.Heal();
  }
  AwaitDrained(scenario);
  scenario.Finish();
}
TEST_P(Mit5C, PartitionRecoveryReliableNoClerk) { RunPartitionRecovery(GetParam(), false, false); }
TEST_P(Mit5C, PartitionRecoveryUnreliableNoClerk) { RunPartitionRecovery(GetParam(), true, false); }
TEST_P(Mit5C, PartitionRecoveryReliableClerks) { RunPartitionRecovery(GetParam(), false, true); }
TEST_P(Mit5C, PartitionRecoveryUnreliableClerks) { RunPartitionRecovery(GetParam(), true, true); }

// Many ask for different cuts of the same shard at the same moment: each that is made is made once,
// and every slot has one owner.
void RunConcurrentControllers(uint64_t seed, bool unreliable) {
  ShardedScenario scenario(seed, {.nodes = 4, .unreliable = unreliable});
  scenario.Found();
  scenario.StartClients();
  for (uint64_t i = 0; i < 12; ++i) {
    const std::vector<sharding::ShardDescriptor> shards = scenario.Shards();
    const ShardId parent = scenario.random().Pick(shards).shard;
    const auto at = static_cast<uint16_t>(scenario.random().Below(sharding::kSlotCount));
    scenario.AskSplit(parent, ShardId(100 + i), {at});
    scenario.RunFor(milliseconds(scenario.random().Below(20)));
  }
  scenario.Finish();
  EXPECT_GT(scenario.Shards().size(), 1u);
}
TEST_P(Mit5C, ConcurrentReliable) { RunConcurrentControllers(GetParam(), false); }
TEST_P(Mit5C, AcquireLockConcurrentUnreliable) { RunConcurrentControllers(GetParam(), true); }

}  // namespace
}  // namespace flotilla::simulation
