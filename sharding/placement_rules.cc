// Rules: as many replicas as wanted, no learner that nobody waits for, zones as different as they
// can be.
#include <algorithm>
#include <optional>
#include <tuple>
#include <vector>

#include "sharding/planner_phases.h"
#include "sharding/relocation.h"

namespace flotilla::sharding {

namespace {

// The replica that the shard can best do without: one that does not work before one that does, one
// whose zone has another before one that has not, a follower before the leader, then the one on the
// node that has the most.
const PlacedReplica* LeastNeeded(const Placement& placement, const PlacedShard& shard) {
  const auto use = [&](const PlacedReplica& replica) {
    const PlacedNode& node = placement.nodes()[replica.node];
    return std::tuple(replica.IsVoter(), placement.IsLive(replica), node.Accepts(),
                      placement.Conflicts(shard, replica.node), shard.leader == replica.node,
                      // The most bytes go first; ties by id.
                      ~node.bytes, node.id);
  };
  const PlacedReplica* least = nullptr;
  for (const PlacedReplica& replica : shard.replicas) {
    if (replica.kept || !placement.KeepsQuorumWithout(shard, replica.node)) continue;
    if (least == nullptr || use(replica) < use(*least)) least = &replica;
  }
  return least;
}

bool HasSpare(const Placement& placement, const PlacedShard& shard) {
  const bool has_learner =
      std::any_of(shard.replicas.begin(), shard.replicas.end(),
                  [](const PlacedReplica& replica) { return !replica.IsVoter(); });
  return has_learner || shard.replicas.size() > placement.rules().replicas;
}

}  // namespace

StepGroup NextRuleFix(const Placement& placement) {
  std::vector<Vacancy> crowded;
  for (ShardIndex i = 0; i < placement.shards().size(); ++i) {
    const PlacedShard& shard = placement.shards()[i];
    if (!placement.CanChange(shard)) continue;
    if (HasSpare(placement, shard)) {
      const PlacedReplica* spare = LeastNeeded(placement, shard);
      if (spare != nullptr) return {RemoveReplica{shard.id, placement.nodes()[spare->node].id}};
    }
    const uint32_t conflicts = placement.Conflicts(shard);
    if (conflicts == 0) continue;
    for (const PlacedReplica& replica : shard.replicas) {
      if (!placement.IsLive(replica)) continue;
      crowded.push_back({.shard = i, .leaving = replica.node, .max_conflicts = conflicts - 1});
    }
  }
  if (const std::optional<Step> step = BestRelocation(placement, crowded)) return {*step};
  return {};
}

}  // namespace flotilla::sharding
