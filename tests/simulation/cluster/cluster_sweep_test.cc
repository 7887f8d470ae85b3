// Whole clusters under everything that the nemesis has, for many seeds; see raft_sweep_test.cc.
#include <cstdio>

#include "tests/simulation/cluster/cluster_world.h"
#include "tests/simulation/regression_seeds.h"
#include "tests/simulation/sweep.h"
#include "tests/simulation/sweep_settings.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

TEST(ClusterSweep, EverySeedKeepsItsPromisesAndReplays) {
  SweepOptions options = SweepSettings();
  const SweepSummary summary = Sweep(RunClusterWorld, options, stdout);
  std::printf("%s%s\n", summary.DescribeMarks(RequiredClusterMarks()).c_str(),
              summary.ToJson(RequiredClusterMarks()).c_str());
  EXPECT_EQ(summary.seeds, options.seeds);
  EXPECT_TRUE(summary.failures.empty());
  // A history that could not be judged is not a good one; few are that hard.
  EXPECT_LE(summary.Count("check.unknown") * 100, summary.Count("check.keys"));
  if (options.seeds < kSeedsForAllMarks) GTEST_SKIP() << "too few seeds to expect all situations";
  EXPECT_THAT(summary.Missing(RequiredClusterMarks()), ::testing::IsEmpty());
}

TEST(ClusterSweep, SeedsThatFailedOncePass) {
  for (const RegressionSeed& known : kClusterRegressions) {
    EXPECT_EQ(RunClusterWorld({.seed = known.seed}).failure, "")
        << known.seed << ": " << known.found;
  }
}

}  // namespace
}  // namespace flotilla::simulation
