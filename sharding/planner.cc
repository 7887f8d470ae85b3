#include "sharding/planner.h"

#include <limits>
#include <set>
#include <utility>
#include <vector>

#include "sharding/placement.h"
#include "sharding/plan_limits.h"
#include "sharding/planner_phases.h"
#include "sharding/relocation.h"

namespace flotilla::sharding {

namespace {

struct Proposal {
  StepGroup steps;
  Cause cause = Cause::kRepair;
};

Proposal MostUrgent(const Placement& placement, const PlannerOptions& options) {
  if (auto steps = NextRepair(placement); !steps.empty()) return {steps, Cause::kRepair};
  if (auto steps = NextDrain(placement); !steps.empty()) return {steps, Cause::kDrain};
  if (auto steps = NextRuleFix(placement); !steps.empty()) return {steps, Cause::kRule};
  if (auto steps = NextSplit(placement, options, SplitBy::kBytes); !steps.empty()) {
    return {steps, Cause::kSplit};
  }
  if (auto steps = NextSplit(placement, options, SplitBy::kLoad); !steps.empty()) {
    return {steps, Cause::kLoadSplit};
  }
  // What children will weigh, and that there is one more of them, changes all that follows.
  if (placement.splits() > 0) return {};
  if (auto steps = NextReplicaBalance(placement); !steps.empty()) {
    return {steps, Cause::kReplicaBalance};
  }
  if (auto steps = NextLeaderBalance(placement); !steps.empty()) {
    return {steps, Cause::kLeaderBalance};
  }
  if (auto steps = NextByteBalance(placement, options); !steps.empty()) {
    return {steps, Cause::kByteBalance};
  }
  return {NextLoadBalance(placement, options), Cause::kLoadBalance};
}

bool LacksTarget(const Placement& placement, ShardIndex index) {
  const PlacedShard& shard = placement.shards()[index];
  if (shard.replicas.size() < placement.rules().replicas) {
    return !BestRelocation(placement, {{.shard = index}}).has_value();
  }
  for (const PlacedReplica& replica : shard.replicas) {
    const PlacedNode& node = placement.nodes()[replica.node];
    const bool must_go = node.state == NodeState::kDraining || placement.IsLost(shard, replica);
    if (!must_go) continue;
    if (!BestRelocation(placement, {{.shard = index, .leaving = replica.node}})) return true;
  }
  return false;
}

std::vector<Shortfall> ShortfallsOf(const Placement& placement) {
  std::vector<Shortfall> shortfalls;
  for (ShardIndex i = 0; i < placement.shards().size(); ++i) {
    const PlacedShard& shard = placement.shards()[i];
    if (placement.Margin(shard) < 0) {
      shortfalls.push_back({shard.id, Obstacle::kNoQuorum});
    } else if (!shard.pending && LacksTarget(placement, i)) {
      shortfalls.push_back({shard.id, Obstacle::kNoTarget});
    }
  }
  return shortfalls;
}

}  // namespace

Plan MakePlan(const ClusterView& view, const PlannerOptions& options) {
  Placement placement(view, options.dead_after);
  PlanLimits limits(view, options);
  Plan plan;
  std::set<ShardId> changed;
  bool changes_again = false;
  for (;;) {
    const Proposal next = MostUrgent(placement, options);
    if (next.steps.empty()) break;
    if (!limits.Admit(next.steps)) {
      plan.complete = false;
      break;
    }
    for (const Step& step : next.steps) {
      placement.Apply(step);
      plan.steps.push_back({step, next.cause});
      changes_again |= !changed.insert(ShardOf(step)).second;
    }
    if (!changes_again) plan.at_once = plan.steps.size();
  }
  if (placement.splits() > 0) plan.complete = false;
  plan.shortfalls = ShortfallsOf(placement);
  return plan;
}

Plan MakeWholePlan(const ClusterView& view, PlannerOptions options) {
  constexpr uint32_t kNoLimit = std::numeric_limits<uint32_t>::max();
  options.max_moves = kNoLimit;
  options.max_moves_per_node = kNoLimit;
  options.max_transfers = kNoLimit;
  options.max_splits = kNoLimit;
  return MakePlan(view, options);
}

}  // namespace flotilla::sharding
