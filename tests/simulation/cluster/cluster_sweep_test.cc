// Whole clusters under everything that the nemesis has, for many seeds; see raft_sweep_test.cc.
#include <cstdio>

#include "tests/simulation/cluster/cluster_world.h"
#include "tests/simulation/sweep.h"
#include "tests/simulation/sweep_settings.h"
#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

TEST(ClusterSweep, EverySeedKeepsItsPromisesAndReplays) {
  SweepOptions options = SweepSettings();
  options.replay_command = "simulate --world=cluster";
  options.twice = 100;
  const SweepSummary summary = Sweep(RunClusterWorld, options, stdout);
  std::printf("%s\n", summary.ToJson().c_str());
  EXPECT_EQ(summary.seeds, options.seeds);
  EXPECT_TRUE(summary.failures.empty());
  // A history that could not be judged is not a good one; few are that hard.
  const auto count = [&](const char* mark) {
    const auto it = summary.marks.find(mark);
    return it == summary.marks.end() ? 0 : it->second;
  };
  EXPECT_LE(count("check.unknown") * 100, count("check.keys"));
  if (options.seeds < 100) GTEST_SKIP() << "too few seeds to expect every situation";
  for (const char* mark : {"client.ok",
                           "client.answer_replayed",
                           "client.outcome_unknown",
                           "client.scan",
                           "client.session_lost",
                           "client.info",
                           "cluster.leader_elected",
                           "cluster.transferred",
                           "cluster.states_compared",
                           "cluster.fatal",
                           "check.keys",
                           "nemesis.power_off",
                           "nemesis.kill",
                           "nemesis.died_at_disk_call",
                           "nemesis.died_at_network_call",
                           "nemesis.partition",
                           "nemesis.partition.swizzle",
                           "nemesis.partition.chain",
                           "nemesis.partition.leaders_alone",
                           "nemesis.stall",
                           "nemesis.clock",
                           "network.lost",
                           "network.replayed",
                           "network.overtaken",
                           "network.over_capacity",
                           "network.connection_gone",
                           "network.held"}) {
    EXPECT_TRUE(summary.marks.contains(mark)) << mark << " was never seen";
  }
}

}  // namespace
}  // namespace flotilla::simulation
