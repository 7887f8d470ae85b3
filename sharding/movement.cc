#include "sharding/movement.h"

#include <algorithm>
#include <cmath>

#include "absl/functional/function_ref.h"
#include "sharding/placement.h"

namespace flotilla::sharding {

namespace {

using Amount = absl::FunctionRef<double(const PlacedNode&)>;

// Added up in the order of the nodes, so that the same view gives the same sum.
double Sum(const Placement& placement, Amount amount) {
  double sum = 0;
  for (const PlacedNode& node : placement.nodes()) sum += amount(node);
  return sum;
}

double WeightOf(const PlacedNode& node) {
  return node.Accepts() ? static_cast<double>(node.weight) : 0;
}

// `whole`: what can only be moved in one piece, so a node has its share when it has it rounded up
// or down.
double Ideal(const Placement& placement, Amount amount, bool whole) {
  const double total = Sum(placement, amount);
  const double weight = Sum(placement, WeightOf);
  double given = 0;
  double taken = 0;
  for (const PlacedNode& node : placement.nodes()) {
    // Of a node that is away for a while nothing is moved.
    if (node.state == NodeState::kDown && !node.dead) continue;
    const double share = weight == 0 ? 0 : total * WeightOf(node) / weight;
    given += std::max(0.0, amount(node) - (whole ? std::ceil(share) : share));
    taken += std::max(0.0, (whole ? std::floor(share) : share) - amount(node));
  }
  return std::max(given, taken);
}

double Highest(const Placement& placement, Amount amount) {
  const double weight = Sum(placement, WeightOf);
  const double total =
      Sum(placement, [&](const PlacedNode& node) { return node.Accepts() ? amount(node) : 0; });
  double highest = 1;
  for (const PlacedNode& node : placement.nodes()) {
    if (!node.Accepts() || total == 0) continue;
    highest = std::max(highest, amount(node) / WeightOf(node) / (total / weight));
  }
  return highest;
}

double Replicas(const PlacedNode& node) { return static_cast<double>(node.replicas); }
double Leaders(const PlacedNode& node) { return static_cast<double>(node.leaders); }
double Bytes(const PlacedNode& node) { return static_cast<double>(node.bytes); }
double Load(const PlacedNode& node) { return static_cast<double>(node.load); }

}  // namespace

Movement MovementOf(const ClusterView& view, std::span<const PlannedStep> steps,
                    Duration dead_after) {
  const Placement placement(view, dead_after);
  Movement movement;
  movement.ideal_replicas = static_cast<uint64_t>(Ideal(placement, Replicas, true));
  movement.ideal_bytes = static_cast<uint64_t>(Ideal(placement, Bytes, false));
  for (const PlannedStep& planned : steps) {
    const bool copies = std::holds_alternative<MoveReplica>(planned.step) ||
                        std::holds_alternative<AddReplica>(planned.step);
    if (!copies) continue;
    ++movement.replicas;
    movement.bytes += placement.shards()[placement.ShardAt(ShardOf(planned.step))].bytes;
  }
  return movement;
}

Imbalance ImbalanceOf(const ClusterView& view, Duration dead_after) {
  const Placement placement(view, dead_after);
  return {.replicas = Highest(placement, Replicas),
          .leaders = Highest(placement, Leaders),
          .bytes = Highest(placement, Bytes),
          .load = Highest(placement, Load)};
}

}  // namespace flotilla::sharding
