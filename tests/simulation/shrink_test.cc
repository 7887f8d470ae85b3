#include "tests/simulation/shrink.h"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A world of 20 faults that fails when those numbers happen.
RunSeed FailsWith(std::set<uint64_t> needed) {
  return [needed = std::move(needed)](const RunRequest& request) {
    RunResult result{.seed = request.seed, .faults = 20};
    for (const uint64_t number : needed) {
      if (request.skipped_faults.contains(number)) return result;
    }
    result.failure = "broken after " + std::to_string(20 - request.skipped_faults.size());
    return result;
  };
}

std::set<uint64_t> Kept(const Shrunk& shrunk) {
  std::set<uint64_t> kept;
  for (uint64_t number = 0; number < shrunk.faults; ++number) {
    if (!shrunk.skipped.contains(number)) kept.insert(number);
  }
  return kept;
}

TEST(Shrink, LeavesTheFaultsThatAFailureNeeds) {
  EXPECT_THAT(Kept(Shrink(FailsWith({3, 4, 17}), 1, nullptr)), ElementsAre(3, 4, 17));
}

TEST(Shrink, AFailureMayNeedNoFault) {
  EXPECT_THAT(Kept(Shrink(FailsWith({}), 1, nullptr)), IsEmpty());
}

TEST(Shrink, ASeedThatPassesIsLeftAlone) {
  const RunSeed passes = [](const RunRequest& request) { return RunResult{.seed = request.seed}; };
  const Shrunk shrunk = Shrink(passes, 1, nullptr);
  EXPECT_TRUE(shrunk.failure.empty());
  EXPECT_EQ(shrunk.runs, 1u);
}

TEST(Shrink, AnotherFailureIsNotTheSame) {
  const RunSeed run = [](const RunRequest& request) {
    RunResult result{.seed = request.seed, .faults = 4};
    result.failure = request.skipped_faults.contains(2) ? "another 1" : "the one 2";
    return result;
  };
  EXPECT_THAT(Kept(Shrink(run, 1, nullptr)), ElementsAre(2));
}

TEST(Shrink, AbortsAreFailures) {
  const RunSeed run = [](const RunRequest& request) {
    if (!request.skipped_faults.contains(5)) std::abort();
    return RunResult{.seed = request.seed};
  };
  EXPECT_THAT(Kept(Shrink(run, 1, nullptr)), ElementsAre(5));
}

TEST(Numbers, AreWrittenAsRanges) {
  EXPECT_EQ(EncodeNumbers({1, 2, 3, 7, 9, 10}), "1-3,7,9-10");
  std::set<uint64_t> numbers;
  EXPECT_TRUE(DecodeNumbers("1-3,7,9-10", numbers));
  EXPECT_THAT(numbers, ElementsAre(1, 2, 3, 7, 9, 10));
  EXPECT_FALSE(DecodeNumbers("1-,2", numbers));
  EXPECT_FALSE(DecodeNumbers("3-1", numbers));
  EXPECT_FALSE(DecodeNumbers("1;2", numbers));
}

}  // namespace
}  // namespace flotilla::simulation
