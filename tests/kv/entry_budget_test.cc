// Small entries that would make much of little.
#include "kv/entry_budget.h"

#include <cstdint>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/kv/shard_fixture.h"

namespace flotilla::kv {
namespace {

constexpr size_t kLarge = 1'000'000;
constexpr size_t kLargeValuesInBudget = EntryBudget::kMaxBytes / kLarge + 1;

// What one Apply made.
struct Outcome {
  storage::WriteBatch batch;
  std::vector<EntryResult> results;

  size_t Count(ResultCode code) const {
    size_t count = 0;
    for (const EntryResult& entry : results) {
      for (const CommandResult& result : entry.results) count += result.code == code ? 1 : 0;
    }
    return count;
  }
  size_t answer_bytes() const {
    size_t bytes = 0;
    for (const EntryResult& entry : results) {
      for (const CommandResult& result : entry.results) bytes += result.value.value_or("").size();
    }
    return bytes;
  }
};

Outcome Apply(TestShard& shard, const std::vector<raft::Entry>& entries) {
  Outcome outcome;
  const absl::Status status =
      shard.machine().Apply(shard.state(), entries, &outcome.batch, &outcome.results);
  EXPECT_TRUE(status.ok()) << status;
  shard.state().Write(outcome.batch);
  return outcome;
}

Outcome ApplyOne(TestShard& shard, const std::vector<Command>& commands) {
  return Apply(shard, {shard.MakeEntry(commands)});
}

std::string KeyOf(size_t i) { return "{t}" + std::to_string(i); }

void PutLarge(TestShard& shard, size_t rows) {
  for (size_t i = 0; i < rows; ++i) shard.Do(Put{KeyOf(i), std::string(kLarge, 'x')});
}

TEST(EntryBudget, AppendsToOneRowTakeTheMemoryOfOne) {
  TestShard shard;
  PutLarge(shard, 1);
  const std::vector<Command> appends(1000, {.operation = Append{KeyOf(0), "y"}});
  const Outcome outcome = ApplyOne(shard, appends);
  EXPECT_LE(outcome.batch.bytes(), 3 * kLarge);
  EXPECT_EQ(outcome.Count(ResultCode::kOk), kLargeValuesInBudget);
  EXPECT_EQ(outcome.Count(ResultCode::kEntryFull), appends.size() - kLargeValuesInBudget);
  EXPECT_EQ(shard.Value(KeyOf(0))->size(), kLarge + kLargeValuesInBudget);
}

TEST(EntryBudget, BoundsTheRowsThatAppendsWriteAgain) {
  TestShard shard;
  PutLarge(shard, 100);
  std::vector<Command> appends;
  for (size_t i = 0; i < 100; ++i) appends.push_back({.operation = Append{KeyOf(i), "y"}});
  const Outcome outcome = ApplyOne(shard, appends);
  EXPECT_LE(outcome.batch.bytes(), EntryBudget::kMaxBytes + 2 * kLarge);
  EXPECT_EQ(outcome.Count(ResultCode::kOk), kLargeValuesInBudget);
}

TEST(EntryBudget, BoundsTheAnswersOfFailedComparisons) {
  TestShard shard;
  PutLarge(shard, 1);
  const CompareAndSwap failing{{.kind = Condition::Kind::kAbsent, .key = KeyOf(0)}, ""};
  const Outcome outcome = ApplyOne(shard, std::vector<Command>(1000, {.operation = failing}));
  EXPECT_EQ(outcome.Count(ResultCode::kCompareFailed), kLargeValuesInBudget);
  EXPECT_LE(outcome.answer_bytes(), EntryBudget::kMaxBytes + kLarge);
}

TEST(EntryBudget, BoundsTheAnswersThatAreGivenAgain) {
  TestShard shard;
  PutLarge(shard, 1);
  const SessionToken session = shard.OpenSession();
  const CompareAndSwap failing{{.kind = Condition::Kind::kAbsent, .key = KeyOf(0)}, ""};
  const Command write{.identity = InSession(session, 1), .operation = failing};
  EXPECT_EQ(ApplyOne(shard, {write}).Count(ResultCode::kCompareFailed), 1);
  const Outcome outcome = ApplyOne(shard, std::vector<Command>(1000, write));
  EXPECT_GE(outcome.Count(ResultCode::kCompareFailed), kLargeValuesInBudget - 2);
  EXPECT_LE(outcome.answer_bytes(), EntryBudget::kMaxBytes + kLarge);
}

TEST(EntryBudget, IsNewForEveryEntryAndARetryIsTakenThere) {
  TestShard shard;
  PutLarge(shard, 1);
  const SessionToken session = shard.OpenSession();
  std::vector<Command> appends;
  for (uint64_t i = 1; i <= kLargeValuesInBudget + 1; ++i) {
    appends.push_back(
        {.identity = InSession(session, i), .operation = Append{KeyOf(0), std::string(1, 'y')}});
  }
  EXPECT_EQ(ApplyOne(shard, appends).results.front().results.back().code, ResultCode::kEntryFull);
  const CommandResult retried = ApplyOne(shard, {appends.back()}).results.front().results.front();
  EXPECT_EQ(retried.code, ResultCode::kOk);
  EXPECT_FALSE(retried.replayed);
  EXPECT_EQ(shard.Value(KeyOf(0))->size(), kLarge + appends.size());
}

TEST(EntryBudget, IsNotSpentByBlindWritesAndDeletes) {
  TestShard shard;
  PutLarge(shard, 100);
  std::vector<Command> commands;
  for (size_t i = 0; i < 100; ++i) commands.push_back({.operation = Delete{KeyOf(i)}});
  commands.push_back({.operation = Increment{"n"}});
  EXPECT_EQ(ApplyOne(shard, commands).Count(ResultCode::kOk), commands.size());
}

TEST(EntryBudget, BoundsTheBatchesThatFailAndAreTriedAgain) {
  TestShard shard;
  PutLarge(shard, 10);
  shard.Do(Put{"{t}text", "x"});
  Batch batch;
  for (size_t i = 0; i < 10; ++i) batch.operations.push_back(Delete{KeyOf(i)});
  batch.operations.push_back(Increment{"{t}text"});
  const Outcome outcome = ApplyOne(shard, std::vector<Command>(100, {.operation = batch}));
  EXPECT_EQ(outcome.Count(ResultCode::kNotANumber), 4);
  EXPECT_EQ(outcome.Count(ResultCode::kEntryFull), 96);
}

TEST(EntryBudget, BoundsTheDeleteRangesOfAnEntry) {
  TestShard shard;
  const std::vector<Command> ranges(1000, {.operation = DeleteRange{.limit = 1000}});
  EXPECT_EQ(ApplyOne(shard, ranges).Count(ResultCode::kOk), 32);
}

TEST(EntryBudget, OneBatchMayLengthenOnlySoMuch) {
  TestShard shard;
  PutLarge(shard, 100);
  Batch batch;
  for (size_t i = 0; i < 100; ++i) batch.operations.push_back(Append{KeyOf(i), "y"});
  const Outcome refused = ApplyOne(shard, {{.operation = batch}});
  const CommandResult& result = refused.results.front().results.front();
  EXPECT_EQ(result.code, ResultCode::kTooLarge);
  EXPECT_EQ(result.failed_operation, EntryBudget::kMaxLengthenedBytes / kLarge);
  EXPECT_LE(refused.batch.bytes(), 1000);
  batch.operations.resize(EntryBudget::kMaxLengthenedBytes / kLarge);
  EXPECT_EQ(ApplyOne(shard, {{.operation = batch}}).Count(ResultCode::kOk), 1);
}

TEST(EntryBudget, ACallOfApplyEndsWhenItHasDoneMuch) {
  TestShard shard;
  std::vector<raft::Entry> entries;
  for (size_t i = 0; i < 20; ++i) {
    entries.push_back(shard.MakeEntry({{.operation = Put{KeyOf(i), std::string(kLarge, 'x')}}}));
    entries.back().index = LogIndex(i + 1);
  }
  size_t calls = 0;
  while (!entries.empty()) {
    const Outcome outcome = Apply(shard, entries);
    ASSERT_FALSE(outcome.results.empty());
    EXPECT_LE(outcome.batch.bytes(), 10 * kLarge);
    EXPECT_EQ(shard.applied().index, outcome.results.back().index);
    entries.erase(entries.begin(),
                  entries.begin() + static_cast<std::ptrdiff_t>(outcome.results.size()));
    ++calls;
  }
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(shard.applied().revision, 20);
}

}  // namespace
}  // namespace flotilla::kv
