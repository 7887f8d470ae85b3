// Shapes of partitions: which directed links of some machines and their clients are cut.
#ifndef FLOTILLA_TESTS_SIMULATION_PARTITION_H_
#define FLOTILLA_TESTS_SIMULATION_PARTITION_H_

#include <set>
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
  kChain,          // half are meshed, each other one hangs on one of them (Raft's lost liveness)
  kOneLink,        // a single link, both ways (Cloudflare, 2020-11-02)
  kRandomOneWays,  // any directed links
  // Those that need a leader.
  kLeadersAlone,      // leaders are cut off from all other machines
  kLeadersUnheard,    // leaders hear everyone and nobody hears them
  kClientsToLeaders,  // clients reach leaders only
  kClientsToOthers,   // clients reach everyone but the leaders
};
inline constexpr PartitionShape kLastPartitionShape = PartitionShape::kClientsToOthers;
std::string_view ToString(PartitionShape shape);

// Machines have the node indices from 0 on, clients those after them.
struct PartitionGround {
  size_t machines = 0;
  size_t clients = 0;
  std::vector<NodeIndex> leaders{};  // machines; ascending

  size_t nodes() const { return machines + clients; }
};

// One of the shapes that the ground allows.
PartitionShape DrawShape(const PartitionGround& ground, Random& random);

// cut[from][to]: whether that directed link is cut.
using Cuts = std::vector<std::vector<bool>>;
Cuts DrawCuts(PartitionShape shape, const PartitionGround& ground, Random& random);

// All links of those nodes.
Cuts CutsAround(const std::set<NodeIndex>& isolated, size_t nodes);

// Blocks what is cut and unblocks all other links.
void Apply(const Cuts& cuts, SimNetwork& network);

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_PARTITION_H_
