// Runs a world for many seeds, in child processes: a seed that aborts (a CHECK, a sanitizer) or
// never ends is a failed seed like any other and the sweep goes on. Prints how to replay each
// failure.
#ifndef FLOTILLA_TESTS_SIMULATION_SWEEP_H_
#define FLOTILLA_TESTS_SIMULATION_SWEEP_H_

#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>

#include "tests/simulation/run_record.h"
#include "tests/simulation/sweep_summary.h"

namespace flotilla::simulation {

using RunSeed = std::function<RunResult(const RunRequest& request)>;

struct SweepOptions {
  uint64_t first = 1;
  uint64_t seeds = 1;
  // Child processes at a time.
  int jobs = 1;
  // One seed in so many is run twice, the first among them; both runs must have the same hash.
  uint64_t twice_one_in = 20;
  // No further seed is begun after one has failed.
  bool until_failure = false;
  // What to put before SEED=N to replay a failure.
  std::string replay_command = "make sim";
  // Failures are counted, and nothing is printed.
  bool quiet = false;
  // Where to say how far it is, every few seconds; null: nowhere.
  std::FILE* progress = nullptr;
};

SweepSummary Sweep(const RunSeed& run, const SweepOptions& options, std::FILE* out);

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_SWEEP_H_
