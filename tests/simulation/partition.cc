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
  const size_t reach = size / 4 + (size % 4 == 0 ? 0 : 1);
  for (size_t a = 0; a < size; ++a) {
    for (size_t b = a + 1; b < size; ++b) {
      const size_t distance = std::min(b - a, size - (b - a));
      if (distance > reach) CutBothWays(cuts, order[a], order[b]);
    }
  }
}

}  // namespace

std::string_view ToString(PartitionShape shape) {
  switch (shape) {
    case PartitionShape::kHalves:
      return "halves";
    case PartitionShape::kIsolateOne:
      return "isolate one";
    case PartitionShape::kDeaf:
      return "one is deaf";
    case PartitionShape::kMute:
      return "one is mute";
    case PartitionShape::kBridge:
      return "bridge";
    case PartitionShape::kMajorityRing:
      return "majority ring";
    case PartitionShape::kOneLink:
      return "one link";
    case PartitionShape::kRandomOneWays:
      return "random one-ways";
  }
  return "";
}

Cuts DrawCuts(PartitionShape shape, size_t machines, Random& random) {
  Cuts cuts(machines, std::vector<bool>(machines, false));
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
    case PartitionShape::kOneLink:
      CutBothWays(cuts, order[0], order[1]);
      break;
    case PartitionShape::kRandomOneWays:
      for (size_t from = 0; from < machines; ++from) {
        for (size_t to = 0; to < machines; ++to) cuts[from][to] = from != to && random.Chance(1, 3);
      }
      break;
  }
  return cuts;
}

void Apply(const Cuts& cuts, SimNetwork& network) {
  for (NodeIndex from = 0; from < cuts.size(); ++from) {
    for (NodeIndex to = 0; to < cuts.size(); ++to) network.Block(from, to, cuts[from][to]);
  }
}

}  // namespace flotilla::simulation
