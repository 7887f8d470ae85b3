#include "tests/simulation/history_checks.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

using std::chrono::nanoseconds;

const KeyGroup kGroup{.tag = "g"};

Operation Ok(std::string key, OpKind kind, int from, int to) {
  Operation op;
  op.key = std::move(key);
  op.kind = kind;
  op.invoked = nanoseconds(from);
  op.completed = nanoseconds(to);
  op.fate = OpFate::kOk;
  return op;
}
Operation Put(std::string value, uint64_t version, int from, int to) {
  Operation op = Ok("k", OpKind::kWrite, from, to);
  op.argument = std::move(value);
  op.version = version;
  return op;
}
Operation StaleRead(std::optional<std::string> value, uint64_t version, int lag, int from, int to) {
  Operation op = Ok("k", OpKind::kRead, from, to);
  op.value = std::move(value);
  op.version = version;
  op.stale = true;
  op.lag = nanoseconds(lag);
  return op;
}
Operation SeenIn(uint32_t view, std::string key, std::optional<std::string> value) {
  Operation op = Ok(std::move(key), OpKind::kRead, 1, 2);
  op.value = std::move(value);
  op.view = view;
  return op;
}

Verdict Stale(const std::vector<Operation>& operations) {
  return CheckStaleReads(operations).verdict;
}
Verdict Atomic(std::vector<Operation> reads, OpFate fate = OpFate::kOk) {
  History history;
  history.Add(
      {.kind = CallKind::kReadMany, .fate = fate, .operations = std::move(reads), .tag = "g"});
  return CheckAtomicity(kGroup, history).verdict;
}

TEST(CheckAtomicity, TwinsOfOneStateAreEqual) {
  EXPECT_EQ(Atomic({SeenIn(1, "{g}a", "1.1,"), SeenIn(1, "{g}b", "1.1,")}), Verdict::kValid);
  EXPECT_EQ(Atomic({SeenIn(1, "{g}a", std::nullopt), SeenIn(1, "{g}b", std::nullopt)}),
            Verdict::kValid);
  EXPECT_EQ(Atomic({SeenIn(1, "{g}a", "1.1,"), SeenIn(1, "{g}b", "1.2,")}), Verdict::kInvalid);
  EXPECT_EQ(Atomic({SeenIn(1, "{g}a", "1.1,"), SeenIn(1, "{g}b", std::nullopt)}),
            Verdict::kInvalid);
}

TEST(CheckAtomicity, OfTwoStatesNothingIsExpected) {
  EXPECT_EQ(Atomic({SeenIn(1, "{g}a", "1.1,"), SeenIn(2, "{g}b", "1.2,")}), Verdict::kValid);
  EXPECT_EQ(Atomic({SeenIn(0, "{g}a", "1.1,"), SeenIn(0, "{g}b", "1.2,")}), Verdict::kValid);
}

TEST(CheckAtomicity, TheCountIsThatOfThePiecesInTheLog) {
  EXPECT_EQ(Atomic({SeenIn(1, "{g}n", "2"), SeenIn(1, "{g}p", "1.1,1.2,")}), Verdict::kValid);
  EXPECT_EQ(Atomic({SeenIn(1, "{g}n", std::nullopt), SeenIn(1, "{g}p", std::nullopt)}),
            Verdict::kValid);
  EXPECT_EQ(Atomic({SeenIn(1, "{g}n", "1"), SeenIn(1, "{g}p", "1.1,1.2,")}), Verdict::kInvalid);
}

TEST(CheckAtomicity, AReadWithoutAnAnswerSaysNothing) {
  EXPECT_EQ(Atomic({SeenIn(1, "{g}a", "1.1,"), SeenIn(1, "{g}b", "1.2,")}, OpFate::kFail),
            Verdict::kValid);
}

TEST(CheckStaleReads, MayBeAsOldAsTheySay) {
  const Operation first = Put("x", 1, 0, 100);
  const Operation second = Put("y", 2, 1000, 1100);
  EXPECT_EQ(Stale({first, second, StaleRead("x", 1, 5000, 5000, 5100)}), Verdict::kValid);
  EXPECT_EQ(Stale({first, second, StaleRead("x", 1, 100, 5000, 5100)}), Verdict::kInvalid);
  EXPECT_EQ(Stale({first, second, StaleRead("y", 2, 100, 5000, 5100)}), Verdict::kValid);
}

TEST(CheckStaleReads, AKeyIsNotAbsentAfterItWasWrittenUnlessItWasDeleted) {
  const Operation put = Put("x", 1, 0, 100);
  const Operation read = StaleRead(std::nullopt, 0, 0, 5000, 5100);
  EXPECT_EQ(Stale({put, read}), Verdict::kInvalid);
  Operation erase = Ok("k", OpKind::kDelete, 200, 300);
  EXPECT_EQ(Stale({put, erase, read}), Verdict::kValid);
  erase.fate = OpFate::kFail;
  EXPECT_EQ(Stale({put, erase, read}), Verdict::kInvalid);
}

TEST(CheckStaleReads, WhatTheyReadWasWritten) {
  EXPECT_EQ(Stale({StaleRead("x", 7, 0, 10, 20)}), Verdict::kInvalid);
  Operation unknown = Put("x", 0, 0, 100);
  unknown.fate = OpFate::kInfo;
  EXPECT_EQ(Stale({unknown, StaleRead("x", 7, 0, 10, 20)}), Verdict::kValid);
  unknown.fate = OpFate::kFail;
  EXPECT_EQ(Stale({unknown, StaleRead("x", 7, 0, 10, 20)}), Verdict::kInvalid);
}

TEST(CheckStaleReads, ALogHasEachPieceOnce) {
  Operation one = Ok("k", OpKind::kAppend, 0, 10);
  one.argument = "1.1,";
  Operation two = Ok("k", OpKind::kAppend, 0, 10);
  two.argument = "2.1,";
  EXPECT_EQ(Stale({one, two, StaleRead("2.1,1.1,", 3, 0, 20, 30)}), Verdict::kValid);
  EXPECT_EQ(Stale({one, two, StaleRead("1.1,1.1,", 3, 0, 20, 30)}), Verdict::kInvalid);
  EXPECT_EQ(Stale({one, two, StaleRead("1.1,3.1,", 3, 0, 20, 30)}), Verdict::kInvalid);
}

}  // namespace
}  // namespace flotilla::simulation
