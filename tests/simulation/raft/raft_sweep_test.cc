// Raft groups under everything that the nemesis has, for many seeds. Fresh ones each time; a
// failure prints the command that replays it. FLOTILLA_SIM_SEEDS says how many, FLOTILLA_SIM_FIRST
// the first.
#include <cstdlib>

#include "tests/simulation/raft/raft_world.h"
#include "tests/simulation/sweep.h"
#include "tests/simulation/sweep_settings.h"
#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

TEST(RaftSweep, EverySeedKeepsTheInvariantsAndReplays) {
  SweepOptions options = SweepSettings();
  options.replay_command = "simulate --world=raft";
  const SweepSummary summary = Sweep(RunRaftWorld, options, stdout);
  std::printf("%s\n", summary.ToJson().c_str());
  EXPECT_EQ(summary.seeds, options.seeds);
  EXPECT_TRUE(summary.failures.empty());
  // A situation that never came up was not tested.
  if (options.seeds < 100) GTEST_SKIP() << "too few seeds to expect every situation";
  for (const char* mark : {"raft.leader_elected",
                           "raft.proposed",
                           "raft.read_confirmed",
                           "raft.suffix_replaced",
                           "raft.snapshot_installed",
                           "raft.compacted",
                           "raft.entries_fetched",
                           "raft.change_proposed",
                           "raft.replica_created",
                           "raft.replica_removed",
                           "raft.transfer",
                           "nemesis.power_off",
                           "nemesis.kill",
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
