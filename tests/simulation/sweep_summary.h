// What came of many seeds, and the situations that many seeds must have seen.
#ifndef FLOTILLA_TESTS_SIMULATION_SWEEP_SUMMARY_H_
#define FLOTILLA_TESTS_SIMULATION_SWEEP_SUMMARY_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/simulation/run_record.h"

namespace flotilla::simulation {

struct SweepFailure {
  uint64_t seed = 0;
  std::string what;
};

struct SweepSummary {
  uint64_t seeds = 0;
  uint64_t replayed = 0;  // run twice
  uint64_t nondeterministic = 0;
  uint64_t events = 0;
  uint64_t ops = 0;
  uint64_t acked = 0;
  uint64_t faults = 0;
  Duration virtual_time{};
  Duration wall_time{};
  Duration core_time{};  // of all processors, both runs of replayed seeds
  std::map<std::string, uint64_t> marks;
  std::vector<SweepFailure> failures;

  void Add(const RunResult& result);
  uint64_t Count(std::string_view mark) const;
  std::vector<std::string_view> Missing(std::span<const std::string_view> required) const;
  // A table of all marks, and which of the required ones are missing.
  std::string DescribeMarks(std::span<const std::string_view> required) const;
  // One line, as the last of a sweep.
  std::string ToJson(std::span<const std::string_view> required) const;
};

// What a sweep of a few hundred seeds must have seen: what never came up was not tested.
std::span<const std::string_view> RequiredRaftMarks();
std::span<const std::string_view> RequiredClusterMarks();
inline constexpr uint64_t kSeedsForAllMarks = 200;

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_SWEEP_SUMMARY_H_
