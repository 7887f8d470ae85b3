// Disks that forget or rot, and crashes between two writes that belong together.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "base/disk.h"
#include "tests/simulation/scenarios/jepsen_findings.h"
#include "tests/simulation/scenarios/scenario.h"
#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

using std::to_string;
using std::chrono::milliseconds;
using std::chrono::seconds;

// etcd#14370: a single node answered before its log was synced.
TEST_P(JepsenFindings, Row05_ASingleNodeAnswersAfterItsSync) {
  Scenario scenario(GetParam(),
                    {.nodes = 1, .disk = SimDiskOptions{.sync_latency_mean = milliseconds(20)}});
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  std::string expected;
  for (int round = 0; round < 20; ++round) {
    // Several at once: some are answered when the power fails, some are not.
    std::vector<ScenarioClient*> others;
    for (int i = 0; i < 3; ++i) {
      others.push_back(&scenario.NewClient());
      others.back()->Begin(OpKind::kIncrement, "n", "1");
    }
    client.Append("list", to_string(round) + ",");
    expected += to_string(round) + ",";
    scenario.PowerOff(0, CrashModel::LoseAllUnsynced());
    scenario.Restart(0);
    EXPECT_EQ(client.Get("list"), expected);
    for (ScenarioClient* other : others) EXPECT_TRUE(other->Await(seconds(30)));
  }
  EXPECT_EQ(client.Get("n"), "60");
}

// etcd#13766, #14685, #17780: data and applied index were not written as one, so a crash between
// them applied entries twice or left some out.
TEST_P(JepsenFindings, Row06_ACrashAtAnyWriteAppliesEachEntryOnce) {
  for (const NodeIndex nodes : {NodeIndex{1}, NodeIndex{3}}) {
    Scenario scenario(GetParam(), {.nodes = nodes, .small_log = true});
    scenario.Start();
    ScenarioClient& client = scenario.NewClient();
    int64_t count = 0;
    for (int round = 0; round < 40; ++round) {
      const NodeIndex node = scenario.AnyBut({});
      if (scenario.running(node)) {
        scenario.machine(node).PowerOffAtDiskCall(scenario.random().Between(1, 80), CrashModel());
      }
      for (int i = 0; i < 5; ++i) {
        client.Begin(OpKind::kIncrement, "n", "1");
        // Those that are to fail by an earlier round may do it now.
        while (!scenario.RunUntil([&] { return !client.busy(); }, milliseconds(100))) {
          scenario.RestartAll();
        }
        EXPECT_EQ(client.last().value, to_string(++count));
      }
    }
    scenario.RestartAll();
    scenario.AwaitAgreement();
    EXPECT_EQ(client.Get("n"), to_string(count));
  }
}

// NATS 2.12.1: data that was acknowledged but not synced was lost with the power of one node while
// another was cut off.
TEST_P(JepsenFindings, Row20_NoLossWhenOneNodeForgetsAndAnotherIsCutOff) {
  Scenario scenario(GetParam());
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  std::string expected;
  for (int round = 0; round < 6; ++round) {
    std::vector<NodeIndex> order = scenario.All();
    scenario.random().Shuffle(order);
    scenario.Isolate(order[2]);
    client.AskOnly({order[0], order[1]});
    for (int i = 0; i < 5; ++i) {
      client.Append("list", to_string(round) + to_string(i) + ",");
      expected += to_string(round) + to_string(i) + ",";
    }
    // Of the two that have it, one forgets what it has not synced, and the other goes.
    scenario.PowerOff(order[1], CrashModel::LoseAllUnsynced());
    scenario.PowerOff(order[0], CrashModel::LoseAllUnsynced());
    scenario.Restart(order[1]);
    scenario.Rejoin(order[2]);
    client.AskOnly({order[1], order[2]});
    EXPECT_EQ(client.Get("list"), expected);
    scenario.Restart(order[0]);
  }
  scenario.AwaitAgreement();
}

