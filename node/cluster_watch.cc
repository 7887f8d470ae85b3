#include "node/cluster_watch.h"

#include <algorithm>
#include <utility>

namespace flotilla::node {

namespace {

using sharding::NodeDuty;
using sharding::NodeState;
using sharding::ReplicaRole;

std::vector<sharding::NodeView> NodesOf(const ClusterSight& sight, Duration down_after) {
  std::vector<sharding::NodeView> nodes;
  for (const auto& [node, record] : sight.directory.nodes()) {
    sharding::NodeView view{.node = node, .zone = record.zone, .weight = record.weight};
    const Duration silence = SilenceOf(node, sight);
    if (silence > down_after) {
      // One that is to leave and does not answer has left: what it held is replaced at once.
      if (record.duty == NodeDuty::kLeave) continue;
      view.state = NodeState::kDown;
      view.down_for = silence;
    } else if (record.duty != NodeDuty::kServe) {
      view.state = NodeState::kDraining;
    }
    nodes.push_back(std::move(view));
  }
  return nodes;
}

sharding::ShardView ShardOf(const ShardReport& shard) {
  const sharding::ShardClaim& claim = shard.claim;
  sharding::ShardView view{.shard = claim.descriptor.shard,
                           .arc = claim.descriptor.arc,
                           .bytes = claim.counters.bytes,
                           .leader = claim.leader.node};
  bool learners = false;
  for (const sharding::ReplicaPlace& place : claim.configuration.replicas) {
    learners |= place.role == ReplicaRole::kLearner;
    // One that failed is replaced by its own group, where it is.
    view.replicas.push_back({.node = place.node, .role = place.role});
  }
  // A shard that was just split off has not said who its members are; a joint configuration is on
  // its way to another; a learner is somebody's work, or left over from work that will be taken up.
  if (claim.configuration.joint || learners || view.replicas.empty()) {
    view.pending = sharding::PendingChange{};
  }
  return view;
}

void CountAsDone(const sharding::Step& step, sharding::ShardView& view) {
  const NodeId to = TargetOf(step);
  const NodeId from = SourceOf(step);
  view.pending = sharding::PendingChange{.from = from, .to = to};
  // A leader counts where it goes, as a replica does: else one more would be sent after it, and
  // back again. One whose replica moves hands over to the new one.
  if (const auto* transfer = std::get_if<sharding::TransferLeader>(&step)) {
    view.leader = transfer->to;
  } else if (!from.is_none() && !to.is_none() && view.leader == from) {
    view.leader = to;
  }
  std::erase_if(view.replicas, [from](const auto& replica) { return replica.node == from; });
  if (to.is_none()) return;
  const auto there = std::find_if(view.replicas.begin(), view.replicas.end(),
                                  [to](const auto& replica) { return replica.node == to; });
  if (there == view.replicas.end()) {
    view.replicas.push_back({.node = to});
  } else {
    there->role = ReplicaRole::kVoter;
  }
}

}  // namespace

std::map<ShardId, ShardReport> ShardsIn(const ClusterSight& sight) {
  std::map<ShardId, ShardReport> shards;
  for (const auto& [shard, known] : sight.directory.shards().shards()) {
    shards[shard].claim = known.claim;
  }
  for (const auto& [node, heard] : sight.heard) {
    for (const ShardReport& said : heard.report.shards) {
      const auto shard = shards.find(said.claim.descriptor.shard);
      // Only from who leads it, of the shard as it is now.
      if (shard == shards.end() || said.claim.leader != shard->second.claim.leader) continue;
      if (said.claim.descriptor != shard->second.claim.descriptor) continue;
      shard->second.claim.counters = said.claim.counters;
      shard->second.caught_up = said.caught_up;
      shard->second.learners = said.learners;
      shard->second.load_sample = said.load_sample;
    }
  }
  if (sight.directory_shard.has_value()) shards[kv::kDirectoryShard] = *sight.directory_shard;
  return shards;
}

Duration SilenceOf(NodeId node, const ClusterSight& sight) {
  const auto heard = sight.heard.find(node);
  return sight.now - (heard == sight.heard.end() ? sight.leading_since : heard->second.at);
}

sharding::ClusterView ViewOf(const ClusterSight& sight,
                             const std::map<ShardId, ShardReport>& shards,
                             const std::map<ShardId, StepUnderWay>& under_way, uint32_t replicas,
                             Duration down_after) {
  sharding::ClusterView view{
      .rules = {.replicas = replicas}, .nodes = NodesOf(sight, down_after), .shards = {}};
  for (const auto& [shard, report] : shards) {
    view.shards.push_back(ShardOf(report));
    const auto step = under_way.find(shard);
    if (step == under_way.end()) continue;
    if (step->second.cancelled_at.has_value()) {
      view.shards.back().pending = sharding::PendingChange{};  // on its way back
    } else {
      CountAsDone(step->second.step, view.shards.back());
    }
  }
  return view;
}

}  // namespace flotilla::node
