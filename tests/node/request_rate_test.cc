#include "node/request_rate.h"

#include "gtest/gtest.h"

namespace flotilla::node {
namespace {

using std::chrono::milliseconds;

TEST(RequestRate, TellsTheRateOfTheLastWholeWindow) {
  MonoTime now;
  RequestRate rate(now);
  for (int i = 0; i < 10; ++i) rate.Count();
  rate.Tick(now + milliseconds(1999));
  EXPECT_EQ(rate.per_second(), 0) << "the window is not over";
  rate.Tick(now + milliseconds(2000));
  EXPECT_EQ(rate.per_second(), 5);
  rate.Tick(now + milliseconds(3000));
  EXPECT_EQ(rate.per_second(), 5);
  rate.Tick(now + milliseconds(4000));
  EXPECT_EQ(rate.per_second(), 0);
}

TEST(RequestRate, AWindowThatEndsLateIsDividedByItsLength) {
  MonoTime now;
  RequestRate rate(now);
  for (int i = 0; i < 10; ++i) rate.Count();
  rate.Tick(now + milliseconds(5000));
  EXPECT_EQ(rate.per_second(), 2);
}

}  // namespace
}  // namespace flotilla::node
