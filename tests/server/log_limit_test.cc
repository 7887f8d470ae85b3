#include "server/log_limit.h"

#include "gtest/gtest.h"

namespace flotilla::server {
namespace {

TEST(LogLimit, CountsWhatIsLeftOutUntilTheNextSecond) {
  LogLimit limit(2);
  const MonoTime start{std::chrono::hours(1)};
  EXPECT_EQ(limit.Admit(start), 0u);
  EXPECT_EQ(limit.Admit(start), 0u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limit.Admit(start), std::nullopt);
  const MonoTime later = start + std::chrono::seconds(1);
  EXPECT_EQ(limit.Admit(later), 3u);
  EXPECT_EQ(limit.Admit(later), 0u);
  EXPECT_EQ(limit.Admit(later), std::nullopt);
}

}  // namespace
}  // namespace flotilla::server
