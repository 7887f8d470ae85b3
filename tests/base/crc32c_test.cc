#include "base/crc32c.h"

#include <cstdint>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#ifdef __x86_64__
#include <cpuid.h>
#endif

namespace flotilla {
namespace {

// Whether the upper halves of the registers YMM0 to YMM15 are in use, none where the processor does
// not tell (XGETBV with ECX = 1; Intel SDM, volume 1, 13.6).
std::optional<bool> UpperHalvesAreInUse() {
#ifdef __x86_64__
  uint32_t a = 0, b = 0, c = 0, d = 0;
  constexpr uint32_t kHasXgetbv1 = 1 << 2;
  if (__get_cpuid_count(0xd, 1, &a, &b, &c, &d) == 0 || (a & kHasXgetbv1) == 0) return std::nullopt;
  asm volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(1));
  constexpr uint32_t kUpperHalves = 1 << 2;
  return (a & kUpperHalves) != 0;
#else
  return std::nullopt;
#endif
}

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

// What comes after a checksum is else many times slower, wherever SSE and AVX meet.
TEST(Crc32c, LeavesNoUpperHalvesOfVectorRegistersInUse) {
  if (!UpperHalvesAreInUse().has_value()) GTEST_SKIP() << "this processor does not tell";
  for (const size_t size : {1, 100, 512, 4096, 100'000}) {
    Crc32c(std::string(size, 'a'));
    EXPECT_EQ(UpperHalvesAreInUse(), false) << size;
  }
}

}  // namespace
}  // namespace flotilla
