#include "sharding/shard_map_codec.h"

#include <string>

#include "base/random.h"
#include "tests/sharding/shard_history.h"
#include "tests/support/golden_file.h"
#include <gtest/gtest.h>

namespace flotilla::sharding {
namespace {

using tests::ReadGoldenFile;
using tests::ToHex;

constexpr uint16_t kLast = kSlotCount - 1;

// Two shards; the third has claimed a piece that the first has not let go of yet.
ShardMap Example() {
  ShardMap map;
  ShardClaim first = ClaimOf(1, 0, 0x1fff, 1);
  first.counters = {.bytes = 1000, .load = 20, .report = 3};
  EXPECT_TRUE(map.Merge(Report{first, ClaimOf(2, 0x2000, kLast, 1)}).ok());
  ShardClaim child = ClaimOf(3, 0x1000, 0x17ff, 2);
  child.configuration.index = LogIndex(300);
  child.configuration.joint = true;
  child.configuration.replicas[2].role = ReplicaRole::kLearner;
  child.leader = {Term(4), NodeId(2)};
  EXPECT_TRUE(map.Merge(Report{child}).ok());
  return map;
}

TEST(ShardMapCodec, AMapComesBackAsItWas) {
  const auto decoded = DecodeShardMap(EncodeShardMap(Example()));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, Example());
  EXPECT_EQ(*DecodeShardMap(EncodeShardMap(ShardMap())), ShardMap());
}

TEST(ShardMapCodec, RandomMapsAndDeltasComeBackAsTheyWere) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    ShardHistory history(Random(seed), 4);
    ShardMap map;
    for (int i = 0; i < 40; ++i) history.Step();
    for (const Report& report : history.reports()) ASSERT_TRUE(map.Merge(report).ok());
    EXPECT_EQ(*DecodeShardMap(EncodeShardMap(map)), map);
    const ShardMapDelta delta = map.Since(seed % (map.version() + 1));
    EXPECT_EQ(*DecodeShardMapDelta(EncodeShardMapDelta(delta)), delta);
  }
}

TEST(ShardMapCodec, ReadsAndWritesTheGoldenFiles) {
  EXPECT_EQ(ToHex(EncodeShardMap(Example())), ToHex(ReadGoldenFile("shard_map.hex")));
  EXPECT_EQ(*DecodeShardMap(ReadGoldenFile("shard_map.hex")), Example());
  const std::string delta = ReadGoldenFile("shard_map_delta.hex");
  EXPECT_EQ(ToHex(EncodeShardMapDelta(Example().Since(1))), ToHex(delta));
  EXPECT_EQ(*DecodeShardMapDelta(delta), Example().Since(1));
}

TEST(ShardMapCodec, AMapCutAnywhereIsRefused) {
  const std::string bytes = EncodeShardMap(Example());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeShardMap(bytes.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(DecodeShardMap(bytes + '\0').ok());
}

TEST(ShardMapCodec, ADeltaIsNoMap) {
  EXPECT_EQ(DecodeShardMap(EncodeShardMapDelta(Example().Since(1))).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST(ShardMapCodec, ANewerFormatIsRefusedByName) {
  std::string bytes = EncodeShardMap(Example());
  bytes[1] = 2;
  EXPECT_EQ(DecodeShardMap(bytes).status().code(), absl::StatusCode::kUnimplemented);
}

TEST(ShardMapCodec, WhatDamageLeavesReadableIsASoundMap) {
  Random random(7);
  const std::string bytes = EncodeShardMap(Example());
  for (int i = 0; i < 20000; ++i) {
    std::string damaged = bytes;
    damaged[random.Below(damaged.size())] = static_cast<char>(random.Next());
    const auto map = DecodeShardMap(damaged);
    EXPECT_TRUE(!map.ok() || map->Validate().ok());
  }
}

TEST(ShardMapCodec, AClaimComesBackInsideALargerRecord) {
  const ShardClaim claim = Example().FindShard(ShardId(3))->claim;
  std::string bytes;
  PutShardClaim(bytes, claim);
  PutShardClaim(bytes, claim);
  Decoder in(bytes);
  EXPECT_EQ(TakeShardClaim(in), claim);
  EXPECT_EQ(TakeShardClaim(in), claim);
  EXPECT_TRUE(in.done());
}

}  // namespace
}  // namespace flotilla::sharding
