// Even numbers of leaders. A transfer costs next to nothing, so chains of them may be as long as
// they must: then the numbers are as even as the placement of replicas allows (optimal
// semi-matching, Harvey et al. 2003).
#include <optional>
#include <tuple>
#include <vector>

#include "sharding/planner_phases.h"
#include "sharding/share_balance.h"

namespace flotilla::sharding {

namespace {

std::optional<Step> BestTransfer(const Placement& placement, NodeIndex from, NodeIndex to) {
  const PlacedNode& target = placement.nodes()[to];
  std::optional<uint64_t> best;
  Step transfer;
  for (const ShardIndex i : placement.nodes()[from].shards) {
    const PlacedShard& shard = placement.shards()[i];
    if (shard.leader != from || !placement.CanChange(shard)) continue;
    if (!placement.MayLead(shard, to)) continue;
    const uint64_t affinity = Affinity(shard, target);
    if (best.has_value() && *best >= affinity) continue;
    best = affinity;
    transfer = TransferLeader{shard.id, placement.nodes()[from].id, target.id};
  }
  if (!best.has_value()) return std::nullopt;
  return transfer;
}

}  // namespace

StepGroup NextLeaderBalance(const Placement& placement) {
  std::vector<Holder> holders;
  for (NodeIndex i = 0; i < placement.nodes().size(); ++i) {
    const PlacedNode& node = placement.nodes()[i];
    if (node.state == NodeState::kUp) holders.push_back({i, {node.leaders, node.weight}});
  }
  if (holders.empty()) return {};
  const size_t longest = holders.size();
  return EvenOut(std::move(holders), longest,
                 [&](NodeIndex from, NodeIndex to) { return BestTransfer(placement, from, to); });
}

}  // namespace flotilla::sharding
