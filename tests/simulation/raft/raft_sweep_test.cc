// Raft groups under everything that the nemesis has, for many seeds. Fresh ones each time; a
// failure prints the command that replays it. FLOTILLA_SIM_SEEDS says how many, FLOTILLA_SIM_FIRST
// the first.
#include <cstdio>

#include "tests/simulation/raft/raft_world.h"
#include "tests/simulation/regression_seeds.h"
#include "tests/simulation/sweep.h"
#include "tests/simulation/sweep_settings.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

TEST(RaftSweep, EverySeedKeepsTheInvariantsAndReplays) {
  SweepOptions options = SweepSettings();
  options.replay_command = "make sim WORLD=raft";
  const SweepSummary summary = Sweep(RunRaftWorld, options, stdout);
  std::printf("%s%s\n", summary.DescribeMarks(RequiredRaftMarks()).c_str(),
              summary.ToJson(RequiredRaftMarks()).c_str());
  EXPECT_EQ(summary.seeds, options.seeds);
  EXPECT_TRUE(summary.failures.empty());
  if (options.seeds < kSeedsForAllMarks) GTEST_SKIP() << "too few seeds to expect all situations";
  EXPECT_THAT(summary.Missing(RequiredRaftMarks()), ::testing::IsEmpty());
}

TEST(RaftSweep, SeedsThatFailedOncePass) {
  for (const RegressionSeed& known : kRaftRegressions) {
    EXPECT_EQ(RunRaftWorld({.seed = known.seed}).failure, "") << known.seed << ": " << known.found;
  }
}

}  // namespace
}  // namespace flotilla::simulation
