// A key-value service without snapshots, after part 4B of the labs of MIT 6.5840.
#include <algorithm>
#include <string>
#include <vector>

#include "tests/simulation/scenarios/scenario.h"
#include "tests/simulation/scenarios/scenario_seeds.h"
#include "tests/simulation/scenarios/storm.h"
#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

using std::to_string;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

class Mit4B : public ScenarioTest {};
INSTANTIATE_TEST_SUITE_P(Seeds, Mit4B, ScenarioSeeds());

TEST_P(Mit4B, Basic) { RunStorm(GetParam(), {.clients = 1}); }
TEST_P(Mit4B, Concurrent) { RunStorm(GetParam(), {}); }
TEST_P(Mit4B, Unreliable) { RunStorm(GetParam(), {.unreliable = true}); }
TEST_P(Mit4B, UnreliableOneKey) {
  RunStorm(GetParam(), {.nodes = 3, .unreliable = true, .one_key = true});
}
TEST_P(Mit4B, ManyPartitionsOneClient) { RunStorm(GetParam(), {.clients = 1, .partitions = true}); }
TEST_P(Mit4B, ManyPartitionsManyClients) { RunStorm(GetParam(), {.partitions = true}); }
TEST_P(Mit4B, PersistOneClient) { RunStorm(GetParam(), {.clients = 1, .crashes = true}); }
TEST_P(Mit4B, PersistConcurrent) { RunStorm(GetParam(), {.crashes = true}); }
TEST_P(Mit4B, PersistConcurrentUnreliable) {
  RunStorm(GetParam(), {.unreliable = true, .crashes = true});
}
TEST_P(Mit4B, PersistPartition) { RunStorm(GetParam(), {.partitions = true, .crashes = true}); }
TEST_P(Mit4B, PersistPartitionUnreliable) {
  RunStorm(GetParam(), {.unreliable = true, .partitions = true, .crashes = true});
}
TEST_P(Mit4B, PersistPartitionUnreliableLinearizable) {
  RunStorm(GetParam(),
           {.nodes = 7, .clients = 15, .unreliable = true, .partitions = true, .crashes = true});
}

// An answer takes what its messages and syncs take, and no waiting for a tick; in virtual time,
// where a message takes 0.2 ms and a sync 1 ms on average.
void ExpectSpeed(uint64_t seed, bool small_log) {
  Scenario scenario(
      seed, {.small_log = small_log,
             .links = LinkOptions{.delay_min = microseconds(100), .delay_mean = microseconds(100)},
             .disk = SimDiskOptions{.sync_latency_mean = milliseconds(1)}});
  scenario.Start();
  const NodeIndex leader = scenario.AwaitLeader();
  ScenarioClient& client = scenario.NewClientOf({leader});
  client.Put("k", "");
  constexpr int kWrites = 1'000;
  const Duration begin = scenario.now();
  scenario.traffic().Forget();
  for (int i = 0; i < kWrites; ++i) client.Put("k", to_string(i));
  const Duration mean = (scenario.now() - begin) / kWrites;
  EXPECT_LE(mean, milliseconds(4));
  EXPECT_LE(client.longest(), milliseconds(60));
  // One append to each peer for each write, but for those that carry a commit only.
  EXPECT_LE(scenario.traffic().count(MessageKind::kAppend), 2 * kWrites * 11 / 10);
  EXPECT_LE(scenario.traffic().count(MessageKind::kAppendResponse), 2 * kWrites * 11 / 10);
  EXPECT_EQ(client.Get("k"), to_string(kWrites - 1));
}

TEST_P(Mit4B, Speed) { ExpectSpeed(GetParam(), false); }
TEST_P(Mit4B, SpeedWithSnapshots) { ExpectSpeed(GetParam(), true); }

TEST_P(Mit4B, OnePartition) {
  Scenario scenario(GetParam(), {.nodes = 5});
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  client.Put("k", "13");
  // The leader is with the minority.
  const NodeIndex leader = scenario.AwaitLeader();
  const std::vector<NodeIndex> minority = {leader, scenario.AnyBut({leader})};
  const std::vector<NodeIndex> majority = scenario.AllBut(minority);
  scenario.Partition({minority, majority});
  ScenarioClient& put = scenario.NewClientOf(minority);
  ScenarioClient& get = scenario.NewClientOf(minority);
  put.Begin(OpKind::kWrite, "k", "15");
  get.Begin(OpKind::kRead, "k");
  // The majority goes on.
  client.AskOnly(majority);
  client.Put("k", "14");
  EXPECT_EQ(client.Get("k"), "14");
  // The minority does not.
  EXPECT_FALSE(put.Await(seconds(3)));
  EXPECT_TRUE(get.busy());
  EXPECT_EQ(client.Get("k"), "14");
  client.Put("k", "16");
  EXPECT_EQ(client.Get("k"), "16");
  // Together again, both are answered.
  scenario.Heal();
  EXPECT_TRUE(put.Await(seconds(30)));
  EXPECT_TRUE(get.Await(seconds(30)));
  EXPECT_EQ(put.last().fate, OpFate::kOk);
  EXPECT_EQ(client.Get("k"), "15");
}

}  // namespace
}  // namespace flotilla::simulation
