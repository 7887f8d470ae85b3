// Bytes: replicas of different sizes change places. Numbers of replicas and of leaders stay.
#include <vector>

#include "sharding/fair_share.h"
#include "sharding/level_balance.h"
#include "sharding/planner_phases.h"

namespace flotilla::sharding {

namespace {

std::vector<Parcel> MovableReplicas(const Placement& placement, NodeIndex from, NodeIndex to) {
  std::vector<Parcel> parcels;
  for (const ShardIndex i : placement.nodes()[from].shards) {
    const PlacedShard& shard = placement.shards()[i];
    if (!placement.IsHealthy(shard) || !placement.Fits(shard, to)) continue;
    if (placement.Conflicts(shard, from, to) > placement.Conflicts(shard)) continue;
    const MoveReplica move{shard.id, placement.nodes()[from].id, placement.nodes()[to].id};
    parcels.push_back({.amount = shard.bytes, .leads = shard.leader == from, .step = move});
  }
  return parcels;
}

}  // namespace

StepGroup NextByteBalance(const Placement& placement, const PlannerOptions& options) {
  std::vector<Vessel> vessels;
  for (NodeIndex i = 0; i < placement.nodes().size(); ++i) {
    const PlacedNode& node = placement.nodes()[i];
    if (node.Accepts()) vessels.push_back({i, node.bytes, node.weight});
  }
  const auto share = [&](NodeIndex node) {
    return Share{placement.nodes()[node].replicas, placement.nodes()[node].weight};
  };
  return Exchange(
      vessels, {.percent = options.tolerance_percent, .least = 0},
      [&](NodeIndex from, NodeIndex to) { return MovableReplicas(placement, from, to); },
      [&](NodeIndex from, NodeIndex to, const Parcel& parcel) {
        return !parcel.leads && LeavesAsEven(share(from), share(to));
      });
}

}  // namespace flotilla::sharding
