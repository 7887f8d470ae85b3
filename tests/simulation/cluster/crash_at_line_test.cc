#include "tests/simulation/cluster/crash_at_line.h"

#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class CrashAtLineTest : public ::testing::Test {
 protected:
  CrashAtLineTest() {
    machines_.front()->Start([this] { ++deaths_; });
    faults_.Start();
    world_.RunFor(seconds(100));
  }

  SimWorld world_{1};
  RunRecord record_{world_};
  SimNetwork network_{world_, 1};
  SimMachines machines_ = MakeMachines(world_, network_, 1, {});
  FaultSchedule faults_{world_, record_};
  Nemesis nemesis_{{.world = world_,
                    .network = network_,
                    .machines = machines_,
                    .faults = faults_,
                    .record = record_,
                    .restart = [](NodeIndex) {},
                    .leaders = [] { return std::vector<NodeIndex>(); }},
                   {}};
  CrashAtLine crash_{{.world = world_,
                      .machines = machines_,
                      .nemesis = nemesis_,
                      .faults = faults_,
                      .record = record_},
                     {.interval = milliseconds(100), .delay_mean = milliseconds(1)}};
  int deaths_ = 0;
};

TEST_F(CrashAtLineTest, NoMachineDiesOfALineThatNobodyAwaits) {
  EXPECT_EQ(deaths_, 0);
  crash_.OnLine(0, "slow_request");
  world_.RunFor(milliseconds(50));
  EXPECT_EQ(deaths_, 0);
}

TEST_F(CrashAtLineTest, AMachineDiesSoonAfterTheLineThatIsAwaited) {
  while (deaths_ == 0 && world_.now() < seconds(300)) {
    crash_.OnLine(0, "snapshot_installed");
    world_.RunFor(milliseconds(50));
  }
  EXPECT_EQ(deaths_, 1);
  EXPECT_EQ(record_.marks().at("nemesis.crash_at_line"), 1u);
}

}  // namespace
}  // namespace flotilla::simulation
