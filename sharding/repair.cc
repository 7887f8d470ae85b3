// Repair: lost replicas are replaced, missing ones added. Learner first, then one joint change, so
// a shard never has fewer live voters than before.
#include <map>
#include <optional>
#include <vector>

#include "sharding/planner_phases.h"
#include "sharding/relocation.h"

namespace flotilla::sharding {

namespace {

const PlacedReplica* FirstLost(const Placement& placement, const PlacedShard& shard) {
  for (const PlacedReplica& replica : shard.replicas) {
    if (placement.IsLost(shard, replica)) return &replica;
  }
  return nullptr;
}

uint32_t Voters(const PlacedShard& shard) {
  uint32_t voters = 0;
  for (const PlacedReplica& replica : shard.replicas) voters += replica.IsVoter() ? 1 : 0;
  return voters;
}

}  // namespace

StepGroup NextRepair(const Placement& placement) {
  // By how many voters each can still lose (FoundationDB's team priorities): 0 means that the next
  // loss stops the shard.
  std::map<int, std::vector<Vacancy>> urgent;
  for (ShardIndex i = 0; i < placement.shards().size(); ++i) {
    const PlacedShard& shard = placement.shards()[i];
    if (!placement.CanChange(shard)) continue;
    const PlacedReplica* lost = FirstLost(placement, shard);
    const bool is_spare =
        lost != nullptr && (!lost->IsVoter() || Voters(shard) > placement.rules().replicas);
    if (is_spare && lost->kept) continue;
    if (is_spare) return {RemoveReplica{shard.id, placement.nodes()[lost->node].id}};
    if (lost != nullptr) {
      urgent[placement.Margin(shard)].push_back({.shard = i, .leaving = lost->node});
    } else if (Voters(shard) < placement.rules().replicas) {
      urgent[placement.Margin(shard)].push_back({.shard = i});
    }
  }
  for (const auto& [margin, vacancies] : urgent) {
    if (const std::optional<Step> step = BestRelocation(placement, vacancies)) return {*step};
  }
  return {};
}

}  // namespace flotilla::sharding
