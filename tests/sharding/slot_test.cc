#include "sharding/slot.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"

namespace flotilla::sharding {
namespace {

// Bit by bit, as the definition of the polynomial reads: an oracle for the table.
uint16_t SlowCrc16(std::string_view data) {
  uint32_t crc = 0;
  for (const char c : data) {
    crc ^= static_cast<uint32_t>(static_cast<uint8_t>(c)) << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1;
    crc &= 0xffff;
  }
  return static_cast<uint16_t>(crc);
}

TEST(Crc16, GivesTheValueThatRedisClusterPublishes) { EXPECT_EQ(Crc16("123456789"), 0x31c3); }

TEST(Crc16, OfNothingIsZero) { EXPECT_EQ(Crc16(""), 0); }

TEST(Crc16, AgreesWithTheDefinitionOnRandomBytes) {
  Random random(1);
  for (int round = 0; round < 1000; ++round) {
    std::string data(random.Below(40), '\0');
    for (char& c : data) c = static_cast<char>(random.Below(256));
    ASSERT_EQ(Crc16(data), SlowCrc16(data));
  }
}

TEST(HashTag, IsWhatIsInsideTheFirstBraces) {
  EXPECT_EQ(HashTag("{user1000}.following"), "user1000");
  EXPECT_EQ(HashTag("{user1000}.followers"), "user1000");
  EXPECT_EQ(HashTag("foo{bar}{zap}"), "bar");
}

TEST(HashTag, OfEmptyBracesIsTheWholeKey) {
  EXPECT_EQ(HashTag("foo{}{bar}"), "foo{}{bar}");
  EXPECT_EQ(HashTag("{}"), "{}");
}

TEST(HashTag, EndsAtTheFirstClosingBrace) {
  EXPECT_EQ(HashTag("foo{{bar}}zap"), "{bar");
  EXPECT_EQ(HashTag("{{}"), "{");
}

TEST(HashTag, OfUnmatchedBracesIsTheWholeKey) {
  EXPECT_EQ(HashTag("foo{bar"), "foo{bar");
  EXPECT_EQ(HashTag("foo}bar"), "foo}bar");
  EXPECT_EQ(HashTag("}foo{"), "}foo{");
  EXPECT_EQ(HashTag("}{"), "}{");
  EXPECT_EQ(HashTag(""), "");
}

TEST(HashTag, IsFoundBehindAStrayClosingBrace) { EXPECT_EQ(HashTag("a}b{c}d"), "c"); }

TEST(HashTag, TakesBytesOfAnyValue) {
  const std::string tag("\0\xff", 2);
  EXPECT_EQ(HashTag("x{" + tag + "}y"), tag);
}

// As CLUSTER KEYSLOT answers.
TEST(SlotOf, GivesTheSlotsOfRedisCluster) {
  EXPECT_EQ(SlotOf("123456789").value, 0x31c3 % kSlotCount);
  EXPECT_EQ(SlotOf("foo").value, 12182);
  EXPECT_EQ(SlotOf("bar").value, 5061);
  EXPECT_EQ(SlotOf("hello").value, 866);
  EXPECT_EQ(SlotOf("somekey").value, 11058);
  EXPECT_EQ(SlotOf("foo{hash_tag}").value, 2515);
  EXPECT_EQ(SlotOf("").value, 0);
}

TEST(SlotOf, IsSharedByKeysOfOneTag) {
  EXPECT_EQ(SlotOf("{a}1"), SlotOf("2{a}"));
  EXPECT_EQ(SlotOf("{a}1"), SlotOf("a"));
  EXPECT_NE(SlotOf("{a}1"), SlotOf("{b}1"));
}

TEST(SlotOf, SpreadsKeysOverTheRing) {
  std::vector<int> keys_of_sixteenth(16);
  for (int i = 0; i < 16000; ++i) {
    ++keys_of_sixteenth[SlotOf("key" + std::to_string(i)).value / (kSlotCount / 16)];
  }
  for (const int keys : keys_of_sixteenth) {
    EXPECT_GT(keys, 800);
    EXPECT_LT(keys, 1200);
  }
}

TEST(Arc, ContainsBothItsEnds) {
  const Arc arc{Slot{10}, Slot{20}};
  EXPECT_TRUE(arc.Contains(Slot{10}));
  EXPECT_TRUE(arc.Contains(Slot{20}));
  EXPECT_FALSE(arc.Contains(Slot{9}));
  EXPECT_FALSE(arc.Contains(Slot{21}));
}

TEST(Arc, IsTheWholeRingUnlessCut) {
  EXPECT_TRUE(Arc{}.IsWholeRing());
  EXPECT_TRUE(Arc{}.Contains(Slot{0}));
  EXPECT_TRUE(Arc{}.Contains(Slot{kSlotCount - 1}));
  EXPECT_FALSE((Arc{Slot{1}, Slot{kSlotCount - 1}}.IsWholeRing()));
  EXPECT_FALSE((Arc{Slot{0}, Slot{kSlotCount - 2}}.IsWholeRing()));
}

TEST(SlotOfRange, IsThatOfTheTagThatAllKeysBeginWith) {
  const Slot slot = SlotOf("{order/7}");
  EXPECT_EQ(SlotOfRange("{order/7}", "{order/7~"), slot) << "all that begins with the tag";
  EXPECT_EQ(SlotOfRange("{order/7}items/", "{order/7}items0"), slot);
  EXPECT_EQ(SlotOfRange("a{order/7}b", "a{order/7~"), slot);
}

TEST(SlotOfRange, IsNoneWhereKeysMayHaveOthers) {
  EXPECT_EQ(SlotOfRange("{order/7}", ""), std::nullopt);
  EXPECT_EQ(SlotOfRange("{order/7}", "{order/8}"), std::nullopt);
  EXPECT_EQ(SlotOfRange("{order/7}", "{order/7~a"), std::nullopt);
  EXPECT_EQ(SlotOfRange("{order/7", "{order/8"), std::nullopt);
  EXPECT_EQ(SlotOfRange("{}a", "{}b"), std::nullopt);
  EXPECT_EQ(SlotOfRange("a", "b"), std::nullopt);
  EXPECT_EQ(SlotOfRange("", ""), std::nullopt);
}

}  // namespace
}  // namespace flotilla::sharding
