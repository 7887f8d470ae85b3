#include "bench/ack_gaps.h"

#include "gtest/gtest.h"

namespace flotilla::bench {
namespace {

using std::chrono::milliseconds;

MonoTime At(int ms) { return MonoTime() + milliseconds(ms); }

TEST(AckGaps, KnowsTheLongestTimeWithoutAnAnswer) {
  AckGaps gaps(At(0));
  for (const int ms : {1, 2, 40, 41}) gaps.Acknowledged(At(ms));
  EXPECT_EQ(gaps.TakeLongest(At(42)), milliseconds(38));
  gaps.Acknowledged(At(45));
  EXPECT_EQ(gaps.TakeLongest(At(46)), milliseconds(4)) << "what was told is not told again";
}

TEST(AckGaps, WhatHasNotEndedCountsAsWell) {
  AckGaps gaps(At(0));
  gaps.Acknowledged(At(10));
  EXPECT_EQ(gaps.TakeLongest(At(100)), milliseconds(90));
  gaps.Acknowledged(At(150));
  EXPECT_EQ(gaps.TakeLongest(At(151)), milliseconds(140));
}

TEST(AckGaps, AnswersMayComeOutOfOrder) {
  AckGaps gaps(At(0));
  gaps.Acknowledged(At(10));
  gaps.Acknowledged(At(9));
  gaps.Acknowledged(At(12));
  EXPECT_EQ(gaps.TakeLongest(At(12)), milliseconds(10));
}

}  // namespace
}  // namespace flotilla::bench
