// Gets and pages of scans, on one state.
#include "kv/read.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kv/rows.h"
#include "tests/kv/shard_fixture.h"

namespace flotilla::kv {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;

std::vector<std::string> Keys(const ReadResult& result) {
  std::vector<std::string> keys;
  for (const std::optional<Row>& row : result.rows) keys.push_back(row->key);
  return keys;
}

// Puts a row there without the ado of a command.
void PutRow(TestShard& shard, std::string_view key, std::string_view value) {
  shard.state().rows()[DataRowKey(0, key)] =
      EncodeDataRow({.version = 1, .created_version = 1, .value = value});
}

class ReadOfLetters : public testing::Test {
 protected:
  ReadOfLetters() {
    for (const char* key : {"a", "b", "c", "d", "e"}) shard_.Do(Put{key, std::string("=") + key});
  }
  ReadResult Scan(ScanPage page) const { return shard_.Read({.operation = std::move(page)}); }

  TestShard shard_;
};

TEST_F(ReadOfLetters, GetFindsARow) {
  const ReadResult result = shard_.Read({.operation = Get{"b"}});
  EXPECT_THAT(result.rows, ElementsAre(Optional(Row{"b", "=b", 2, 2})));
}

TEST_F(ReadOfLetters, GetOfAnAbsentKeyHasNoRow) {
  EXPECT_THAT(shard_.Read({.operation = Get{"bb"}}).rows, IsEmpty());
}

TEST_F(ReadOfLetters, SayWhichStateTheySaw) {
  const ReadResult result = shard_.Read({.operation = Get{"b"}});
  EXPECT_EQ(result.applied, LogIndex(5));
  EXPECT_EQ(result.revision, 5);
  EXPECT_EQ(result.shard_version, 1);
}

TEST_F(ReadOfLetters, BatchGetAnswersInTheOrderOfItsKeys) {
  const ReadResult result = shard_.Read({.operation = BatchGet{{"c", "x", "a", "c"}}});
  EXPECT_THAT(result.rows,
              ElementsAre(Optional(Row{"c", "=c", 3, 3}), std::nullopt,
                          Optional(Row{"a", "=a", 1, 1}), Optional(Row{"c", "=c", 3, 3})));
}

TEST_F(ReadOfLetters, ScanReturnsAllRowsInOrder) {
  const ReadResult result = Scan({});
  EXPECT_THAT(Keys(result), ElementsAre("a", "b", "c", "d", "e"));
  EXPECT_EQ(result.resume_key, std::nullopt);
}

TEST_F(ReadOfLetters, ScanIncludesItsStartAndNotItsEnd) {
  EXPECT_THAT(Keys(Scan({.from = "b", .to = "d"})), ElementsAre("b", "c"));
  EXPECT_THAT(Keys(Scan({.from = "b", .to = "d", .reverse = true})), ElementsAre("c", "b"));
  EXPECT_THAT(Keys(Scan({.from = "bb", .to = "cc"})), ElementsAre("c"));
  EXPECT_THAT(Keys(Scan({.from = "bb", .to = "cc", .reverse = true})), ElementsAre("c"));
}

TEST_F(ReadOfLetters, ScanOfAnEmptyRangeIsDoneAtOnce) {
  for (const bool reverse : {false, true}) {
    const ReadResult result = Scan({.from = "c", .to = "c", .reverse = reverse});
    EXPECT_THAT(result.rows, IsEmpty());
    EXPECT_EQ(result.resume_key, std::nullopt);
  }
}

TEST_F(ReadOfLetters, ScanStopsAtItsLimitAndSaysWhereToGoOn) {
  const ReadResult first = Scan({.max_rows = 2});
  EXPECT_THAT(Keys(first), ElementsAre("a", "b"));
  EXPECT_THAT(first.resume_key, Optional(std::string("c")));
  const ReadResult last = Scan({.from = *first.resume_key, .max_rows = 3});
  EXPECT_THAT(Keys(last), ElementsAre("c", "d", "e"));
  EXPECT_EQ(last.resume_key, std::nullopt);
}

TEST_F(ReadOfLetters, ReverseScanResumesBelowWhatItSaw) {
  const ReadResult first = Scan({.max_rows = 2, .reverse = true});
  EXPECT_THAT(Keys(first), ElementsAre("e", "d"));
  EXPECT_THAT(first.resume_key, Optional(std::string("d")));
  const ReadResult last = Scan({.to = *first.resume_key, .max_rows = 3, .reverse = true});
  EXPECT_THAT(Keys(last), ElementsAre("c", "b", "a"));
  EXPECT_EQ(last.resume_key, std::nullopt);
}

TEST_F(ReadOfLetters, ScanStopsOnceItHasItsBytesButNotBeforeOneRow) {
  EXPECT_THAT(Keys(Scan({.max_bytes = 0})), ElementsAre("a"));
  EXPECT_THAT(Keys(Scan({.max_bytes = 3})), ElementsAre("a"));
  EXPECT_THAT(Keys(Scan({.max_bytes = 4})), ElementsAre("a", "b"));
}

TEST_F(ReadOfLetters, ScanOfKeysLeavesValuesOut) {
  const ReadResult result = Scan({.max_bytes = 3, .keys_only = true});
  EXPECT_THAT(result.rows, ElementsAre(Optional(Row{"a", "", 1, 1}), Optional(Row{"b", "", 2, 2}),
                                       Optional(Row{"c", "", 3, 3})));
}

TEST_F(ReadOfLetters, CountHasNoRowsAndNoLimitOfRows) {
  const ReadResult result = Scan({.from = "b", .max_rows = 1, .count_only = true});
  EXPECT_EQ(result.count, 4);
  EXPECT_THAT(result.rows, IsEmpty());
  EXPECT_EQ(result.resume_key, std::nullopt);
}

TEST_F(ReadOfLetters, ScanSeesNoRowsOfOtherKinds) {
  shard_.OpenSession();
  shard_.state().rows()[DataRowKey(1, "c")] = "of another keyspace";
  shard_.state().rows()["\x11lock"] = "";
  EXPECT_EQ(Scan({}).rows.size(), 5);
  EXPECT_EQ(Scan({.reverse = true}).rows.size(), 5);
}

TEST_F(ReadOfLetters, ScanIsRefusedByAnotherVersionOfTheShard) {
  EXPECT_FALSE(Scan({.shard_version = 1}).wrong_shard);
  const ReadResult result = Scan({.shard_version = 2});
  EXPECT_TRUE(result.wrong_shard);
  EXPECT_THAT(result.rows, IsEmpty());
  EXPECT_EQ(result.shard_version, 1);
}

TEST_F(ReadOfLetters, ScanTakesTheSuccessorOfTheLongestKeyAsABound) {
  const std::string longest(shard_.applied().limits.max_key_bytes, 'b');
  shard_.Do(Put{longest, ""});
  EXPECT_THAT(Keys(Scan({.from = longest + '\0'})), ElementsAre("c", "d", "e"));
}

TEST(Read, CapsPagesAtTheLimitsOfTheState) {
  AppliedState state = NewShardState();
  state.limits.max_page_rows = 2;
  state.limits.max_page_bytes = 100;
  TestShard shard(state);
  for (const char* key : {"a", "b", "c"}) PutRow(shard, key, "");
  for (const char* key : {"x", "y", "z"}) PutRow(shard, key, std::string(99, 'x'));
  EXPECT_EQ(shard.Read({.operation = ScanPage{.max_rows = 10}}).rows.size(), 2);
  EXPECT_EQ(shard.Read({.operation = ScanPage{.from = "x"}}).rows.size(), 1);
}

TEST(Read, BoundsTheWorkOfACount) {
  TestShard shard;
  for (uint32_t i = 0; i <= kMaxRowsVisited; ++i) {
    std::string key = std::to_string(i);
    PutRow(shard, key.insert(0, 6 - key.size(), '0'), "");
  }
  const ReadResult up = shard.Read({.operation = ScanPage{.count_only = true}});
  EXPECT_EQ(up.count, kMaxRowsVisited);
  EXPECT_THAT(up.resume_key, Optional(std::string("100000")));
  const ReadResult down = shard.Read({.operation = ScanPage{.reverse = true, .count_only = true}});
  EXPECT_EQ(down.count, kMaxRowsVisited);
  EXPECT_THAT(down.resume_key, Optional(std::string("000001")));
  const ReadResult rest = shard.Read(
      {.operation = ScanPage{.to = *down.resume_key, .reverse = true, .count_only = true}});
  EXPECT_EQ(rest.count, 1);
  EXPECT_EQ(rest.resume_key, std::nullopt);
}

TEST(Read, RefusesKeysOfAnotherShard) {
  AppliedState state = NewShardState();
  state.descriptor.arc = {sharding::SlotOf("mine"), sharding::SlotOf("mine")};
  TestShard shard(state);
  PutRow(shard, "mine", "1");
  PutRow(shard, "other", "2");
  EXPECT_TRUE(shard.Read({.operation = Get{"other"}}).wrong_shard);
  EXPECT_THAT(shard.Read({.operation = Get{"other"}}).rows, IsEmpty());
  EXPECT_TRUE(shard.Read({.operation = BatchGet{{"mine", "other"}}}).wrong_shard);
  EXPECT_THAT(shard.Read({.operation = BatchGet{{"mine", "other"}}}).rows, IsEmpty());
  EXPECT_FALSE(shard.Read({.operation = BatchGet{{"mine"}}}).wrong_shard);
}

TEST(Read, ScansSkipRowsOfAnotherShard) {
  AppliedState state = NewShardState();
  state.descriptor.arc = {sharding::Slot{0}, sharding::Slot{8191}};
  TestShard shard(state);
  size_t owned = 0;
  for (int i = 0; i < 100; ++i) {
    const std::string key = std::to_string(i);
    PutRow(shard, key, "");
    if (state.descriptor.arc.Contains(sharding::SlotOf(key))) ++owned;
  }
  EXPECT_EQ(shard.Read({.operation = ScanPage{}}).rows.size(), owned);
  EXPECT_EQ(shard.Read({.operation = ScanPage{.reverse = true}}).rows.size(), owned);
  EXPECT_EQ(shard.Read({.operation = ScanPage{.count_only = true}}).count, owned);
}

TEST(Read, AScanSaysWhichSlotsItIsOf) {
  AppliedState state = NewShardState();
  state.descriptor.arc = {sharding::Slot{100}, sharding::Slot{8191}};
  TestShard shard(state);
  EXPECT_EQ(shard.Read({.operation = ScanPage{}}).arc, state.descriptor.arc);
  EXPECT_EQ(shard.Read({.operation = BatchGet{}}).arc, std::nullopt);
}

TEST(Read, AScanOfSomeSlotsLeavesOutTheOthers) {
  TestShard shard;
  size_t wanted = 0;
  const sharding::Arc slots{sharding::Slot{0}, sharding::Slot{8191}};
  for (int i = 0; i < 100; ++i) {
    const std::string key = std::to_string(i);
    PutRow(shard, key, "");
    if (slots.Contains(sharding::SlotOf(key))) ++wanted;
  }
  const ReadResult page = shard.Read({.operation = ScanPage{.slots = slots}});
  EXPECT_EQ(page.rows.size(), wanted);
  EXPECT_EQ(page.arc, sharding::Arc{});
  EXPECT_EQ(shard.Read({.operation = ScanPage{.count_only = true, .slots = slots}}).count, wanted);
}

TEST(Read, AScanThatBeginsWithASlotOfAnotherShardIsRefused) {
  AppliedState state = NewShardState();
  state.descriptor.arc = {sharding::Slot{100}, sharding::Slot{8191}};
  TestShard shard(state);
  const auto refused = [&](uint16_t first) {
    const sharding::Arc slots{sharding::Slot{first}, sharding::Slot{9000}};
    return shard.Read({.operation = ScanPage{.slots = slots}}).wrong_shard;
  };
  EXPECT_TRUE(refused(99));
  EXPECT_FALSE(refused(100));
  EXPECT_FALSE(refused(8191));
  EXPECT_TRUE(refused(8192));
}

TEST(Read, BoundsTheWorkOfAPageThatOwnsNothing) {
  AppliedState state = NewShardState();
  state.descriptor.arc = {sharding::SlotOf("mine"), sharding::SlotOf("mine")};
  TestShard shard(state);
  for (uint32_t i = 0; i < kMaxRowsVisited + 10; ++i) PutRow(shard, "{a}" + std::to_string(i), "");
  const ReadResult page = shard.Read({.operation = ScanPage{}});
  EXPECT_THAT(page.rows, IsEmpty());
  ASSERT_TRUE(page.resume_key.has_value());
  EXPECT_EQ(shard.Read({.operation = ScanPage{.from = *page.resume_key}}).resume_key, std::nullopt);
}

TEST(Read, RefusesMalformedRequests) {
  TestShard shard;
  const auto code = [&](ReadRequest request) { return shard.TryRead(request).status().code(); };
  const size_t max_key = shard.applied().limits.max_key_bytes;
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  EXPECT_EQ(code({.operation = Get{""}}), kInvalid);
  EXPECT_EQ(code({.operation = Get{std::string(max_key + 1, 'k')}}), kInvalid);
  EXPECT_EQ(code({.keyspace = 1, .operation = Get{"k"}}), kInvalid);
  EXPECT_EQ(code({.operation = BatchGet{{"k", ""}}}), kInvalid);
  EXPECT_EQ(code({.operation = BatchGet{std::vector<std::string>(1001, "k")}}), kInvalid);
  EXPECT_EQ(code({.operation = ScanPage{.max_rows = 0}}), kInvalid);
  EXPECT_EQ(code({.operation = ScanPage{.from = "b", .to = "a"}}), kInvalid);
  EXPECT_EQ(code({.operation = ScanPage{.from = std::string(max_key + 2, 'k')}}), kInvalid);
}

TEST(Read, RefusesABatchOfGetsWhoseRowsAreTooLarge) {
  AppliedState state = NewShardState();
  state.limits.max_command_bytes = 100;
  TestShard shard(state);
  for (const char* key : {"a", "b"}) PutRow(shard, key, std::string(49, 'x'));
  PutRow(shard, "c", "");
  EXPECT_EQ(shard.Read({.operation = BatchGet{{"a", "b", "none"}}}).rows.size(), 3);
  const absl::Status status = shard.TryRead({.operation = BatchGet{{"a", "b", "c"}}}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("limit of 100 bytes"));
}

TEST(Read, OfADamagedRowIsDataLoss) {
  TestShard shard;
  shard.state().rows()[DataRowKey(0, "k")] = "V";
  for (const ReadRequest& request :
       {ReadRequest{.operation = Get{"k"}}, ReadRequest{.operation = ScanPage{}}}) {
    EXPECT_EQ(shard.TryRead(request).status().code(), absl::StatusCode::kDataLoss);
  }
}

// --- Properties of random scans. -----------------------------------------------------------------

// Pages of random shape through random rows, some of them another shard's, against a plain map.
class RandomRows {
 public:
  explicit RandomRows(uint64_t seed) : random_(seed), shard_(State(random_)) {
    const uint64_t rows = random_.Below(200);
    for (uint64_t i = 0; i < rows; ++i) {
      const std::string key = RandomKey();
      const std::string value(random_.Below(20), 'v');
      PutRow(shard_, key, value);
      if (shard_.applied().descriptor.arc.Contains(sharding::SlotOf(key))) owned_[key] = value;
    }
  }

