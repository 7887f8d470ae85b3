// Drain: a node is emptied without ever having one replica less than before.
#include <optional>
#include <vector>

#include "sharding/fair_share.h"
#include "sharding/planner_phases.h"
#include "sharding/relocation.h"

namespace flotilla::sharding {

namespace {

bool IsDraining(const Placement& placement, NodeIndex node) {
  return node != kNobody && placement.nodes()[node].state == NodeState::kDraining;
}

// The voter that leads the least of its share; kNobody when none may lead.
NodeIndex BestHeir(const Placement& placement, const PlacedShard& shard) {
  const auto share = [&](NodeIndex node) {
    return Share{placement.nodes()[node].leaders, placement.nodes()[node].weight};
  };
  NodeIndex best = kNobody;
  for (const PlacedReplica& replica : shard.replicas) {
    if (!placement.MayLead(shard, replica.node)) continue;
    if (best == kNobody || IsNextBefore(share(replica.node), share(best))) best = replica.node;
  }
  return best;
}

uint32_t ReplicasOf(const PlacedShard& shard) {
  return static_cast<uint32_t>(shard.replicas.size());
}

}  // namespace

StepGroup NextDrain(const Placement& placement) {
  std::vector<Vacancy> vacancies;
  for (ShardIndex i = 0; i < placement.shards().size(); ++i) {
    const PlacedShard& shard = placement.shards()[i];
    if (!placement.CanChange(shard)) continue;
    // Leaders first: it costs nothing, and clients feel a leader that goes.
    if (IsDraining(placement, shard.leader)) {
      const NodeIndex heir = BestHeir(placement, shard);
      const NodeId from = placement.nodes()[shard.leader].id;
      if (heir != kNobody) return {TransferLeader{shard.id, from, placement.nodes()[heir].id}};
    }
    for (const PlacedReplica& replica : shard.replicas) {
      if (!IsDraining(placement, replica.node)) continue;
      const bool is_spare = ReplicasOf(shard) > placement.rules().replicas && !replica.kept;
      if (is_spare && placement.KeepsQuorumWithout(shard, replica.node)) {
        return {RemoveReplica{shard.id, placement.nodes()[replica.node].id}};
      }
      vacancies.push_back({.shard = i, .leaving = replica.node});
    }
  }
  if (const std::optional<Step> step = BestRelocation(placement, vacancies)) return {*step};
  return {};
}

}  // namespace flotilla::sharding
