#include <chrono>

#include "base/posix_clock.h"
#include "client/grpc_event_loop.h"
#include <gtest/gtest.h>

namespace flotilla::client {
namespace {

TEST(GrpcEventLoop, EndsInWhateverItIsDoing) {
  const PosixClock clock;
  int lasts = 0;
  for (int i = 0; i < 2000; ++i) {
    GrpcEventLoop loop(clock, [] {});
    loop.Start();
    // A timer may wake the thread just when Stop is about to.
    loop.Post([&] { loop.PostAt(clock.Now() + std::chrono::microseconds(i % 100), [] {}); });
    loop.Stop([&] { ++lasts; });
  }
  EXPECT_EQ(lasts, 2000);
}

}  // namespace
}  // namespace flotilla::client
