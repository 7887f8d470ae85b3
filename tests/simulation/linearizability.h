// Whether the operations on one key could have happened one after the other, each at some moment
// between its invocation and its completion (Herlihy and Wing, TOPLAS 1990). The search is that of
// Wing and Gong with Lowe's memory of visited states, as in Porcupine. The versions that clients
// saw say in which order most operations happened, so it tries no other: what fits the values alone
// is no valid history. CheckVersions looks at versions only, which makes it linear and a check of
// its own.
#ifndef FLOTILLA_TESTS_SIMULATION_LINEARIZABILITY_H_
#define FLOTILLA_TESTS_SIMULATION_LINEARIZABILITY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/history.h"

namespace flotilla::simulation {

enum class Verdict : uint8_t {
  kValid,
  kInvalid,
  kUnknown,  // the search was given up; never to be taken for valid
};

struct Judgement {
  Verdict verdict = Verdict::kValid;
  // Of an invalid history: the operation that no order could place, in words.
  std::string reason;
};

// Gives up after `steps_max` placements. Stale reads are left out: see history_checks.h.
Judgement CheckLinearizable(const std::vector<Operation>& operations, uint64_t steps_max);

// Versions of one key: no two writes share one; what is read under a version is what was written
// under it; and what is invoked after something completed has no lower version, unless it is a
// stale read.
Judgement CheckVersions(const std::vector<Operation>& operations);

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_LINEARIZABILITY_H_
