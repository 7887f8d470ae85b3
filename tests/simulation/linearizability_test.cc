#include "tests/simulation/linearizability.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

using std::chrono::nanoseconds;

constexpr uint64_t kSteps = 100'000;

// An operation that succeeded in [from, to].
Operation Ok(OpKind kind, int from, int to) {
  Operation op;
  op.key = "k";
  op.kind = kind;
  op.invoked = nanoseconds(from);
  op.completed = nanoseconds(to);
  op.fate = OpFate::kOk;
  return op;
}
Operation Read(std::optional<std::string> value, int from, int to, uint64_t version = 0) {
  Operation op = Ok(OpKind::kRead, from, to);
  op.value = std::move(value);
  op.version = version;
  return op;
}
Operation Write(std::string value, int from, int to, uint64_t version = 0) {
  Operation op = Ok(OpKind::kWrite, from, to);
  op.argument = std::move(value);
  op.version = version;
  return op;
}
Operation Cas(std::optional<std::string> expected, std::string value, bool held, int from, int to) {
  Operation op = Ok(OpKind::kCas, from, to);
  op.expected = std::move(expected);
  op.argument = std::move(value);
  op.held = held;
  return op;
}
Operation Increment(std::string result, int from, int to) {
  Operation op = Ok(OpKind::kIncrement, from, to);
  op.argument = "1";
  op.value = std::move(result);
  return op;
}
Operation Unknown(Operation op) {
  op.fate = OpFate::kInfo;
  return op;
}
Operation Failed(Operation op) {
  op.fate = OpFate::kFail;
  return op;
}

Verdict Judge(const std::vector<Operation>& operations) {
  return CheckLinearizable(operations, kSteps).verdict;
}

TEST(CheckLinearizable, AcceptsNothingAndASequence) {
  EXPECT_EQ(Judge({}), Verdict::kValid);
  EXPECT_EQ(Judge({Read(std::nullopt, 1, 2), Write("a", 3, 4), Read("a", 5, 6)}), Verdict::kValid);
}

TEST(CheckLinearizable, RefusesAStaleRead) {
  EXPECT_EQ(Judge({Write("a", 1, 2), Write("b", 3, 4), Read("a", 5, 6)}), Verdict::kInvalid);
}

TEST(CheckLinearizable, RefusesALostWrite) {
  EXPECT_EQ(Judge({Write("a", 1, 2), Read(std::nullopt, 3, 4)}), Verdict::kInvalid);
}

TEST(CheckLinearizable, RefusesAValueThatNobodyWrote) {
  EXPECT_EQ(Judge({Write("a", 1, 2), Read("x", 3, 4)}), Verdict::kInvalid);
}

TEST(CheckLinearizable, LongValuesThatDifferAtTheirEndsAreDifferent) {
  const std::string value(1000, 'a');
  EXPECT_EQ(Judge({Write(value, 0, 1), Read(value, 2, 3)}), Verdict::kValid);
  EXPECT_EQ(Judge({Write(value + "b", 0, 1), Read(value + "c", 2, 3)}), Verdict::kInvalid);
  EXPECT_EQ(Judge({Write(value + "b", 0, 1), Write(value + "c", 2, 3), Read(value + "b", 4, 5)}),
            Verdict::kInvalid);
}

TEST(CheckLinearizable, ConcurrentOperationsMayTakeAnyOrderButOneForAll) {
  EXPECT_EQ(Judge({Write("a", 1, 10), Write("b", 1, 10), Read("a", 11, 12)}), Verdict::kValid);
  EXPECT_EQ(Judge({Write("a", 1, 10), Write("b", 1, 10), Read("b", 11, 12)}), Verdict::kValid);
  EXPECT_EQ(Judge({Write("a", 1, 10), Write("b", 1, 10), Read("a", 11, 12), Read("b", 13, 14)}),
            Verdict::kInvalid);
}

TEST(CheckLinearizable, AReadMayNotGoBackWhileAWriteIsUnderWay) {
  EXPECT_EQ(Judge({Write("a", 1, 2), Write("b", 3, 20), Read("b", 4, 5), Read("a", 6, 7)}),
            Verdict::kInvalid);
}

TEST(CheckLinearizable, AnUnknownWriteMayHappenLateOrNever) {
  EXPECT_EQ(Judge({Unknown(Write("a", 1, 2)), Read(std::nullopt, 50, 51), Read("a", 60, 61)}),
            Verdict::kValid);
  EXPECT_EQ(Judge({Unknown(Write("a", 1, 2)), Read(std::nullopt, 50, 51)}), Verdict::kValid);
  EXPECT_EQ(Judge({Unknown(Write("a", 5, 6)), Read("a", 1, 2)}), Verdict::kInvalid)
      << "not before it was invoked";
}

TEST(CheckLinearizable, AnUnknownWriteHappensOnceAtMost) {
  EXPECT_EQ(Judge({Unknown(Write("a", 1, 2)), Read("a", 3, 4), Write("b", 5, 6), Read("a", 7, 8)}),
            Verdict::kInvalid);
}

