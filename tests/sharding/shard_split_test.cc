#include "sharding/shard_split.h"

#include <vector>

#include <gtest/gtest.h>

namespace flotilla::sharding {
namespace {

ShardView Shard(uint16_t first, uint16_t last, std::vector<SlotSample> samples = {}) {
  ShardView shard;
  shard.arc = {Slot{first}, Slot{last}};
  shard.samples = std::move(samples);
  return shard;
}
SlotSample Bytes(uint16_t slot, uint64_t bytes) { return {Slot{slot}, bytes, 0}; }

TEST(SplitPoint, OfOneSlotThereIsNone) {
  EXPECT_EQ(SplitPoint(Shard(7, 7), SplitBy::kBytes), std::nullopt);
  EXPECT_EQ(SplitPoint(Shard(7, 7, {Bytes(7, 100)}), SplitBy::kBytes), std::nullopt);
}

TEST(SplitPoint, IsTheMiddleOfAnArcThatWasNotSampled) {
  EXPECT_EQ(SplitPoint(Shard(0, 99), SplitBy::kBytes), Slot{50});
  EXPECT_EQ(SplitPoint(Shard(7, 8), SplitBy::kBytes), Slot{8});
  EXPECT_EQ(SplitPoint(Shard(0, 99, {Bytes(3, 10)}), SplitBy::kLoad), Slot{50});
}

TEST(SplitPoint, HalvesTheEstimate) {
  EXPECT_EQ(SplitPoint(Shard(0, 99, {Bytes(5, 10), Bytes(10, 10), Bytes(11, 10), Bytes(90, 10)}),
                       SplitBy::kBytes),
            Slot{11});
  EXPECT_EQ(SplitPoint(Shard(0, 99, {Bytes(5, 60), Bytes(6, 20), Bytes(7, 20)}), SplitBy::kBytes),
            Slot{6});
}

TEST(SplitPoint, IsNearestToTheMiddleWhereSamplesLeaveAChoice) {
  EXPECT_EQ(SplitPoint(Shard(0, 99, {Bytes(5, 10), Bytes(40, 10)}), SplitBy::kBytes), Slot{40});
}

TEST(SplitPoint, LooksAtLoadOrAtBytes) {
  const ShardView shard =
      Shard(0, 99, {{Slot{10}, 100, 50}, {Slot{20}, 50, 50}, {Slot{80}, 60, 100}});
  EXPECT_EQ(SplitPoint(shard, SplitBy::kBytes), Slot{20});
  EXPECT_EQ(SplitPoint(shard, SplitBy::kLoad), Slot{50});
}

TEST(SplitPoint, StaysInsideTheArc) {
  EXPECT_EQ(SplitPoint(Shard(10, 20, {Bytes(10, 100), Bytes(20, 100)}), SplitBy::kBytes), Slot{15});
  EXPECT_EQ(SplitPoint(Shard(10, 20, {Bytes(10, 100), Bytes(11, 100)}), SplitBy::kBytes), Slot{11});
  EXPECT_EQ(SplitPoint(Shard(10, 11, {Bytes(10, 40), Bytes(11, 100)}), SplitBy::kBytes), Slot{11});
}

TEST(SplitPoint, OfOneHotSlotThereIsNone) {
  EXPECT_EQ(SplitPoint(Shard(0, 99, {Bytes(1, 2), Bytes(50, 95), Bytes(80, 3)}), SplitBy::kBytes),
            std::nullopt);
  EXPECT_NE(SplitPoint(Shard(0, 99, {Bytes(1, 10), Bytes(50, 90)}), SplitBy::kBytes), std::nullopt);
}

}  // namespace
}  // namespace flotilla::sharding
