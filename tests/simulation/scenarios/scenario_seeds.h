// Which seeds every scenario runs with: 1 to 5, fewer where FLOTILLA_SIM_SEEDS says that the
// simulator shall do less than usual, more where it says more.
#ifndef FLOTILLA_TESTS_SIMULATION_SCENARIOS_SCENARIO_SEEDS_H_
#define FLOTILLA_TESTS_SIMULATION_SCENARIOS_SCENARIO_SEEDS_H_

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

namespace flotilla::simulation {

inline uint64_t ScenarioSeedCount() {
  const char* seeds = std::getenv("FLOTILLA_SIM_SEEDS");
  return seeds == nullptr ? 5 : std::max<uint64_t>(1, std::stoull(seeds) / 40);
}

inline auto ScenarioSeeds() { return testing::Range<uint64_t>(1, 1 + ScenarioSeedCount()); }

// For tests that play hundreds of clusters each: one seed, more where the simulator shall do much
// more than usual.
inline auto EnumerationSeeds() {
  return testing::Range<uint64_t>(1, 2 + ScenarioSeedCount() / 100);
}
// And where it shall do less than usual, so many times fewer of those clusters.
inline uint64_t SampleFactor() { return ScenarioSeedCount() < 5 ? 6 : 1; }

// A suite whose tests are scenarios; the parameter is the seed.
class ScenarioTest : public testing::TestWithParam<uint64_t> {};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_SCENARIOS_SCENARIO_SEEDS_H_