TEST(CheckLinearizable, AFailedWriteNeverHappens) {
  EXPECT_EQ(Judge({Failed(Write("a", 1, 2)), Read("a", 3, 4)}), Verdict::kInvalid);
}

TEST(CheckLinearizable, ACompareAndSwapSaysWhatWasThere) {
  EXPECT_EQ(Judge({Cas(std::nullopt, "a", true, 1, 2), Cas("a", "b", true, 3, 4),
                   Cas("a", "c", false, 5, 6), Read("b", 7, 8)}),
            Verdict::kValid);
  EXPECT_EQ(Judge({Write("a", 1, 2), Cas("b", "c", true, 3, 4)}), Verdict::kInvalid);
  EXPECT_EQ(Judge({Write("a", 1, 2), Cas("a", "c", false, 3, 4)}), Verdict::kInvalid);
}

TEST(CheckLinearizable, ACompareAndSwapThatSawTheValueMustHaveSeenTheRightOne) {
  Operation refused = Cas("a", "b", false, 20, 30);
  refused.saw = true;
  refused.value = "x";
  EXPECT_EQ(Judge({Write("x", 0, 10), refused}), Verdict::kValid);
  refused.value = "y";
  EXPECT_EQ(Judge({Write("x", 0, 10), refused}), Verdict::kInvalid);
}

TEST(CheckLinearizable, StaleReadsAreJudgedElsewhere) {
  Operation read = Read(std::nullopt, 20, 30);
  EXPECT_EQ(Judge({Write("x", 0, 10), read}), Verdict::kInvalid);
  read.stale = true;
  EXPECT_EQ(Judge({Write("x", 0, 10), read}), Verdict::kValid);
}

TEST(CheckLinearizable, AnIncrementAppliedTwiceIsSeen) {
  EXPECT_EQ(Judge({Increment("1", 1, 2), Increment("2", 3, 4)}), Verdict::kValid);
  EXPECT_EQ(Judge({Increment("1", 1, 2), Increment("3", 3, 4)}), Verdict::kInvalid);
  EXPECT_EQ(Judge({Unknown(Increment("", 1, 2)), Increment("2", 3, 4)}), Verdict::kValid);
  EXPECT_EQ(Judge({Unknown(Increment("", 1, 2)), Increment("3", 3, 4)}), Verdict::kInvalid);
}

TEST(CheckLinearizable, ADeleteSaysWhetherSomethingWasThere) {
  Operation blind = Ok(OpKind::kDelete, 3, 4);
  blind.blind = true;
  EXPECT_EQ(Judge({blind, Read(std::nullopt, 5, 6)}), Verdict::kValid) << "of nothing";
  EXPECT_EQ(Judge({Write("a", 1, 2), blind, Read(std::nullopt, 5, 6)}), Verdict::kValid);
  EXPECT_EQ(Judge({Write("a", 1, 2), blind, Read("a", 5, 6)}), Verdict::kInvalid);
  Operation absent = Ok(OpKind::kDelete, 3, 4);
  absent.held = false;
  EXPECT_EQ(Judge({Write("a", 1, 2), absent}), Verdict::kInvalid);
  EXPECT_EQ(Judge({Write("a", 1, 2), Ok(OpKind::kDelete, 3, 4), Read(std::nullopt, 5, 6)}),
            Verdict::kValid);
}

TEST(CheckLinearizable, ASearchThatTakesTooLongIsUnknown) {
  std::vector<Operation> operations;
  for (int i = 0; i < 12; ++i) operations.push_back(Write(std::to_string(i), 1, 100));
  operations.push_back(Read("none of them", 101, 102));
  EXPECT_EQ(CheckLinearizable(operations, 1000).verdict, Verdict::kUnknown);
}

TEST(CheckVersions, AcceptsVersionsThatGrow) {
  EXPECT_EQ(CheckVersions(
                {Write("a", 1, 2, 1), Read("a", 3, 4, 1), Write("b", 3, 9, 2), Read("b", 5, 6, 2)})
                .verdict,
            Verdict::kValid);
}

TEST(CheckVersions, RefusesOneVersionTwice) {
  EXPECT_EQ(CheckVersions({Write("a", 1, 2, 1), Write("b", 3, 4, 1)}).verdict, Verdict::kInvalid);
}

TEST(CheckVersions, RefusesAVersionWithAnotherValue) {
  EXPECT_EQ(CheckVersions({Write("a", 1, 2, 1), Read("b", 3, 4, 1)}).verdict, Verdict::kInvalid);
}

TEST(CheckVersions, RefusesAVersionThatGoesBack) {
  EXPECT_EQ(CheckVersions({Write("a", 1, 2, 1), Write("b", 3, 4, 2), Read("a", 5, 6, 1)}).verdict,
            Verdict::kInvalid);
}

}  // namespace
}  // namespace flotilla::simulation
