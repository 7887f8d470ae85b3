#include "base/crc32c.h"

#include <string>

#include <gtest/gtest.h>

namespace flotilla {
namespace {

// RFC 3720, appendix B.4.
TEST(Crc32c, GivesThePublishedValues) {
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  std::string ascending;
  std::string descending;
  for (char i = 0; i < 32; ++i) {
    ascending += i;
    descending += static_cast<char>(31 - i);
  }
  EXPECT_EQ(Crc32c(ascending), 0x46dd794eu);
  EXPECT_EQ(Crc32c(descending), 0x113fdb5cu);
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(Crc32c(""), 0u);
}

TEST(Crc32c, ExtendingEqualsTheWholeAtEveryCut) {
  const std::string data = "the quick brown fox jumps over the lazy dog";
  for (size_t cut = 0; cut <= data.size(); ++cut) {
    EXPECT_EQ(ExtendCrc32c(Crc32c(data.substr(0, cut)), data.substr(cut)), Crc32c(data));
  }
}

TEST(Crc32c, EveryFlippedBitIsSeen) {
  std::string data(64, 'a');
  const uint32_t crc = Crc32c(data);
  for (size_t bit = 0; bit < data.size() * 8; ++bit) {
    const char mask = static_cast<char>(1 << (bit % 8));
    data[bit / 8] = static_cast<char>(data[bit / 8] ^ mask);
    EXPECT_NE(Crc32c(data), crc);
    data[bit / 8] = static_cast<char>(data[bit / 8] ^ mask);
  }
}

}  // namespace
}  // namespace flotilla
