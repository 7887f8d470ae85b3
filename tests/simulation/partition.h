// Shapes of partitions: which directed links of some machines are cut.
#ifndef FLOTILLA_TESTS_SIMULATION_PARTITION_H_
#define FLOTILLA_TESTS_SIMULATION_PARTITION_H_

#include <string_view>
#include <vector>

#include "base/random.h"
#include "tests/simulation/sim_network.h"

namespace flotilla::simulation {

enum class PartitionShape {
  kHalves,         // two sides, anyone on either
  kIsolateOne,     // one machine alone
  kDeaf,           // one machine sends and hears nothing
  kMute,           // one machine hears and sends nothing
  kBridge,         // two sides that share one machine
  kMajorityRing,   // everyone sees a majority, no two the same one (Jepsen)
  kOneLink,        // a single link, both ways (Cloudflare, 2020-11-02)
  kRandomOneWays,  // any directed links
};
inline constexpr int kPartitionShapeCount = 8;
std::string_view ToString(PartitionShape shape);

// cut[from][to]: whether that directed link is cut.
using Cuts = std::vector<std::vector<bool>>;
Cuts DrawCuts(PartitionShape shape, size_t machines, Random& random);

// Blocks what is cut and unblocks all other links between machines.
void Apply(const Cuts& cuts, SimNetwork& network);

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_PARTITION_H_
