// Runs a world for many seeds, in child processes: a seed that aborts (a CHECK, a sanitizer) is a
// failed seed like any other and the sweep goes on. Prints how to replay each failure.
#ifndef FLOTILLA_TESTS_SIMULATION_SWEEP_H_
#define FLOTILLA_TESTS_SIMULATION_SWEEP_H_

#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/simulation/run_record.h"

namespace flotilla::simulation {

using RunSeed = std::function<RunResult(uint64_t seed, std::FILE* trace)>;

struct SweepOptions {
  uint64_t first = 1;
  uint64_t seeds = 1;
  // Child processes at a time.
  int jobs = 1;
  // Per mille of the seeds are run twice; both runs must have the same hash.
  uint32_t twice = 1000;
  // What to put before --seed=N to replay a failure.
  std::string replay_command = "simulate";
};

struct SweepFailure {
  uint64_t seed = 0;
  std::string what;
};

struct SweepSummary {
  uint64_t seeds = 0;
  uint64_t events = 0;
  Duration virtual_time{};
  Duration wall_time{};
  std::map<std::string, uint64_t> marks;
  std::vector<SweepFailure> failures;

  // One line, as the last of a sweep.
  std::string ToJson() const;
};

SweepSummary Sweep(const RunSeed& run, const SweepOptions& options, std::FILE* out);

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_SWEEP_H_
