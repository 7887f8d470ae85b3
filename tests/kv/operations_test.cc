// What each operation does to the rows, and what it answers.
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/kv/shard_fixture.h"

namespace flotilla::kv {
namespace {

using testing::Optional;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

Condition Absent(std::string key) {
  return {.kind = Condition::Kind::kAbsent, .key = std::move(key)};
}
Condition Exists(std::string key) {
  return {.kind = Condition::Kind::kExists, .key = std::move(key)};
}
Condition HasVersion(std::string key, uint64_t version) {
  return {.kind = Condition::Kind::kVersion, .key = std::move(key), .version = version};
}
Condition HasValue(std::string key, std::string value) {
  return {.kind = Condition::Kind::kValue, .key = std::move(key), .value = std::move(value)};
}

TEST(Put, WritesARowWithTheFirstVersion) {
  TestShard shard;
  EXPECT_EQ(shard.Do(Put{"k", "v"}), (CommandResult{.version = 1}));
  EXPECT_THAT(shard.GetRow("k"), Optional(Row{"k", "v", 1, 1}));
}

TEST(Put, ReplacesTheRowAndItsVersionOfCreation) {
  TestShard shard;
  shard.Do(Put{"k", "v"});
  EXPECT_EQ(shard.Do(Put{"k", "w"}).version, 2);
  EXPECT_THAT(shard.GetRow("k"), Optional(Row{"k", "w", 2, 2}));
}

TEST(Put, ReadsNothing) {
  TestShard shard;
  const SessionToken session = shard.OpenSession();
  const int gets = shard.state().gets();
  shard.Do(Put{"k", "v"}, InSession(session, 1));
  shard.Do(Put{"k", "w"}, InSession(session, 2, 2));
  EXPECT_EQ(shard.state().gets(), gets);
}

TEST(Put, TakesAnyBytesAndAnEmptyValue) {
  TestShard shard;
  const std::string bytes("\0\xff\n", 3);
  shard.Do(Put{bytes, bytes});
  shard.Do(Put{"empty", ""});
  EXPECT_THAT(shard.Value(bytes), Optional(bytes));
  EXPECT_THAT(shard.Value("empty"), Optional(std::string()));
}

TEST(Delete, RemovesTheRowUnderAVersionOfItsOwn) {
  TestShard shard;
  shard.Do(Put{"k", "v"});
  EXPECT_EQ(shard.Do(Delete{"k"}), (CommandResult{.version = 2}));
  EXPECT_EQ(shard.GetRow("k"), std::nullopt);
}

TEST(Delete, OfAnAbsentKeyChangesNothing) {
  TestShard shard;
  EXPECT_EQ(shard.Do(Delete{"k"}), (CommandResult{.code = ResultCode::kNotFound}));
  EXPECT_EQ(shard.applied().revision, 0);
}

TEST(Delete, LetsACreatedAgainKeyGoOnWithAHigherVersion) {
  TestShard shard;
  shard.Do(Put{"k", "v"});
  shard.Do(Delete{"k"});
  shard.Do(Put{"k", "w"});
  EXPECT_THAT(shard.GetRow("k"), Optional(Row{"k", "w", 3, 3}));
}

TEST(CompareAndSwap, WritesWhenTheConditionHolds) {
  TestShard shard;
  EXPECT_EQ(shard.Do(CompareAndSwap{Absent("k"), "a"}), (CommandResult{.version = 1}));
  EXPECT_EQ(shard.Do(CompareAndSwap{HasVersion("k", 1), "b"}), (CommandResult{.version = 2}));
  EXPECT_EQ(shard.Do(CompareAndSwap{HasValue("k", "b"), "c"}), (CommandResult{.version = 3}));
  EXPECT_EQ(shard.Do(CompareAndSwap{Exists("k"), "d"}), (CommandResult{.version = 4}));
  EXPECT_THAT(shard.GetRow("k"), Optional(Row{"k", "d", 4, 1}));
}

TEST(CompareAndSwap, AnswersWhatIsThereWhenTheConditionFails) {
  TestShard shard;
  shard.Do(Put{"k", "v"});
  const CommandResult there{.code = ResultCode::kCompareFailed, .version = 1, .value = "v"};
  EXPECT_EQ(shard.Do(CompareAndSwap{Absent("k"), "x"}), there);
  EXPECT_EQ(shard.Do(CompareAndSwap{HasVersion("k", 2), "x"}), there);
  EXPECT_EQ(shard.Do(CompareAndSwap{HasVersion("k", 0), "x"}), there);
  EXPECT_EQ(shard.Do(CompareAndSwap{HasValue("k", "w"), "x"}), there);
  EXPECT_THAT(shard.GetRow("k"), Optional(Row{"k", "v", 1, 1}));
}

TEST(CompareAndSwap, FailsOnAnAbsentKey) {
  TestShard shard;
  const CommandResult absent{.code = ResultCode::kCompareFailed};
  EXPECT_EQ(shard.Do(CompareAndSwap{Exists("k"), "x"}), absent);
  EXPECT_EQ(shard.Do(CompareAndSwap{HasVersion("k", 1), "x"}), absent);
  EXPECT_EQ(shard.Do(CompareAndSwap{HasValue("k", ""), "x"}), absent);
  EXPECT_EQ(shard.GetRow("k"), std::nullopt);
}

TEST(CompareAndSwap, TakesVersionZeroForAbsent) {
  TestShard shard;
  EXPECT_EQ(shard.Do(CompareAndSwap{HasVersion("k", 0), "x"}).code, ResultCode::kOk);
}

TEST(Increment, CountsFromZeroInText) {
  TestShard shard;
  EXPECT_EQ(shard.Do(Increment{"n", 5}), (CommandResult{.version = 1, .value = "5"}));
  EXPECT_EQ(shard.Do(Increment{"n", -7}), (CommandResult{.version = 2, .value = "-2"}));
  EXPECT_THAT(shard.GetRow("n"), Optional(Row{"n", "-2", 2, 1}));
}

TEST(Increment, GoesOnFromANumberThatWasPut) {
  TestShard shard;
  shard.Do(Put{"n", "41"});
  EXPECT_THAT(shard.Do(Increment{"n", 1}).value, Optional(std::string("42")));
}

TEST(Increment, ReachesBothEndsOfSixtyFourBits) {
  TestShard shard;
  EXPECT_THAT(shard.Do(Increment{"n", kMax}).value, Optional(std::to_string(kMax)));
  shard.Do(Put{"m", std::to_string(kMin + 1)});
  EXPECT_THAT(shard.Do(Increment{"m", -1}).value, Optional(std::to_string(kMin)));
}

TEST(Increment, BeyondSixtyFourBitsChangesNothing) {
  TestShard shard;
  shard.Do(Put{"n", std::to_string(kMax)});
  shard.Do(Put{"m", std::to_string(kMin)});
  EXPECT_EQ(shard.Do(Increment{"n", 1}), (CommandResult{.code = ResultCode::kOverflow}));
  EXPECT_EQ(shard.Do(Increment{"m", -1}), (CommandResult{.code = ResultCode::kOverflow}));
  EXPECT_EQ(shard.applied().revision, 2);
  EXPECT_THAT(shard.Value("n"), Optional(std::to_string(kMax)));
}

TEST(Increment, OfWhatIsNotANumberChangesNothing) {
  const std::vector<std::string> values = {"",
                                           "-",
                                           "+1",
                                           " 1",
                                           "1 ",
                                           "01",
                                           "-0",
                                           "-01",
                                           "1.5",
                                           "0x10",
                                           "one",
                                           "1e3",
                                           "9223372036854775808",
                                           "-9223372036854775809",
                                           std::string("1\0", 2)};
  for (const std::string& value : values) {
    TestShard shard;
    shard.Do(Put{"n", value});
    EXPECT_EQ(shard.Do(Increment{"n", 1}), (CommandResult{.code = ResultCode::kNotANumber}))
        << value;
    EXPECT_THAT(shard.GetRow("n"), Optional(Row{"n", value, 1, 1}));
  }
}

TEST(Append, CreatesAndThenConcatenates) {
  TestShard shard;
  EXPECT_EQ(shard.Do(Append{"k", "ab"}), (CommandResult{.version = 1}));
  EXPECT_EQ(shard.Do(Append{"k", "cd"}), (CommandResult{.version = 2}));
  EXPECT_THAT(shard.GetRow("k"), Optional(Row{"k", "abcd", 2, 1}));
}

TEST(Append, BeyondTheLimitOfAValueChangesNothing) {
  AppliedState state = NewShardState();
  state.limits.max_value_bytes = 4;
  TestShard shard(state);
  shard.Do(Append{"k", "abc"});
  EXPECT_EQ(shard.Do(Append{"k", "de"}), (CommandResult{.code = ResultCode::kTooLarge}));
  EXPECT_EQ(shard.Do(Append{"k", "d"}).code, ResultCode::kOk);
  EXPECT_THAT(shard.Value("k"), Optional(std::string("abcd")));
}

TEST(Batch, RunsInOrderAndReadsItsOwnWrites) {
  TestShard shard;
  const CommandResult result = shard.Do(
      Batch{{Put{"{t}n", "1"}, Increment{"{t}n", 2}, Append{"{t}n", "x"}, Delete{"{t}gone"}}});
  EXPECT_EQ(result, (CommandResult{.version = 3,
                                   .nested = {{.version = 1},
                                              {.version = 2, .value = "3"},
                                              {.version = 3},
                                              {.code = ResultCode::kNotFound}}}));
  EXPECT_THAT(shard.GetRow("{t}n"), Optional(Row{"{t}n", "3x", 3, 1}));
}

TEST(Batch, ChangesNothingWhenAnOperationFails) {
  TestShard shard;
  shard.Do(Put{"{t}text", "abc"});
  const CommandResult result = shard.Do(
      Batch{{Put{"{t}a", "1"}, Delete{"{t}text"}, Put{"{t}text", "d"}, Increment{"{t}text", 1}}});
  EXPECT_EQ(result, (CommandResult{.code = ResultCode::kNotANumber, .failed_operation = 3}));
  EXPECT_EQ(shard.GetRow("{t}a"), std::nullopt);
  EXPECT_THAT(shard.GetRow("{t}text"), Optional(Row{"{t}text", "abc", 1, 1}));
  EXPECT_EQ(shard.applied().revision, 1);
}

TEST(Batch, LeavesNothingBehindForTheNextCommandWhenItFails) {
  TestShard shard;
  const auto results = shard.Apply({{.operation = Batch{{Put{"{t}n", "x"}, Increment{"{t}n", 1}}}},
                                    {.operation = Increment{"{t}n", 1}}});
  EXPECT_EQ(results[0].code, ResultCode::kNotANumber);
  EXPECT_EQ(results[1], (CommandResult{.version = 1, .value = "1"}));
}

TEST(Batch, OfDeletesThatFindNothingHasNoVersion) {
  TestShard shard;
  shard.Do(Put{"{t}other", ""});
  EXPECT_EQ(shard.Do(Batch{{Delete{"{t}a"}}}),
            (CommandResult{.nested = {{.code = ResultCode::kNotFound}}}));
}

TEST(Txn, RunsThenWhenAllConditionsHold) {
  TestShard shard;
  shard.Do(Put{"{t}a", "1"});
  const CommandResult result = shard.Do(Txn{.conditions = {HasValue("{t}a", "1"), Absent("{t}b")},
                                            .then = {Put{"{t}b", "2"}},
                                            .otherwise = {Put{"{t}c", "3"}}});
  EXPECT_EQ(result,
            (CommandResult{.version = 2, .nested = {{.version = 2}}, .conditions_held = true}));
  EXPECT_THAT(shard.Value("{t}b"), Optional(std::string("2")));
  EXPECT_EQ(shard.Value("{t}c"), std::nullopt);
}

TEST(Txn, RunsOtherwiseWhenOneConditionFails) {
  TestShard shard;
  const CommandResult result = shard.Do(Txn{.conditions = {Absent("{t}a"), Exists("{t}b")},
                                            .then = {Put{"{t}b", "2"}},
                                            .otherwise = {Put{"{t}c", "3"}}});
  EXPECT_EQ(result, (CommandResult{.version = 1, .nested = {{.version = 1}}}));
  EXPECT_EQ(shard.Value("{t}b"), std::nullopt);
  EXPECT_THAT(shard.Value("{t}c"), Optional(std::string("3")));
}

TEST(Txn, ChangesNothingWhenAnOperationFails) {
  TestShard shard;
  const CommandResult result =
      shard.Do(Txn{.then = {Put{"{t}a", "x"}, Increment{"{t}a", 1}, Put{"{t}b", "y"}}});
  EXPECT_EQ(result,
            (CommandResult{
                .code = ResultCode::kNotANumber, .failed_operation = 1, .conditions_held = true}));
  EXPECT_EQ(shard.Value("{t}a"), std::nullopt);
}

TEST(Txn, WithoutConditionsRunsThen) {
  TestShard shard;
  EXPECT_TRUE(shard.Do(Txn{.then = {Put{"a", ""}}}).conditions_held);
}

TEST(Txn, SeesTheWritesOfTheSameEntry) {
  TestShard shard;
  const auto results =
      shard.Apply({{.operation = Put{"a", "1"}},
                   {.operation = Txn{.conditions = {HasVersion("a", 1)}, .then = {Delete{"a"}}}},
                   {.operation = CompareAndSwap{Absent("a"), "2"}}});
  EXPECT_TRUE(results[1].conditions_held);
  EXPECT_EQ(results[2], (CommandResult{.version = 3}));
}

TEST(DeleteRange, RemovesTheKeysOfTheRange) {
  TestShard shard;
  for (const char* key : {"a", "b", "c", "d"}) shard.Do(Put{key, ""});
  EXPECT_EQ(shard.Do(DeleteRange{.from = "b", .to = "d", .limit = 10}),
            (CommandResult{.version = 6, .deleted = 2, .arc = sharding::Arc()}));
  EXPECT_NE(shard.GetRow("a"), std::nullopt);
  EXPECT_EQ(shard.GetRow("b"), std::nullopt);
  EXPECT_EQ(shard.GetRow("c"), std::nullopt);
  EXPECT_NE(shard.GetRow("d"), std::nullopt);
}

TEST(DeleteRange, StopsAtItsLimitAndSaysWhereToGoOn) {
  TestShard shard;
  for (const char* key : {"a", "b", "c"}) shard.Do(Put{key, ""});
  const CommandResult first = shard.Do(DeleteRange{.limit = 2});
  EXPECT_EQ(first,
            (CommandResult{.version = 5, .deleted = 2, .next_key = "c", .arc = sharding::Arc()}));
  EXPECT_EQ(shard.Do(DeleteRange{.from = first.next_key, .limit = 2}),
            (CommandResult{.version = 6, .deleted = 1, .arc = sharding::Arc()}));
}

TEST(DeleteRange, OfNothingChangesNothing) {
  TestShard shard;
  EXPECT_EQ(shard.Do(DeleteRange{.limit = 2}), (CommandResult{.arc = sharding::Arc()}));
  EXPECT_EQ(shard.applied().revision, 0);
}

TEST(DeleteRange, SeesTheWritesOfTheSameEntry) {
  TestShard shard;
  shard.Do(Put{"b", "old"});
  shard.Do(Put{"d", "old"});
  const auto results = shard.Apply({{.operation = Put{"c", ""}},
                                    {.operation = Put{"a", ""}},
                                    {.operation = Delete{"d"}},
                                    {.operation = Put{"b", "new"}},
                                    {.operation = DeleteRange{.limit = 10}}});
  EXPECT_EQ(results.back().deleted, 3);
  EXPECT_TRUE(shard.Read({.operation = ScanPage{}}).rows.empty());
}

TEST(DeleteRange, StopsAfterReadingManyBytes) {
  TestShard shard;
  for (int i = 0; i < 10; ++i) shard.Do(Put{std::string(1, 'a' + i), std::string(1 << 20, 'x')});
  const CommandResult result = shard.Do(DeleteRange{.limit = 1000});
  EXPECT_EQ(result.deleted, 4);
  EXPECT_EQ(result.next_key, "e");
}

}  // namespace
}  // namespace flotilla::kv
