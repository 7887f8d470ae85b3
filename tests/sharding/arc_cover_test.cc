#include "sharding/arc_cover.h"

#include <vector>

#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace flotilla::sharding {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Arc Of(uint64_t first, uint64_t last) {
  return {Slot{static_cast<uint16_t>(first)}, Slot{static_cast<uint16_t>(last)}};
}

constexpr uint64_t kLast = kSlotCount - 1;

TEST(ArcCover, BeginsWithNothing) { EXPECT_THAT(ArcCover().Missing(), ElementsAre(Arc{})); }

TEST(ArcCover, SaysWhatIsNew) {
  ArcCover cover;
  EXPECT_THAT(cover.Add(Of(10, 20)), ElementsAre(Of(10, 20)));
  EXPECT_THAT(cover.Add(Of(15, 15)), IsEmpty());
  EXPECT_THAT(cover.Add(Of(5, 25)), ElementsAre(Of(5, 9), Of(21, 25)));
  EXPECT_THAT(cover.Missing(), ElementsAre(Of(0, 4), Of(26, kLast)));
}

TEST(ArcCover, IsCompleteWhenBothEndsAreThere) {
  ArcCover cover;
  cover.Add(Of(0, 0));
  cover.Add(Of(kLast, kLast));
  EXPECT_THAT(cover.Missing(), ElementsAre(Of(1, kLast - 1)));
  cover.Add(Of(1, kLast - 1));
  EXPECT_THAT(cover.Missing(), IsEmpty());
}

TEST(ArcCover, KnowsEverySlotAsASetDoes) {
  Random random(1);
  for (int round = 0; round < 100; ++round) {
    ArcCover cover;
    std::vector<bool> covered(kSlotCount);
    for (int step = 0; step < 10; ++step) {
      const uint64_t first = random.Below(kSlotCount);
      const Arc arc = Of(first, random.Between(first, kLast));
      std::vector<bool> fresh(kSlotCount);
      for (const Arc& piece : cover.Add(arc)) {
        for (uint32_t slot = piece.first.value; slot <= piece.last.value; ++slot)
          fresh[slot] = true;
      }
      for (uint32_t slot = 0; slot < kSlotCount; ++slot) {
        const bool in_arc = slot >= arc.first.value && slot <= arc.last.value;
        ASSERT_EQ(fresh[slot], in_arc && !covered[slot]);
        if (in_arc) covered[slot] = true;
      }
      std::vector<bool> missing(kSlotCount);
      for (const Arc& piece : cover.Missing()) {
        for (uint32_t slot = piece.first.value; slot <= piece.last.value; ++slot) {
          missing[slot] = true;
        }
      }
      for (uint32_t slot = 0; slot < kSlotCount; ++slot) ASSERT_NE(missing[slot], covered[slot]);
    }
  }
}

TEST(CutAlong, CutsWhereOneOfTheKnownBeginsOrEnds) {
  const std::vector<Arc> arcs = {Of(0, 99), Of(200, 299)};
  EXPECT_THAT(CutAlong(arcs, std::vector<Arc>{Of(0, 49), Of(60, 250)}),
              ElementsAre(Of(0, 49), Of(50, 59), Of(60, 99), Of(200, 250), Of(251, 299)));
  EXPECT_THAT(CutAlong(arcs, {}), ElementsAre(Of(0, 99), Of(200, 299)));
}

}  // namespace
}  // namespace flotilla::sharding
