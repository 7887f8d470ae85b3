// Clients that work while a cluster is shaken in rounds: the generic test of parts 4B and 4C of the
// labs of MIT 6.5840.
#ifndef FLOTILLA_TESTS_SIMULATION_SCENARIOS_STORM_H_
#define FLOTILLA_TESTS_SIMULATION_SCENARIOS_STORM_H_

#include <cstdint>

#include "tests/simulation/scenarios/scenario.h"

namespace flotilla::simulation {

struct Storm {
  NodeIndex nodes = 5;
  size_t clients = 5;
  bool unreliable = false;
  // Two sides, anyone on either, again and again.
  bool partitions = false;
  // All nodes lose their power at the end of each round.
  bool crashes = false;
  bool small_log = false;
  // All on one list instead of many keys.
  bool one_key = false;
  uint32_t value_bytes = 0;
  int rounds = 3;
  Duration round = std::chrono::seconds(3);
};

// All clients get their answers, all nodes agree, and logs stay short.
void RunStorm(uint64_t seed, const Storm& storm);

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_SCENARIOS_STORM_H_
