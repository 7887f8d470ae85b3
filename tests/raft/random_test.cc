// Run one seed alone: FLOTILLA_RAFT_SEED=n raft_test --gtest_filter='RaftRandom.*'
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "tests/raft/random_group.h"
#include <gtest/gtest.h>

namespace flotilla::raft {
namespace {

volatile std::sig_atomic_t current_seed = 0;

// A failed CHECK ends the process: say how to see it again.
void ReportSeed(int) {
  std::fprintf(stderr, "FLOTILLA_RAFT_SEED=%d raft_test --gtest_filter='RaftRandom.*'\n",
               static_cast<int>(current_seed));
  std::signal(SIGABRT, SIG_DFL);
}

uint64_t RunSeed(uint64_t seed, int steps, std::map<std::string, int>& counts) {
  current_seed = static_cast<std::sig_atomic_t>(seed);
  RandomGroup group(seed);
  group.Attack(steps);
  group.CheckLiveness();
  for (const auto& [name, count] : group.counts()) counts[name] += count;
  return group.Fingerprint();
}

class RaftRandom : public testing::Test {
 protected:
  RaftRandom() { std::signal(SIGABRT, ReportSeed); }
  ~RaftRandom() override { std::signal(SIGABRT, SIG_DFL); }

  std::map<std::string, int> counts_;
};

TEST_F(RaftRandom, StaysSafeUnderAttackAndRecovers) {
  uint64_t first = 1;
  uint64_t last = 300;
  if (const char* seed = std::getenv("FLOTILLA_RAFT_SEED")) {
    first = last = std::strtoull(seed, nullptr, 10);
  }
  if (const char* seeds = std::getenv("FLOTILLA_RAFT_SEEDS")) {
    last = std::strtoull(seeds, nullptr, 10);
  }
  for (uint64_t seed = first; seed <= last; ++seed) RunSeed(seed, 2000, counts_);
  if (first == last) return;
  for (const auto& [name, count] : counts_) {
    std::printf("%s: %d\n", name.c_str(), count);
  }
}

}  // namespace
}  // namespace flotilla::raft
