// Finds few faults with which a seed still fails in the same way: delta debugging (Zeller and
// Hildebrandt, TSE 2002) over the numbered faults of its schedule (fault_schedule.h).
#ifndef FLOTILLA_TESTS_SIMULATION_SHRINK_H_
#define FLOTILLA_TESTS_SIMULATION_SHRINK_H_

#include <cstdint>
#include <cstdio>
#include <set>
#include <string>
#include <string_view>

#include "tests/simulation/sweep.h"

namespace flotilla::simulation {

struct Shrunk {
  std::string failure;  // empty: the seed does not fail
  uint64_t faults = 0;  // of the whole schedule
  // Without these it fails all the same, and with any further one skipped it does not.
  std::set<uint64_t> skipped;
  uint64_t runs = 0;
};

// Runs the seed many times, in child processes. Says how far it is on `progress` unless null.
Shrunk Shrink(const RunSeed& run, uint64_t seed, std::FILE* progress);

// Whether two failures are of one kind: the same but for numbers.
bool IsSameKind(std::string_view a, std::string_view b);

// "1-3,7" and back; false when the text is none.
std::string EncodeNumbers(const std::set<uint64_t>& numbers);
bool DecodeNumbers(std::string_view text, std::set<uint64_t>& numbers);

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_SHRINK_H_
