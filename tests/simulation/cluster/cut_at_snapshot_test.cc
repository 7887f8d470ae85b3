#include "tests/simulation/cluster/cut_at_snapshot.h"

#include "tests/simulation/cluster/quiet_world.h"
#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class CutAtSnapshotTest : public ::testing::Test {
 protected:
  CutAtSnapshotTest() {
    quiet_.faults.Start();
    quiet_.world.RunFor(seconds(100));
  }

  QuietWorld quiet_{2};
  CutAtSnapshot cut_{
      {.world = quiet_.world,
       .network = quiet_.network,
       .machines = 2,
       .faults = quiet_.faults,
       .record = quiet_.record},
      {.interval = milliseconds(100), .delay_mean = milliseconds(1), .cut_mean = seconds(1)}};
};

TEST_F(CutAtSnapshotTest, NobodyIsCutOffWithoutASnapshot) {
  cut_.OnLine(0, "replica_started");
  quiet_.world.RunFor(seconds(1));
  EXPECT_FALSE(quiet_.record.marks().contains("nemesis.cut_at_snapshot"));
}

TEST_F(CutAtSnapshotTest, AReceiverIsCutOffOnceForAFault) {
  cut_.OnLine(0, "snapshot_receive_started");
  cut_.OnLine(0, "snapshot_receive_started");
  quiet_.world.RunFor(milliseconds(50));
  EXPECT_EQ(quiet_.record.marks().at("nemesis.cut_at_snapshot"), 1u);
}

}  // namespace
}  // namespace flotilla::simulation
