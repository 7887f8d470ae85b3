#include "sharding/slot_ring.h"

#include <gtest/gtest.h>

namespace flotilla::sharding {
namespace {

ShardDescriptor Claim(uint64_t shard, uint16_t first, uint16_t last, uint64_t version) {
  return {ShardId(shard), {Slot{first}, Slot{last}}, version};
}
Holding Held(uint64_t shard, uint16_t first, uint16_t last, uint64_t version) {
  return {{Slot{first}, Slot{last}}, ShardId(shard), version};
}
constexpr uint16_t kLast = kSlotCount - 1;

SlotRing RingOf(const std::vector<ShardDescriptor>& claims) {
  SlotRing ring;
  for (const ShardDescriptor& claim : claims) EXPECT_TRUE(ring.Claim(claim).ok());
  return ring;
}

TEST(SlotRing, OfNothingHoldsNothing) {
  EXPECT_EQ(SlotRing().Find(Slot{0}), nullptr);
  EXPECT_FALSE(SlotRing().IsCovered());
}

TEST(SlotRing, IsCoveredWhenEverySlotIsHeld) {
  EXPECT_FALSE(RingOf({Claim(1, 0, kLast - 1, 1)}).IsCovered());
  EXPECT_FALSE(RingOf({Claim(1, 1, kLast, 1)}).IsCovered());
  EXPECT_FALSE(RingOf({Claim(1, 0, 9, 1), Claim(2, 11, kLast, 1)}).IsCovered());
  EXPECT_TRUE(RingOf({Claim(1, 0, 9, 1), Claim(2, 10, kLast, 1)}).IsCovered());
}

TEST(SlotRing, AChildTakesItsSlotsFromTheParentsOlderClaim) {
  const SlotRing ring = RingOf({Claim(1, 0, kLast, 1), Claim(2, 100, 199, 2)});
  EXPECT_EQ(ring.holdings(), (std::vector<Holding>{Held(1, 0, 99, 1), Held(2, 100, 199, 2),
                                                   Held(1, 200, kLast, 1)}));
}

TEST(SlotRing, AShardThatShrankHoldsItsOldSlotsUntilTheyAreClaimed) {
  const SlotRing ring = RingOf({Claim(1, 0, kLast, 1), Claim(1, 0, 99, 2)});
  EXPECT_EQ(ring.holdings(), (std::vector<Holding>{Held(1, 0, 99, 2), Held(1, 100, kLast, 1)}));
  EXPECT_TRUE(ring.IsCovered());
}

TEST(SlotRing, AnOlderClaimTakesOnlyWhatNobodyHolds) {
  SlotRing ring = RingOf({Claim(2, 100, 199, 2)});
  const auto changed = ring.Claim(Claim(1, 50, 299, 1));
  ASSERT_TRUE(changed.ok());
  EXPECT_EQ(*changed, std::vector<ShardId>{ShardId(1)});
  EXPECT_EQ(ring.holdings(),
            (std::vector<Holding>{Held(1, 50, 99, 1), Held(2, 100, 199, 2), Held(1, 200, 299, 1)}));
}

TEST(SlotRing, TellsWhoseHoldingsChanged) {
  SlotRing ring = RingOf({Claim(1, 0, 99, 1), Claim(2, 100, 199, 1)});
  EXPECT_EQ(*ring.Claim(Claim(3, 50, 149, 2)),
            (std::vector<ShardId>{ShardId(1), ShardId(2), ShardId(3)}));
  EXPECT_TRUE(ring.Claim(Claim(3, 50, 149, 2))->empty());
  EXPECT_TRUE(ring.Claim(Claim(1, 60, 69, 1))->empty());
}

TEST(SlotRing, TwoShardsAtOneVersionContradictEachOther) {
  SlotRing ring = RingOf({Claim(1, 0, 99, 2)});
  const SlotRing before = ring;
  EXPECT_EQ(ring.Claim(Claim(2, 99, 150, 2)).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ring, before);
}

TEST(SlotRing, FindsTheHolderAtBothEndsOfAnArc) {
  const SlotRing ring = RingOf({Claim(1, 10, 19, 1), Claim(2, 30, 39, 1)});
  EXPECT_EQ(ring.Find(Slot{9}), nullptr);
  EXPECT_EQ(ring.Find(Slot{10})->shard, ShardId(1));
  EXPECT_EQ(ring.Find(Slot{19})->shard, ShardId(1));
  EXPECT_EQ(ring.Find(Slot{20}), nullptr);
  EXPECT_EQ(ring.Find(Slot{39})->shard, ShardId(2));
  EXPECT_EQ(ring.Find(Slot{40}), nullptr);
}

TEST(SlotRing, IsMadeOfHoldingsInAnyOrder) {
  const auto ring = SlotRing::Of({Held(2, 10, 19, 1), Held(1, 0, 4, 1), Held(1, 5, 9, 1)});
  ASSERT_TRUE(ring.ok());
  EXPECT_EQ(ring->holdings(), (std::vector<Holding>{Held(1, 0, 9, 1), Held(2, 10, 19, 1)}));
}

TEST(SlotRing, IsNotMadeOfWhatOverlapsOrIsNoArc) {
  EXPECT_FALSE(SlotRing::Of({Held(1, 0, 10, 1), Held(2, 10, 19, 2)}).ok());
  EXPECT_FALSE(SlotRing::Of({Held(1, 10, 9, 1)}).ok());
  EXPECT_FALSE(SlotRing::Of({Held(1, 0, kSlotCount, 1)}).ok());
}

}  // namespace
}  // namespace flotilla::sharding
