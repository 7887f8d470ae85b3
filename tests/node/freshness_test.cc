#include "node/freshness.h"

#include <gtest/gtest.h>

namespace flotilla::node {
namespace {

constexpr MonoTime At(int ms) { return MonoTime(std::chrono::milliseconds(ms)); }

TEST(Freshness, NothingIsKnownAtFirst) {
  EXPECT_LT(Freshness().fresh_as_of(), At(0) - std::chrono::hours(10'000));
}

TEST(Freshness, AnAnswerCountsOnceItIsApplied) {
  Freshness freshness;
  freshness.Confirmed(At(10), LogIndex(5), LogIndex(5));
  EXPECT_EQ(freshness.fresh_as_of(), At(10));
  freshness.Confirmed(At(20), LogIndex(6), LogIndex(5));
  EXPECT_EQ(freshness.fresh_as_of(), At(10));
  freshness.Applied(LogIndex(6));
  EXPECT_EQ(freshness.fresh_as_of(), At(20));
}

TEST(Freshness, AReplicaThatFallsBehindDoesNotClaimLaterAnswers) {
  Freshness freshness;
  freshness.Confirmed(At(10), LogIndex(5), LogIndex(4));
  freshness.Confirmed(At(20), LogIndex(9), LogIndex(4));
  freshness.Applied(LogIndex(6));
  EXPECT_EQ(freshness.fresh_as_of(), At(10));
}

TEST(Freshness, NeverGoesBack) {
  Freshness freshness;
  freshness.Confirmed(At(30), LogIndex(6), LogIndex(5));
  freshness.Confirmed(At(50), LogIndex(5), LogIndex(5));
  freshness.Applied(LogIndex(6));
  EXPECT_EQ(freshness.fresh_as_of(), At(50));
  freshness.Confirmed(At(40), LogIndex(5), LogIndex(6));
  EXPECT_EQ(freshness.fresh_as_of(), At(50));
}

}  // namespace
}  // namespace flotilla::node
