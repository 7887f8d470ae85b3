// Load: who leads a hot shard and who leads a cold one change places. No data moves.
#include <vector>

#include "sharding/fair_share.h"
#include "sharding/level_balance.h"
#include "sharding/planner_phases.h"

namespace flotilla::sharding {

namespace {

std::vector<Parcel> Transferable(const Placement& placement, NodeIndex from, NodeIndex to) {
  std::vector<Parcel> parcels;
  for (const ShardIndex i : placement.nodes()[from].shards) {
    const PlacedShard& shard = placement.shards()[i];
    if (shard.leader != from || !placement.CanChange(shard)) continue;
    if (shard.view->leader_settled) continue;
    if (!placement.MayLead(shard, to)) continue;
    const TransferLeader transfer{shard.id, placement.nodes()[from].id, placement.nodes()[to].id};
    parcels.push_back({.amount = shard.load, .leads = true, .step = transfer});
  }
  return parcels;
}

// A level is load by weight.
Tolerance ToleranceOf(const std::vector<Vessel>& vessels, const PlannerOptions& options) {
  double weight = 0;
  for (const Vessel& vessel : vessels) weight += static_cast<double>(vessel.weight);
  const double per_weight = weight == 0 ? 0 : static_cast<double>(vessels.size()) / weight;
  return {.percent = options.tolerance_percent,
          .least = static_cast<double>(options.least_load) * per_weight};
}

}  // namespace

StepGroup NextLoadBalance(const Placement& placement, const PlannerOptions& options) {
  std::vector<Vessel> vessels;
  for (NodeIndex i = 0; i < placement.nodes().size(); ++i) {
    const PlacedNode& node = placement.nodes()[i];
    if (node.Accepts()) vessels.push_back({i, node.load, node.weight});
  }
  const auto share = [&](NodeIndex node) {
    return Share{placement.nodes()[node].leaders, placement.nodes()[node].weight};
  };
  return Exchange(
      vessels, ToleranceOf(vessels, options),
      [&](NodeIndex from, NodeIndex to) { return Transferable(placement, from, to); },
      [&](NodeIndex from, NodeIndex to, const Parcel&) {
        return LeavesAsEven(share(from), share(to));
      });
}

}  // namespace flotilla::sharding