// Old files of the node: all segments of the log but the newest, and what the engine holds.
std::vector<std::string> OldFiles(Scenario& scenario, NodeIndex node) {
  SimDisk& disk = scenario.machine(node).disk();
  const auto list = [&disk](const std::string& folder) {
    return disk.List(folder).value_or(std::vector<std::string>());
  };
  std::vector<std::string> files;
  for (const std::string& name : list("/data/log")) {
    if (name.starts_with("segment-")) files.push_back("/data/log/" + name);
  }
  if (!files.empty()) files.pop_back();
  const std::string shard = "/data/shards/" + ToString(kShard);
  for (const std::string& generation : list(shard)) {
    for (const std::string& name : list(shard + "/" + generation)) {
      files.push_back(shard + "/" + generation + "/" + name);
    }
  }
  return files;
}

// NATS 2.12.1: a flipped bit on a minority lost data or split the cluster for good, above all when
// that node became the leader.
TEST_P(JepsenFindings, Row20_AFlippedBitOnAMinorityLosesNothing) {
  Scenario scenario(GetParam());
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  std::map<std::string, std::string> expected;
  const auto put = [&](int i) {
    const std::string key = "k" + to_string(i);
    expected[key] = to_string(i) + std::string(200, 'v');
    client.Put(key, expected[key]);
  };
  for (int i = 0; i < 400; ++i) put(i);
  scenario.AwaitAgreement();
  const NodeIndex rotten = scenario.AnyBut({});
  scenario.Excuse(rotten);
  for (int round = 0; round < 3; ++round) {
    scenario.PowerOff(rotten);
    const std::vector<std::string> files = OldFiles(scenario, rotten);
    ASSERT_FALSE(files.empty());
    SimDisk& disk = scenario.machine(rotten).disk();
    const std::string& file = scenario.random().Pick(files);
    const auto contents = ReadWholeFile(disk, file);
    ASSERT_TRUE(contents.ok());
    if (!contents->empty()) {
      EXPECT_TRUE(disk.FlipBit(file, scenario.random().Below(contents->size()), 3).ok());
    }
    scenario.Restart(rotten);
    scenario.RunFor(seconds(3));
    // If it is fit to lead, it may try.
    if (scenario.running(rotten)) {
      const NodeIndex leader = scenario.AwaitLeader();
      scenario.node(leader)->TransferLeadership(kShard, NodeOf(rotten), [](const auto&) {});
      scenario.RunFor(seconds(2));
    }
    put(400 + round);
    EXPECT_EQ(client.Scan(), expected);
    if (!scenario.running(rotten)) break;
  }
}

// Redis-Raft #43: a crash between a snapshot and the truncation of the log left a gap. A follower
// installs a snapshot, and its power fails at every single disk call of that.
TEST_P(JepsenFindings, Row11_APowerCutAtEveryDiskCallOfAnInstallation) {
  uint64_t calls = 0;
  const auto run = [&](uint64_t k) {
    Scenario scenario(GetParam(), {.small_log = true});
    scenario.Start();
    ScenarioClient& client = scenario.NewClient();
    const NodeIndex away = scenario.AnyBut({scenario.AwaitLeader()});
    scenario.Isolate(away);
    scenario.RunFor(kElectionTimeout * 3);
    for (int i = 0; i < 30; ++i) client.Append("list", to_string(i) + ",");
    scenario.Heal();
    SimMachine& machine = scenario.machine(away);
    const uint64_t before = machine.disk().calls();
    if (k > 0) {
      machine.PowerOffAtDiskCall(k, CrashModel());
      ASSERT_TRUE(scenario.RunUntil([&] { return !scenario.running(away); }, seconds(60)));
      scenario.Restart(away);
    }
    scenario.AwaitAgreement();
    // A node whose power fails right after that says nothing of it.
    EXPECT_TRUE(k > 0 || scenario.Seen("snapshot_installed") > 0);
    calls = machine.disk().calls() - before;
    client.AskOnly({away});
    client.Append("list", "end");
  };
  run(0);
  const uint64_t points = calls;
  for (uint64_t k = 1; k <= points; ++k) {
    SCOPED_TRACE("power cut at disk call " + to_string(k));
    run(k);
  }
  std::printf("%lu disk calls of an installation\n", points);
  EXPECT_GT(points, 15u);
}

}  // namespace
}  // namespace flotilla::simulation
