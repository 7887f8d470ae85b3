#include "node/balancer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/status_macros.h"

namespace flotilla::node {

namespace {

constexpr Duration kLookInterval = std::chrono::milliseconds(200);
// A hand-over takes an election timeout, or does not happen: whoever should lead is behind.
constexpr Duration kHandOverLimit = std::chrono::seconds(10);
// For a majority to flush, and for the leader to say that the shard is split.
constexpr Duration kSplitLimit = std::chrono::minutes(2);
// For a replica to be filled.
constexpr Duration kMoveLimit = std::chrono::hours(1);
// What was given up is not tried again at once: the reason may last.
constexpr Duration kAvoidance = std::chrono::minutes(1);

Duration LimitOf(const sharding::Step& step) {
  if (std::holds_alternative<sharding::TransferLeader>(step)) return kHandOverLimit;
  if (std::holds_alternative<sharding::SplitShard>(step)) return kSplitLimit;
  return kMoveLimit;
}

// The node that the step is good for; none where none is.
NodeId BeneficiaryOf(const sharding::Step& step) {
  if (const auto* transfer = std::get_if<sharding::TransferLeader>(&step)) return transfer->to;
  return TargetOf(step);
}

bool IsMember(NodeId node, const sharding::ShardClaim& shard) {
  for (const sharding::ReplicaPlace& place : shard.configuration.replicas) {
    if (place.node == node) return true;
  }
  return false;
}

}  // namespace

void Balancer::Tick(const ClusterSight& sight, uint32_t replicas) {
  // Until all that live have had time to say so, everybody would look alike.
  if (sight.now < std::max(next_look_, sight.leading_since + options_.down_after)) return;
  next_look_ = sight.now + kLookInterval;
  const std::map<ShardId, ShardReport> shards = ShardsIn(sight);
  EndSteps(sight, shards);
  AdoptLearners(sight, shards);
  BeginSteps(sight, shards, replicas);
  SendOrders(sight, shards);
  ForgetNodes(sight, shards);
}

void Balancer::Forget() {
  under_way_.clear();
  avoided_.clear();
  next_look_ = {};
}

bool Balancer::IsUp(NodeId node, const ClusterSight& sight) const {
  return SilenceOf(node, sight) <= options_.down_after;
}

bool Balancer::IsAvoided(ShardId shard, NodeId to, MonoTime now) const {
  const auto avoided = avoided_.find({shard, to});
  return avoided != avoided_.end() && now < avoided->second;
}

bool Balancer::IsHopeless(const StepUnderWay& under_way, const ShardReport* shard,
                          const ClusterSight& sight) const {
  if (shard == nullptr || IsOvertaken(under_way, shard->claim)) return true;
  const NodeId to = BeneficiaryOf(under_way.step);
  if (!to.is_none() && !IsUp(to, sight)) return true;
  return sight.now - under_way.begun > LimitOf(under_way.step);
}

void Balancer::EndSteps(const ClusterSight& sight, const std::map<ShardId, ShardReport>& shards) {
  std::erase_if(avoided_, [&](const auto& avoided) { return sight.now >= avoided.second; });
  std::erase_if(under_way_, [&](const auto& each) {
    const auto& [id, under_way] = each;
    const auto found = shards.find(id);
    const ShardReport* const shard = found == shards.end() ? nullptr : &found->second;
    const bool done = shard != nullptr && IsDone(under_way, shard->claim);
    if (!done && !IsHopeless(under_way, shard, sight)) return false;
    logger_.Info("step_ended", {{"step", ToString(under_way.step)}, {"done", done}});
    const NodeId to = BeneficiaryOf(under_way.step);
    if (!done && !to.is_none()) avoided_[{id, to}] = sight.now + kAvoidance;
    return true;
  });
}

// Another leader of the directory had them added, or the step that did was given up. One that may
// be of use becomes a voter; if that is one too many, the planner says which one is to go.
void Balancer::AdoptLearners(const ClusterSight& sight,
                             const std::map<ShardId, ShardReport>& shards) {
  for (const auto& [id, shard] : shards) {
    if (under_way_.contains(id)) continue;
    for (const sharding::ReplicaPlace& place : shard.claim.configuration.replicas) {
      if (place.role != sharding::ReplicaRole::kLearner) continue;
      const bool useful = IsUp(place.node, sight) && !IsAvoided(id, place.node, sight.now);
      sharding::Step step = sharding::AddReplica{.shard = id, .to = place.node};
      if (!useful) step = sharding::RemoveReplica{.shard = id, .from = place.node};
      Begin(std::move(step), "adopted", shard, sight.now);
      break;
    }
  }
}

void Balancer::BeginSteps(const ClusterSight& sight, const std::map<ShardId, ShardReport>& shards,
                          uint32_t replicas) {
  const sharding::ClusterView view =
      ViewOf(sight, shards, under_way_, replicas, options_.down_after);
  for (const sharding::PlannedStep& planned : sharding::MakePlan(view, options_.planner).steps) {
    const ShardId shard = sharding::ShardOf(planned.step);
    if (under_way_.contains(shard)) continue;  // of one shard only the first
    if (IsAvoided(shard, BeneficiaryOf(planned.step), sight.now)) continue;
    Begin(planned.step, ToString(planned.cause), shards.at(shard), sight.now);
  }
}

void Balancer::Begin(sharding::Step step, std::string_view cause, const ShardReport& shard,
                     MonoTime now) {
  const sharding::ShardDescriptor& descriptor = shard.claim.descriptor;
  logger_.Info("step_begun", {{"step", ToString(step)}, {"cause", std::string(cause)}});
  const bool split = std::holds_alternative<sharding::SplitShard>(step);
  under_way_[descriptor.shard] = {.step = std::move(step),
                                  .begun = now,
                                  .shard_version = descriptor.version,
                                  .configuration = shard.claim.configuration.index,
                                  .voters = CountVoters(shard.claim),
                                  .child = {}};
  if (!split) return;
  port_.name_shard([this, alive = std::weak_ptr<bool>(alive_), id = descriptor.shard,
                    now](const absl::StatusOr<ShardId>& child) {
    if (alive.expired()) return;
    const auto under_way = under_way_.find(id);
    if (under_way == under_way_.end() || under_way->second.begun != now) return;
    if (child.ok()) {
      under_way->second.child = *child;
    } else {
      under_way_.erase(under_way);
    }
  });
}

void Balancer::SendOrders(const ClusterSight& sight, const std::map<ShardId, ShardReport>& shards) {
  for (const auto& [id, under_way] : under_way_) {
    const auto shard = shards.find(id);
    if (shard == shards.end()) continue;
    const std::optional<ShardOrder> order =
        NextOrder(under_way, shard->second, [&](NodeId node) { return IsUp(node, sight); });
    if (order.has_value()) port_.send(shard->second.claim.leader.node, *order);
  }
}

void Balancer::ForgetNodes(const ClusterSight& sight,
                           const std::map<ShardId, ShardReport>& shards) {
  for (const auto& [node, record] : sight.directory.nodes()) {
    if (record.duty != sharding::NodeDuty::kLeave) continue;
    if (SilenceOf(node, sight) <= options_.gone_after) continue;
    const bool empty = std::none_of(shards.begin(), shards.end(), [id = node](const auto& shard) {
      return IsMember(id, shard.second.claim);
    });
    if (empty) port_.forget(node);
  }
}

}  // namespace flotilla::node
