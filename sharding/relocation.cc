#include "sharding/relocation.h"

#include <algorithm>

#include "sharding/fair_share.h"

namespace flotilla::sharding {

namespace {

struct Target {
  Vacancy vacancy;
  NodeIndex node = kNobody;
  uint32_t conflicts = 0;
  Share share;
  double room = 0;
  uint64_t affinity = 0;
};

bool IsBetter(const Target& a, const Target& b) {
  if (a.conflicts != b.conflicts) return a.conflicts < b.conflicts;
  if (IsNextBefore(a.share, b.share)) return true;
  if (IsNextBefore(b.share, a.share)) return false;
  if (a.room != b.room) return a.room < b.room;
  return a.affinity > b.affinity;
}

// How many replicas the nodes that could take this one lack of their share. A replica that has
// little room elsewhere goes first, or in the end the nodes that lack something would be those that
// hold a replica of the same shard already, and others would have to make room for it.
double RoomFor(const Placement& placement, const PlacedShard& shard, double share_of_weight) {
  double room = 0;
  for (NodeIndex i = 0; i < placement.nodes().size(); ++i) {
    if (!placement.Fits(shard, i)) continue;
    const PlacedNode& node = placement.nodes()[i];
    const double share = share_of_weight * static_cast<double>(node.weight);
    room += std::max(0.0, share - static_cast<double>(node.replicas));
  }
  return room;
}

// The replicas for each unit of weight, when all are where they may be.
double ShareOfWeight(const Placement& placement) {
  double replicas = 0;
  double weight = 0;
  for (const PlacedNode& node : placement.nodes()) {
    replicas += static_cast<double>(node.replicas);
    if (node.Accepts()) weight += static_cast<double>(node.weight);
  }
  return weight == 0 ? 0 : replicas / weight;
}

Step StepTo(const Placement& placement, const Target& target) {
  const PlacedShard& shard = placement.shards()[target.vacancy.shard];
  const NodeId to = placement.nodes()[target.node].id;
  if (target.vacancy.leaving == kNobody) return AddReplica{shard.id, to};
  return MoveReplica{shard.id, placement.nodes()[target.vacancy.leaving].id, to};
}

}  // namespace

std::optional<Step> BestRelocation(const Placement& placement,
                                   const std::vector<Vacancy>& vacancies) {
  const double share_of_weight = ShareOfWeight(placement);
  std::optional<Target> best;
  for (const Vacancy& vacancy : vacancies) {
    const PlacedShard& shard = placement.shards()[vacancy.shard];
    const double room = RoomFor(placement, shard, share_of_weight);
    for (NodeIndex to = 0; to < placement.nodes().size(); ++to) {
      if (!placement.Fits(shard, to)) continue;
      const PlacedNode& node = placement.nodes()[to];
      const Target target{.vacancy = vacancy,
                          .node = to,
                          .conflicts = placement.Conflicts(shard, vacancy.leaving, to),
                          .share = {node.replicas, node.weight},
                          .room = room,
                          .affinity = Affinity(shard, node)};
      if (target.conflicts > vacancy.max_conflicts) continue;
      if (!best.has_value() || IsBetter(target, *best)) best = target;
    }
  }
  if (!best.has_value()) return std::nullopt;
  return StepTo(placement, *best);
}

}  // namespace flotilla::sharding
