// The challenges of part 5 of the labs of MIT 6.5840: what is given away is deleted in the end, and
// what a change does not touch, or has brought already, is served while it goes on.
#include <chrono>
#include <string>
#include <variant>
#include <vector>

#include "tests/simulation/scenarios/scenario_seeds.h"
#include "tests/simulation/scenarios/sharded_scenario.h"
#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class MitChallenge : public ScenarioTest {};
INSTANTIATE_TEST_SUITE_P(Seeds, MitChallenge, ShardedSeeds());

constexpr ShardId kOther{2};
constexpr ShardId kChild{100};

uint64_t BytesOf(ShardedScenario& scenario, ShardId shard) {
  const std::optional<NodeIndex> leader = scenario.LeaderOf(shard);
  return leader.has_value() ? scenario.ReplicaOf(*leader, shard)->engine_bytes : 0;
}

// Of a cluster without clients that do anything else.
void Fill(ShardedScenario& scenario, int rows) {
  ScenarioClient& client = scenario.NewClient();
  for (int i = 0; i < rows; ++i) client.Put("filling" + std::to_string(i), std::string(1'000, 'x'));
}

// Both halves of a shard together take not much more than it did.
TEST_P(MitChallenge, Challenge1DeleteAfterASplit) {
  ShardedScenario scenario(GetParam());
  scenario.Found();
  Fill(scenario, 100);
  const uint64_t before = BytesOf(scenario, kShard);
  EXPECT_GT(before, 100'000u);
  scenario.Split(kShard, kChild, sharding::Slot{8192});
  scenario.AwaitDone("the clean-up", [&scenario, before] {
    return BytesOf(scenario, kShard) + BytesOf(scenario, kChild) < before + before / 5;
  });
  scenario.Finish();
}

// A node that gave everything away has nothing left of it on its disk.
TEST_P(MitChallenge, Challenge1DeleteAfterAMove) {
  ShardedScenario scenario(GetParam(), {.nodes = 4});
  scenario.Found();
  Fill(scenario, 50);
  const NodeIndex leaver = scenario.AwaitLeader();
  const NodeIndex newcomer = scenario.Holds(3, kShard) ? 0 : 3;
  const std::string folder = "/data/shards";
  const auto bytes = [&scenario, leaver, &folder] {
    SimDisk& disk = scenario.machine(leaver).disk();
    uint64_t sum = 0;
    for (const std::string& path : disk.FilesBelow(folder)) sum += disk.Peek(path).size();
    return sum;
  };
  scenario.AwaitDone("a flush", [&bytes] { return bytes() > 30'000; });
  scenario.Move(kShard, leaver, newcomer);
  scenario.AwaitDone("the removal of files", [&bytes] { return bytes() < 10'000; });
  scenario.Finish();
}

// To all shards, so that a replica cannot be filled by the log alone.
void WriteSome(ShardedScenario& scenario) {
  OneWrites writes;
  for (int i = 0; i < 100; ++i) {
    writes.push_back(scenario.WriteOnce(0, "row" + std::to_string(i)));
    scenario.RunFor(milliseconds(5));
  }
  scenario.RunFor(seconds(2));
  for (const auto& write : writes) EXPECT_TRUE(write->succeeded());
}

// Nothing of this shard's snapshot arrives.
void LoseSnapshotsOf(ShardedScenario& scenario, ShardId shard) {
  scenario.traffic().Lose([shard](NodeIndex, NodeIndex, const node::PeerItem& item) {
    const auto* data = std::get_if<node::SnapshotData>(&item);
    return data != nullptr && data->group == shard;
  });
}

void ExpectServed(ShardedScenario& scenario, ShardId shard) {
  const auto write = scenario.WriteOnce(0, scenario.KeyIn(shard));
  scenario.RunFor(seconds(2));
  EXPECT_TRUE(write->succeeded()) << "shard " << shard;
}

// While the replica of one shard cannot be filled, both are served.
TEST_P(MitChallenge, Challenge2Unaffected) {
  ShardedScenario scenario(GetParam(), {.spares = 1, .shards = 2, .balance = true});
  scenario.Found();
  WriteSome(scenario);
  LoseSnapshotsOf(scenario, kShard);
  LoseSnapshotsOf(scenario, kOther);
  scenario.SetDuty(1, sharding::NodeDuty::kDrain);
  scenario.Restart(3);
  scenario.AwaitDone("the beginning of a snapshot",
                     [&scenario] { return scenario.Seen("snapshot_receive_started") > 0; });
  ExpectServed(scenario, kShard);
  ExpectServed(scenario, kOther);
  EXPECT_TRUE(scenario.Holds(1, kShard));
  EXPECT_TRUE(scenario.Holds(1, kOther));
  scenario.traffic().LoseNothing();
  scenario.AwaitDone("the drain", [&scenario] { return !scenario.HoldsAnything(1); });
  scenario.Finish();
}

// What has been moved is served where it is now, while the rest of the change hangs.
TEST_P(MitChallenge, Challenge2Partial) {
  ShardedScenario scenario(GetParam(), {.spares = 1, .shards = 2, .balance = true});
  scenario.Found();
  WriteSome(scenario);
  LoseSnapshotsOf(scenario, kOther);
  scenario.SetDuty(1, sharding::NodeDuty::kDrain);
  scenario.Restart(3);
  scenario.AwaitDone("the move of the first shard", [&scenario] {
    return scenario.Holds(3, kShard) && !scenario.Holds(1, kShard);
  });
  EXPECT_TRUE(scenario.Holds(1, kOther));
  scenario.HandOver(kShard, 3);
  ExpectServed(scenario, kShard);
  ExpectServed(scenario, kOther);
  scenario.traffic().LoseNothing();
  scenario.AwaitDone("the drain", [&scenario] { return !scenario.HoldsAnything(1); });
  scenario.Finish();
}

}  // namespace
}  // namespace flotilla::simulation
