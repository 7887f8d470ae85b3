#include "node/plan_basis.h"

#include <set>
#include <utility>

namespace flotilla::node {

namespace {

// Whether what comes of it is known before it has happened.
bool HasOutcome(const StepUnderWay& under_way) {
  return !under_way.cancelled_at.has_value() &&
         !std::holds_alternative<sharding::SplitShard>(under_way.step);
}

std::vector<PlanPreview::Step> WithBytes(const std::vector<sharding::PlannedStep>& steps,
                                         const sharding::ClusterView& view) {
  std::map<ShardId, uint64_t> bytes;
  for (const sharding::ShardView& shard : view.shards) bytes[shard.shard] = shard.bytes;
  std::vector<PlanPreview::Step> shown;
  for (const sharding::PlannedStep& planned : steps) {
    const bool copies = !TargetOf(planned.step).is_none();
    shown.push_back({planned, copies ? bytes[ShardOf(planned.step)] : 0});
  }
  return shown;
}

std::vector<PlanPreview::NodeTotal> TotalsOf(const sharding::ClusterView& view,
                                             const std::vector<sharding::PlannedStep>& steps) {
  std::map<NodeId, PlanPreview::NodeTotal> totals;
  for (const sharding::NodeView& node : view.nodes) totals[node.node] = {};
  for (const sharding::ShardView& shard : view.shards) {
    for (const sharding::ReplicaView& replica : shard.replicas) {
      ++totals[replica.node].replicas;
      ++totals[replica.node].planned_replicas;
    }
  }
  for (const sharding::PlannedStep& planned : steps) {
    if (const NodeId to = TargetOf(planned.step); !to.is_none()) ++totals[to].planned_replicas;
    if (const NodeId from = SourceOf(planned.step); !from.is_none()) {
      --totals[from].planned_replicas;
    }
  }
  std::vector<PlanPreview::NodeTotal> listed;
  for (auto& [node, total] : totals) {
    total.node = node;
    listed.push_back(total);
  }
  return listed;
}

}  // namespace

absl::StatusOr<kv::Directory> WithDuties(kv::Directory directory,
                                         std::span<const DutyChange> changes) {
  kv::DirectoryChange change;
  std::set<NodeId> changed;
  for (const DutyChange& wanted : changes) {
    const auto known = directory.nodes().find(wanted.node);
    if (known == directory.nodes().end()) {
      return absl::NotFoundError("the cluster has no node " + ToString(wanted.node));
    }
    if (!changed.insert(wanted.node).second) {
      return absl::InvalidArgumentError("node " + ToString(wanted.node) + " is named twice");
    }
    change.nodes.push_back(known->second);
    change.nodes.back().duty = wanted.duty;
  }
  if (absl::Status applied = directory.Apply(change); !applied.ok()) return applied;
  return directory;
}

PlanBasis BasisOf(sharding::ClusterView view, const std::map<ShardId, StepUnderWay>& under_way) {
  PlanBasis basis;
  for (sharding::ShardView& shard : view.shards) {
    const auto step = under_way.find(shard.shard);
    if (step != under_way.end() && HasOutcome(step->second)) {
      shard.pending.reset();
      ++basis.under_way;
    } else if (shard.pending.has_value()) {
      basis.unsettled.push_back(shard.shard);
    }
  }
  basis.view = std::move(view);
  return basis;
}

PlanPreview PreviewOf(const PlanBasis& basis) {
  const sharding::Plan plan = sharding::MakeWholePlan(basis.view, basis.planner);
  PlanPreview preview;
  preview.steps = WithBytes(plan.steps, basis.view);
  preview.shortfalls = plan.shortfalls;
  preview.movement = sharding::MovementOf(basis.view, plan.steps, basis.planner.dead_after);
  preview.nodes = TotalsOf(basis.view, plan.steps);
  preview.under_way = basis.under_way;
  preview.unsettled = basis.unsettled;
  preview.begins = basis.begins;
  preview.complete = plan.complete && basis.unsettled.empty();
  return preview;
}

}  // namespace flotilla::node
