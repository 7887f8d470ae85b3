// How far a replica is that is being filled.
#include "node/transfer_meter.h"

#include <gtest/gtest.h>

namespace flotilla::node {
namespace {

using std::chrono::seconds;

MonoTime At(int second) { return MonoTime(seconds(second)); }

LearnerProgress Sent(uint64_t done, uint64_t total) {
  return {.node = NodeId(4), .bytes_done = done, .bytes_total = total, .entries_behind = 9000};
}
LearnerProgress Behind(uint64_t entries) { return {.node = NodeId(4), .entries_behind = entries}; }

TEST(TransferMeter, TellsWhatIsLeftByTheRateSeenSoFar) {
  TransferMeter meter;
  meter.Note(Sent(100, 1000), At(10));
  EXPECT_EQ(meter.Read().left, std::nullopt);
  meter.Note(Sent(400, 1000), At(13));
  EXPECT_EQ(meter.Read().bytes_done, 400u);
  EXPECT_EQ(meter.Read().bytes_total, 1000u);
  EXPECT_EQ(meter.Read().left, seconds(6));
}

TEST(TransferMeter, BehindTheSnapshotAllBytesAreThere) {
  TransferMeter meter;
  meter.Note(Sent(900, 1000), At(1));
  EXPECT_TRUE(meter.Note(Behind(50), At(2)));
  EXPECT_EQ(meter.Read().bytes_done, 1000u);
  EXPECT_EQ(meter.Read().bytes_total, 1000u);
  EXPECT_EQ(meter.Read().entries_behind, 50u);
}

TEST(TransferMeter, ATransferThatBeginsAgainHasARateOfItsOwn) {
  TransferMeter meter;
  meter.Note(Sent(0, 1000), At(0));
  meter.Note(Sent(900, 1000), At(1));
  meter.Note(Sent(100, 1000), At(10));
  EXPECT_EQ(meter.Read().left, std::nullopt);
  meter.Note(Sent(200, 1000), At(11));
  EXPECT_EQ(meter.Read().left, seconds(8));
}

// Else one that begins again and again would go on for ever.
TEST(TransferMeter, OnlyFurtherThanEverIsFurther) {
  TransferMeter meter;
  EXPECT_TRUE(meter.Note(Sent(500, 1000), At(1)));
  EXPECT_FALSE(meter.Note(Sent(500, 1000), At(2)));
  EXPECT_FALSE(meter.Note(Sent(0, 1000), At(3)));
  EXPECT_FALSE(meter.Note(Sent(400, 1000), At(4)));
  EXPECT_TRUE(meter.Note(Sent(600, 1000), At(5)));
  EXPECT_TRUE(meter.Note(Behind(70), At(6)));
  EXPECT_FALSE(meter.Note(Behind(80), At(7)));
  EXPECT_TRUE(meter.Note(Behind(60), At(8)));
}

}  // namespace
}  // namespace flotilla::node
