#include "tests/simulation/cluster/crash_at_line.h"

#include "tests/simulation/cluster/quiet_world.h"
#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class CrashAtLineTest : public ::testing::Test {
 protected:
  CrashAtLineTest() {
    quiet_.machines.front()->Start([this] { ++deaths_; });
    quiet_.faults.Start();
    quiet_.world.RunFor(seconds(100));
  }

  QuietWorld quiet_{1};
  CrashAtLine crash_{{.world = quiet_.world,
                      .machines = quiet_.machines,
                      .nemesis = quiet_.nemesis,
                      .faults = quiet_.faults,
                      .record = quiet_.record},
                     {.interval = milliseconds(100), .delay_mean = milliseconds(1)}};
  int deaths_ = 0;
};

TEST_F(CrashAtLineTest, NoMachineDiesOfALineThatNobodyAwaits) {
  EXPECT_EQ(deaths_, 0);
  crash_.OnLine(0, "slow_request");
  quiet_.world.RunFor(milliseconds(50));
  EXPECT_EQ(deaths_, 0);
}

TEST_F(CrashAtLineTest, AMachineDiesSoonAfterTheLineThatIsAwaited) {
  while (deaths_ == 0 && quiet_.world.now() < seconds(300)) {
    crash_.OnLine(0, "snapshot_installed");
    quiet_.world.RunFor(milliseconds(50));
  }
  EXPECT_EQ(deaths_, 1);
  EXPECT_EQ(quiet_.record.marks().at("nemesis.crash_at_line"), 1u);
}

}  // namespace
}  // namespace flotilla::simulation
