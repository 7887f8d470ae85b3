#include "base/coding.h"

#include <cstdint>
#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace flotilla {
namespace {

constexpr uint64_t kMax64 = std::numeric_limits<uint64_t>::max();

TEST(Coding, FixedNumbersAreLittleEndian) {
  std::string out;
  PutFixed8(out, 0x01);
  PutFixed16(out, 0x0203);
  PutFixed32(out, 0x04050607);
  PutFixed64(out, 0x08090a0b0c0d0e0f);
  EXPECT_EQ(out, std::string("\x01\x03\x02\x07\x06\x05\x04\x0f\x0e\x0d\x0c\x0b\x0a\x09\x08", 15));
  Decoder in(out);
  EXPECT_EQ(in.Fixed8(), 0x01);
  EXPECT_EQ(in.Fixed16(), 0x0203);
  EXPECT_EQ(in.Fixed32(), 0x04050607u);
  EXPECT_EQ(in.Fixed64(), 0x08090a0b0c0d0e0fu);
  EXPECT_TRUE(in.Finish("numbers").ok());
}

TEST(Coding, VarintsReadBackAtEveryLength) {
  for (int bit = 0; bit < 64; ++bit) {
    for (const uint64_t value : {uint64_t{1} << bit, (uint64_t{1} << bit) - 1, kMax64 >> bit}) {
      std::string out;
      PutVarint(out, value);
      Decoder in(out);
      EXPECT_EQ(in.Varint(), value);
      EXPECT_TRUE(in.Finish("varint").ok());
    }
  }
}

TEST(Coding, SmallVarintsTakeOneByteAndTheLargestTen) {
  std::string small;
  PutVarint(small, 127);
  EXPECT_EQ(small.size(), 1u);
  std::string large;
  PutVarint(large, kMax64);
  EXPECT_EQ(large.size(), 10u);
}

TEST(Coding, SignedVarintsReadBackAndStayShortNearZero) {
  for (const int64_t value :
       {int64_t{0}, int64_t{-1}, int64_t{1}, int64_t{-64}, std::numeric_limits<int64_t>::min(),
        std::numeric_limits<int64_t>::max()}) {
    std::string out;
    PutSignedVarint(out, value);
    if (value >= -64 && value < 64) {
      EXPECT_EQ(out.size(), 1u) << value;
    }
    Decoder in(out);
    EXPECT_EQ(in.SignedVarint(), value);
  }
}

TEST(Coding, AVarintOfMoreThan64BitsIsRefused) {
  const std::string ten_bytes_and_a_bit = std::string(9, '\xff') + '\x02';
  Decoder in(ten_bytes_and_a_bit);
  EXPECT_EQ(in.Varint(), 0u);
  EXPECT_FALSE(in.ok());
  const std::string eleven_bytes = std::string(10, '\x80') + '\x00';
  Decoder longer(eleven_bytes);
  longer.Varint();
  EXPECT_FALSE(longer.ok());
}

TEST(Coding, ACutBufferFailsAtEveryLength) {
  std::string out;
  PutFixed32(out, 7);
  PutVarint(out, 300);
  PutString(out, "abc");
  PutFixed64(out, 9);
  for (size_t size = 0; size < out.size(); ++size) {
    Decoder in(std::string_view(out).substr(0, size));
    in.Fixed32();
    in.Varint();
    in.String();
    in.Fixed64();
    EXPECT_FALSE(in.ok()) << size;
    EXPECT_EQ(in.Finish("record").code(), absl::StatusCode::kDataLoss);
  }
}

TEST(Coding, AfterAFailureEverythingReadsAsNothing) {
  std::string out;
  PutVarint(out, 5);  // a string of five bytes that has three
  out += "abc";
  Decoder in(out);
  EXPECT_EQ(in.String(), "");
  EXPECT_EQ(in.Fixed8(), 0);
  EXPECT_EQ(in.Raw(0), "");
  EXPECT_FALSE(in.ok());
}

TEST(Coding, AStringLengthBeyondMemoryIsRefused) {
  std::string out;
  PutVarint(out, kMax64);
  out += "abc";
  Decoder in(out);
  EXPECT_EQ(in.String(), "");
  EXPECT_FALSE(in.ok());
}

TEST(Coding, BytesLeftOverAreAnError) {
  Decoder in("ab");
  in.Fixed8();
  const absl::Status status = in.Finish("record");
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(status.message(), "record has bytes left over");
}

TEST(Coding, OrderedNumbersSortAsBytes) {
  std::string previous;
  for (const uint64_t value : {uint64_t{0}, uint64_t{1}, uint64_t{255}, uint64_t{256}, kMax64}) {
    std::string out;
    PutOrdered64(out, value);
    EXPECT_TRUE(previous.empty() || previous < out);
    Decoder in(out);
    EXPECT_EQ(in.Ordered64(), value);
    previous = out;
  }
}

TEST(Coding, StoredNumbersOverwriteInPlace) {
  std::string out(12, 'x');
  StoreFixed32(out.data(), 1);
  StoreFixed64(out.data() + 4, 2);
  EXPECT_EQ(LoadFixed32(out.data()), 1u);
  EXPECT_EQ(LoadFixed64(out.data() + 4), 2u);
}

class FormatHeaderTest : public ::testing::Test {
 protected:
  static absl::StatusCode Read(const std::string& bytes, FormatHeader* header = nullptr) {
    Decoder in(bytes);
    return ReadFormatHeader(in, 'k', 3, "thing", header).code();
  }
};

TEST_F(FormatHeaderTest, EveryVersionUpToTheNewestIsRead) {
  for (uint8_t version = 1; version <= 3; ++version) {
    std::string bytes;
    PutFormatHeader(bytes, 'k', version);
    FormatHeader header;
    EXPECT_EQ(Read(bytes, &header), absl::StatusCode::kOk);
    EXPECT_EQ(header.version, version);
  }
}

TEST_F(FormatHeaderTest, WhatThisBuildCannotReadIsRefused) {
  EXPECT_EQ(Read("k"), absl::StatusCode::kDataLoss) << "cut";
  EXPECT_EQ(Read(std::string("x\1\0", 3)), absl::StatusCode::kDataLoss) << "another kind";
  EXPECT_EQ(Read(std::string("k\4\0", 3)), absl::StatusCode::kUnimplemented) << "newer";
  EXPECT_EQ(Read(std::string("k\0\0", 3)), absl::StatusCode::kUnimplemented) << "version 0";
  EXPECT_EQ(Read(std::string("k\1\1", 3)), absl::StatusCode::kUnimplemented) << "unknown flag";
}

}  // namespace
}  // namespace flotilla
