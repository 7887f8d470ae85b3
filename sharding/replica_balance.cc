// Even numbers of replicas: a node that joins is filled from the fullest ones, and nothing else
// moves.
#include <optional>
#include <tuple>
#include <vector>

#include "sharding/planner_phases.h"
#include "sharding/share_balance.h"

namespace flotilla::sharding {

namespace {

// Longer chains exist only in contrived zones.
constexpr size_t kLongestChain = 3;

struct Totals {
  uint64_t weight = 0;
  uint64_t replicas = 0;
  uint64_t bytes = 0;
};

Totals TotalsOf(const Placement& placement) {
  Totals totals;
  for (const PlacedNode& node : placement.nodes()) {
    if (node.state != NodeState::kUp) continue;
    totals.weight += node.weight;
    totals.replicas += node.replicas;
    totals.bytes += node.bytes;
  }
  return totals;
}

// How large a replica the node should get next, so that it has its share of the bytes when it has
// its share of the replicas.
uint64_t WantedBytes(const Totals& totals, const PlacedNode& node) {
  if (totals.weight == 0) return 0;
  const double part = static_cast<double>(node.weight) / static_cast<double>(totals.weight);
  const double bytes = static_cast<double>(totals.bytes) * part - static_cast<double>(node.bytes);
  const double replicas =
      static_cast<double>(totals.replicas) * part - static_cast<double>(node.replicas);
  if (bytes <= 0) return 0;
  return static_cast<uint64_t>(bytes / (replicas < 1 ? 1 : replicas));
}

std::optional<Step> BestMove(const Placement& placement, const Totals& totals, NodeIndex from,
                             NodeIndex to) {
  const PlacedNode& target = placement.nodes()[to];
  if (!target.Accepts()) return std::nullopt;
  const uint64_t wanted = WantedBytes(totals, target);
  // Followers before leaders, then the size that fits, then rendezvous hashing.
  using Rank = std::tuple<bool, uint64_t, uint64_t>;
  std::optional<Rank> best;
  Step move;
  for (const ShardIndex i : placement.nodes()[from].shards) {
    const PlacedShard& shard = placement.shards()[i];
    if (!placement.IsHealthy(shard) || !placement.Fits(shard, to)) continue;
    if (placement.Conflicts(shard, from, to) > placement.Conflicts(shard)) continue;
    const uint64_t misfit = shard.bytes < wanted ? wanted - shard.bytes : shard.bytes - wanted;
    const Rank rank{shard.leader == from, misfit, ~Affinity(shard, target)};
    if (best.has_value() && *best <= rank) continue;
    best = rank;
    move = MoveReplica{shard.id, placement.nodes()[from].id, target.id};
  }
  if (!best.has_value()) return std::nullopt;
  return move;
}

}  // namespace

StepGroup NextReplicaBalance(const Placement& placement) {
  std::vector<Holder> holders;
  for (NodeIndex i = 0; i < placement.nodes().size(); ++i) {
    const PlacedNode& node = placement.nodes()[i];
    if (node.state == NodeState::kUp) holders.push_back({i, {node.replicas, node.weight}});
  }
  if (holders.empty()) return {};
  const Totals totals = TotalsOf(placement);
  return EvenOut(std::move(holders), kLongestChain, [&](NodeIndex from, NodeIndex to) {
    return BestMove(placement, totals, from, to);
  });
}

}  // namespace flotilla::sharding
