#include "sharding/plan_limits.h"

#include <algorithm>
#include <utility>

namespace flotilla::sharding {

PlanLimits::PlanLimits(const ClusterView& view, const PlannerOptions& options) : options_(options) {
  for (const NodeView& node : view.nodes) states_[node.node] = node.state;
  for (const ShardView& shard : view.shards) {
    if (!shard.pending.has_value()) continue;
    is_idle_ = false;
    // A change without nodes copies nothing: leadership on its way, or somebody else's work.
    if (shard.pending->from.is_none() && shard.pending->to.is_none()) continue;
    ++usage_.moves;
    CountAt(shard.pending->from, usage_);
    CountAt(shard.pending->to, usage_);
  }
}

bool PlanLimits::Admit(const StepGroup& group) {
  Usage usage = usage_;
  for (const Step& step : group) Count(step, usage);
  if (!is_idle_ && !IsWithinLimits(usage)) return false;
  usage_ = std::move(usage);
  is_idle_ = false;
  return true;
}

void PlanLimits::Count(const Step& step, Usage& usage) const {
  if (const auto* move = std::get_if<MoveReplica>(&step)) {
    ++usage.moves;
    CountAt(move->from, usage);
    CountAt(move->to, usage);
  } else if (const auto* add = std::get_if<AddReplica>(&step)) {
    ++usage.moves;
    CountAt(add->to, usage);
  } else if (std::holds_alternative<RemoveReplica>(step)) {
    ++usage.moves;
  } else if (std::holds_alternative<TransferLeader>(step)) {
    ++usage.transfers;
  } else {
    ++usage.splits;
  }
}

void PlanLimits::CountAt(NodeId node, Usage& usage) const {
  const auto state = states_.find(node);
  if (state == states_.end() || state->second == NodeState::kDown) return;
  ++usage.moves_of_node[node];
}

bool PlanLimits::IsWithinLimits(const Usage& usage) const {
  return usage.moves <= options_.max_moves && usage.transfers <= options_.max_transfers &&
         usage.splits <= options_.max_splits &&
         std::all_of(
             usage.moves_of_node.begin(), usage.moves_of_node.end(),
             [this](const auto& node) { return node.second <= options_.max_moves_per_node; });
}

}  // namespace flotilla::sharding
