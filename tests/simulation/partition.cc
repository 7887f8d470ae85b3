#include "tests/simulation/partition.h"

#include <algorithm>
#include <numeric>

namespace flotilla::simulation {

namespace {

void CutBothWays(Cuts& cuts, size_t a, size_t b) {
  cuts[a][b] = true;
  cuts[b][a] = true;
}

// Machines in a random order: shapes are drawn on positions.
std::vector<size_t> Positions(size_t machines, Random& random) {
  std::vector<size_t> order(machines);
  std::iota(order.begin(), order.end(), size_t{0});
  random.Shuffle(order);
  return order;
}

void CutSides(Cuts& cuts, const std::vector<size_t>& order, size_t split, bool bridge) {
  for (size_t a = bridge ? 1 : 0; a < split; ++a) {
    for (size_t b = split; b < order.size(); ++b) CutBothWays(cuts, order[a], order[b]);
  }
}

// Each keeps its links to the machines nearest in a ring.
void CutMajorityRing(Cuts& cuts, const std::vector<size_t>& order) {
  const size_t size = order.size();
  // On either side: half of the others are a majority with oneself.
  const size_t reach = (size / 2 + 1) / 2;
  for (size_t a = 0; a < size; ++a) {
    for (size_t b = a + 1; b < size; ++b) {
      const size_t distance = std::min(b - a, size - (b - a));
      if (distance > reach) CutBothWays(cuts, order[a], order[b]);
    }
  }
}

// The first half and one are meshed; each of the others has a link to one of them, no two to the
// same while there are enough.
void CutChain(Cuts& cuts, const std::vector<size_t>& order) {
  const size_t meshed = order.size() / 2 + 1;
  for (size_t a = meshed; a < order.size(); ++a) {
    const size_t holds_on_to = 1 + (a - meshed) % (meshed - 1);
    for (size_t b = 0; b < a; ++b) {
      if (b != holds_on_to) CutBothWays(cuts, order[a], order[b]);
    }
  }
}

bool Contains(const std::vector<NodeIndex>& nodes, size_t node) {
  return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

// All leaders on one side where there is another side; else one of them.
std::vector<NodeIndex> LeadersToCut(const PartitionGround& ground, Random& random) {
  const bool some_follow = ground.leaders.size() < ground.machines;
  const NodeIndex one = random.Pick(ground.leaders);
  if (some_follow && random.Chance(1, 2)) return ground.leaders;
  return {one};
}

void CutLeaders(Cuts& cuts, const PartitionGround& ground, Random& random, bool both_ways) {
  const std::vector<NodeIndex> leaders = LeadersToCut(ground, random);
  for (const NodeIndex leader : leaders) {
    for (size_t peer = 0; peer < ground.machines; ++peer) {
      if (Contains(leaders, peer)) continue;
      cuts[leader][peer] = true;
      cuts[peer][leader] = both_ways;
    }
  }
}

void CutClients(Cuts& cuts, const PartitionGround& ground, bool from_leaders) {
  for (size_t client = ground.machines; client < ground.nodes(); ++client) {
    for (size_t machine = 0; machine < ground.machines; ++machine) {
      if (Contains(ground.leaders, machine) == from_leaders) CutBothWays(cuts, client, machine);
    }
  }
}

// Each client stands beside some machine, or outside of it all, where it reaches everyone.
void PlaceClients(Cuts& cuts, const PartitionGround& ground, Random& random) {
  for (size_t client = ground.machines; client < ground.nodes(); ++client) {
    const size_t host = random.Below(ground.machines);
    if (random.Chance(1, 2)) continue;
    for (size_t machine = 0; machine < ground.machines; ++machine) {
      cuts[client][machine] = cuts[host][machine];
      cuts[machine][client] = cuts[machine][host];
    }
  }
}

}  // namespace

std::string_view ToString(PartitionShape shape) {
  switch (shape) {
    case PartitionShape::kHalves:
      return "halves";
    case PartitionShape::kIsolateOne:
      return "isolate_one";
    case PartitionShape::kDeaf:
      return "deaf";
    case PartitionShape::kMute:
      return "mute";
    case PartitionShape::kBridge:
      return "bridge";
    case PartitionShape::kMajorityRing:
      return "majority_ring";
    case PartitionShape::kChain:
      return "chain";
    case PartitionShape::kOneLink:
      return "one_link";
    case PartitionShape::kRandomOneWays:
      return "random_one_ways";
    case PartitionShape::kLeadersAlone:
      return "leaders_alone";
    case PartitionShape::kLeadersUnheard:
      return "leaders_unheard";
    case PartitionShape::kClientsToLeaders:
      return "clients_to_leaders";
    case PartitionShape::kClientsToOthers:
      return "clients_to_others";
  }
  return "";
}

PartitionShape DrawShape(const PartitionGround& ground, Random& random) {
  const PartitionShape last = ground.leaders.empty() ? PartitionShape::kRandomOneWays
                              : ground.clients == 0  ? PartitionShape::kLeadersUnheard
                                                     : kLastPartitionShape;
  return static_cast<PartitionShape>(random.Below(static_cast<uint64_t>(last) + 1));
}

Cuts DrawCuts(PartitionShape shape, const PartitionGround& ground, Random& random) {
  const size_t machines = ground.machines;
  Cuts cuts(ground.nodes(), std::vector<bool>(ground.nodes(), false));
  if (machines < 2) return cuts;
  const std::vector<size_t> order = Positions(machines, random);
  switch (shape) {
    case PartitionShape::kHalves:
      CutSides(cuts, order, random.Between(1, machines - 1), false);
      break;
    case PartitionShape::kIsolateOne:
      CutSides(cuts, order, 1, false);
      break;
    case PartitionShape::kDeaf:
      for (size_t peer = 0; peer < machines; ++peer) cuts[peer][order[0]] = peer != order[0];
      break;
    case PartitionShape::kMute:
      for (size_t peer = 0; peer < machines; ++peer) cuts[order[0]][peer] = peer != order[0];
      break;
    case PartitionShape::kBridge:
      CutSides(cuts, order, machines / 2 + 1, true);
      break;
    case PartitionShape::kMajorityRing:
      CutMajorityRing(cuts, order);
      break;
    case PartitionShape::kChain:
      CutChain(cuts, order);
      break;
    case PartitionShape::kOneLink:
      CutBothWays(cuts, order[0], order[1]);
      break;
    case PartitionShape::kRandomOneWays:
      for (size_t from = 0; from < machines; ++from) {
        for (size_t to = 0; to < machines; ++to) cuts[from][to] = from != to && random.Chance(1, 3);
      }
      break;
    case PartitionShape::kLeadersAlone:
    case PartitionShape::kLeadersUnheard:
      CutLeaders(cuts, ground, random, shape == PartitionShape::kLeadersAlone);
      break;
    case PartitionShape::kClientsToLeaders:
    case PartitionShape::kClientsToOthers:
      CutClients(cuts, ground, shape == PartitionShape::kClientsToOthers);
      return cuts;
  }
  PlaceClients(cuts, ground, random);
  return cuts;
}

Cuts CutsAround(const std::set<NodeIndex>& isolated, size_t nodes) {
  Cuts cuts(nodes, std::vector<bool>(nodes, false));
  for (const NodeIndex node : isolated) {
    for (size_t peer = 0; peer < nodes; ++peer) {
      if (peer != node) CutBothWays(cuts, node, peer);
    }
  }
  return cuts;
}

void Apply(const Cuts& cuts, SimNetwork& network) {
  for (NodeIndex from = 0; from < cuts.size(); ++from) {
    for (NodeIndex to = 0; to < cuts.size(); ++to) network.Block(from, to, cuts[from][to]);
  }
}

}  // namespace flotilla::simulation
