#include "tests/simulation/sweep.h"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace flotilla::simulation {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint64_t kSeeds = 40;

// What came of seeds 1 to kSeeds, and what was said about it.
std::pair<SweepSummary, std::string> SweepAll(const RunSeed& run, const SweepOptions& options = {
                                                                      .seeds = kSeeds, .jobs = 2}) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::tmpfile(), &std::fclose);
  SweepSummary summary = Sweep(run, options, out.get());
  std::string said(static_cast<size_t>(std::ftell(out.get())), '\0');
  std::rewind(out.get());
  said.resize(std::fread(said.data(), 1, said.size(), out.get()));
  return {std::move(summary), said};
}

TEST(Sweep, RunsEverySeedOnce) {
  const auto [summary, said] = SweepAll([](const RunRequest& request) {
    RunResult result{.seed = request.seed, .events = request.seed};
    result.marks["seen"] = 1;
    return result;
  });
  EXPECT_EQ(summary.seeds, kSeeds);
  EXPECT_EQ(summary.events, kSeeds * (kSeeds + 1) / 2);
  EXPECT_EQ(summary.Count("seen"), kSeeds);
  EXPECT_EQ(summary.replayed, 2u);
  EXPECT_TRUE(summary.failures.empty());
}

// The canary: what a broken rule leaves behind reaches whoever asked for the sweep.
TEST(Sweep, ReportsTheSeedThatFailed) {
  const auto [summary, said] = SweepAll([](const RunRequest& request) {
    RunResult result{.seed = request.seed};
    if (request.seed == 17) result.failure = "a rule is broken";
    return result;
  });
  ASSERT_EQ(summary.failures.size(), 1u);
  EXPECT_EQ(summary.failures[0].seed, 17u);
  EXPECT_EQ(summary.failures[0].what, "a rule is broken");
  EXPECT_THAT(said, HasSubstr("FAILED seed 17: a rule is broken"));
  EXPECT_EQ(summary.seeds, kSeeds);
}

TEST(Sweep, ASeedThatAbortsIsAFailureAndTheOthersGoOn) {
  const auto [summary, said] = SweepAll([](const RunRequest& request) {
    if (request.seed == 17) std::quick_exit(3);
    return RunResult{.seed = request.seed};
  });
  ASSERT_EQ(summary.failures.size(), 1u);
  EXPECT_EQ(summary.failures[0].seed, 17u);
  EXPECT_EQ(summary.failures[0].what, "exited with 3");
  EXPECT_EQ(summary.seeds, kSeeds);
}

TEST(Sweep, ARunThatComesOutOtherwiseTheSecondTimeIsAFailure) {
  const auto runs = std::make_shared<uint64_t>(0);
  const auto [summary, said] = SweepAll([runs](const RunRequest& request) {
    return RunResult{.seed = request.seed, .hash = ++*runs};
  });
  EXPECT_EQ(summary.nondeterministic, 2u);
  EXPECT_EQ(summary.failures.size(), 2u);
}

TEST(Sweep, EndsWithTheFirstFailureIfAsked) {
  const auto [summary, said] = SweepAll(
      [](const RunRequest& request) {
        while (request.seed != 17) ::pause();
        return RunResult{.seed = request.seed, .failure = "broken"};
      },
      {.first = 17, .seeds = kSeeds, .jobs = 2, .until_failure = true});
  EXPECT_EQ(summary.seeds, 1u);
  EXPECT_EQ(summary.failures.size(), 1u);
}

TEST(SweepSummary, NamesWhatWasNeverSeen) {
  SweepSummary summary;
  RunResult result;
  result.marks["seen"] = 3;
  summary.Add(result);
  const std::array<std::string_view, 2> required = {"seen", "missed"};
  EXPECT_THAT(summary.Missing(required), ElementsAre("missed"));
  EXPECT_THAT(summary.DescribeMarks(required), HasSubstr("never  missed"));
}

}  // namespace
}  // namespace flotilla::simulation