  ScanPage RandomScan() {
    ScanPage page;
    if (random_.Chance(2, 3)) page.from = RandomKey();
    if (random_.Chance(2, 3)) page.to = RandomKey();
    if (!page.to.empty() && page.to < page.from) std::swap(page.from, page.to);
    page.max_rows = static_cast<uint32_t>(random_.Between(1, 20));
    page.max_bytes = random_.Chance(1, 2) ? random_.Below(100) : 1000;
    page.reverse = random_.Chance(1, 2);
    page.keys_only = random_.Chance(1, 3);
    return page;
  }

  std::vector<std::string> Expected(const ScanPage& scan) const {
    std::vector<std::string> keys;
    for (const auto& [key, value] : owned_) {
      if (key >= scan.from && (scan.to.empty() || key < scan.to)) keys.push_back(key);
    }
    if (scan.reverse) std::reverse(keys.begin(), keys.end());
    return keys;
  }

  ReadResult Read(const ScanPage& page) const { return shard_.Read({.operation = page}); }
  const std::string& ValueOf(const std::string& key) const { return owned_.at(key); }

 private:
  static AppliedState State(Random& random) {
    AppliedState state = NewShardState();
    if (random.Chance(1, 2)) {
      const auto last = static_cast<uint16_t>(random.Below(sharding::kSlotCount));
      state.descriptor.arc.last = sharding::Slot{last};
    }
    return state;
  }

