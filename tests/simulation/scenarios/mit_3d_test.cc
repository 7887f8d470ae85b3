// Snapshots, after part 3D of the labs of MIT 6.5840.
#include <algorithm>
#include <string>
#include <vector>

#include "tests/simulation/scenarios/scenario.h"
#include "tests/simulation/scenarios/scenario_seeds.h"
#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

using std::to_string;

class Mit3D : public ScenarioTest {};
INSTANTIATE_TEST_SUITE_P(Seeds, Mit3D, ScenarioSeeds());

// With a flush every 10 entries and a compaction every 5, much more would mean that nobody
// compacts. A log waits for peers that keep up, so longer where messages get lost.
constexpr uint64_t kLogEntriesMax = 100;
constexpr uint64_t kLogEntriesMaxUnreliable = 150;

enum class Away { kNever, kCutOff, kCrashed };

// A follower is away for more than the others' logs hold, again and again.
void SnapshotCommon(uint64_t seed, Away away, bool unreliable) {
  Scenario scenario(seed, {.small_log = true, .unreliable = unreliable});
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  client.Append("list", "first ");
  std::string expected = "first ";
  for (int round = 0; round < 10; ++round) {
    const NodeIndex leader = scenario.AwaitLeader();
    NodeIndex victim = scenario.AnyBut({leader});
    // In every third round the leader itself.
    if (round % 3 == 1) victim = leader;
    if (away == Away::kCutOff) scenario.Isolate(victim);
    if (away == Away::kCrashed) scenario.PowerOff(victim);
    const uint64_t writes = scenario.random().Between(20, 40);
    for (uint64_t i = 0; i < writes; ++i) client.Put("k" + to_string(i % 7), to_string(i));
    client.Append("list", to_string(round) + " ");
    expected += to_string(round) + " ";
    for (NodeIndex node : scenario.All()) {
      if (away == Away::kNever || node != victim) {
        EXPECT_LE(scenario.LogEntries(node),
                  unreliable ? kLogEntriesMaxUnreliable : kLogEntriesMax);
      }
    }
    scenario.Heal();
    scenario.RestartAll();
    client.Put("k", to_string(round));
    if (round % 2 == 0) scenario.AwaitAgreement();
  }
  scenario.AwaitAgreement();
  EXPECT_EQ(client.Get("list"), expected);
  if (away == Away::kNever && !unreliable) {
    EXPECT_EQ(scenario.traffic().count(MessageKind::kSnapshotOffer), 0u);
  } else if (away != Away::kNever) {
    EXPECT_GE(scenario.traffic().count(MessageKind::kSnapshotOffer), 3u);
  }
}

TEST_P(Mit3D, SnapshotBasic) { SnapshotCommon(GetParam(), Away::kNever, false); }
TEST_P(Mit3D, SnapshotInstall) { SnapshotCommon(GetParam(), Away::kCutOff, false); }
TEST_P(Mit3D, SnapshotInstallUnreliable) { SnapshotCommon(GetParam(), Away::kCutOff, true); }
TEST_P(Mit3D, SnapshotInstallCrash) { SnapshotCommon(GetParam(), Away::kCrashed, false); }
TEST_P(Mit3D, SnapshotInstallUnCrash) { SnapshotCommon(GetParam(), Away::kCrashed, true); }

TEST_P(Mit3D, SnapshotAllCrash) {
  Scenario scenario(GetParam(), {.small_log = true});
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  for (int round = 0; round < 5; ++round) {
    const uint64_t writes = scenario.random().Between(5, 15);
    for (uint64_t i = 0; i < writes; ++i) client.Increment("count");
    const LogIndex before = scenario.Raft(scenario.AwaitLeader()).commit;
    scenario.PowerOffAll();
    scenario.RestartAll();
    EXPECT_GE(scenario.Raft(scenario.AwaitLeader()).last_index, before);
    client.Increment("count", 100);
  }
  scenario.AwaitAgreement();
  EXPECT_EQ(client.Get("count"), client.last().value);
}

// What a restart finds is the snapshot and what came after it, whether or not that is anything.
TEST_P(Mit3D, SnapshotInit) {
  Scenario scenario(GetParam(), {.small_log = true});
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  for (int i = 0; i < 50; ++i) client.Increment("count");
  for (NodeIndex node : scenario.All()) EXPECT_GT(scenario.Raft(node).first_index, LogIndex(5));
  scenario.PowerOffAll();
  scenario.RestartAll();
  EXPECT_EQ(client.Increment("count"), 51);
  scenario.PowerOffAll();
  scenario.RestartAll();
  EXPECT_EQ(client.Get("count"), "51");
  EXPECT_EQ(client.Increment("count"), 52);
  scenario.AwaitAgreement();
}

}  // namespace
}  // namespace flotilla::simulation