  // Short, of few letters, so that keys are prefixes of each other and bounds hit them.
  std::string RandomKey() {
    std::string key(1 + random_.Below(4), '\0');
    for (char& c : key) c = random_.Pick(alphabet_);
    return key;
  }

  const std::vector<char> alphabet_{'\0', 'a', 'b', '\xff'};
  Random random_;
  TestShard shard_;
  std::map<std::string, std::string> owned_;
};

constexpr uint64_t kSeeds = 40;

// Follows the resume keys to the end of the range.
void CheckWholeScan(const RandomRows& rows, ScanPage page) {
  const std::vector<std::string> expected = rows.Expected(page);
  std::vector<std::string> seen;
  while (true) {
    const ReadResult result = rows.Read(page);
    for (const std::optional<Row>& row : result.rows) {
      seen.push_back(row->key);
      ASSERT_EQ(row->value, page.keys_only ? "" : rows.ValueOf(row->key));
    }
    if (!result.resume_key.has_value()) break;
    ASSERT_FALSE(result.rows.empty()) << "a page without progress";
    (page.reverse ? page.to : page.from) = *result.resume_key;
  }
  ASSERT_EQ(seen, expected);
}

TEST(RandomScans, ReturnTheWholeRangeInOrderEachRowOnce) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomRows rows(seed);
    for (int round = 0; round < 20; ++round) {
      CheckWholeScan(rows, rows.RandomScan());
      if (HasFatalFailure()) return;
    }
  }
}

TEST(RandomScans, HaveNoLargerPagesThanTheyMay) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomRows rows(seed);
    for (int round = 0; round < 50; ++round) {
      const ScanPage page = rows.RandomScan();
      const ReadResult result = rows.Read(page);
      ASSERT_LE(result.rows.size(), page.max_rows);
      if (result.rows.size() < 2) continue;
      size_t bytes_before_last = 0;
      for (size_t i = 0; i + 1 < result.rows.size(); ++i) {
        bytes_before_last += result.rows[i]->key.size() + result.rows[i]->value.size();
      }
      ASSERT_LT(bytes_before_last, page.max_bytes);
    }
  }
}

TEST(RandomScans, CountAsManyRowsAsThereAre) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomRows rows(seed);
    for (int round = 0; round < 50; ++round) {
      ScanPage page = rows.RandomScan();
      page.count_only = true;
      ASSERT_EQ(rows.Read(page).count, rows.Expected(page).size());
    }
  }
}

}  // namespace
}  // namespace flotilla::kv
