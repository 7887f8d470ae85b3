#include "node/balancer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/status_macros.h"
#include "node/asked_step.h"

namespace flotilla::node {

namespace {

constexpr Duration kLookInterval = std::chrono::milliseconds(200);
// What was given up is not tried again at once: the reason may last.
constexpr Duration kAvoidance = std::chrono::minutes(1);
// In spans over which load is averaged: for so long a leader that was moved by it stays.
constexpr int kSettledSpans = 20;
// A transaction takes 256 operations (kv::Limits): so many begins, so many ends, and for each of
// these one that is forgotten.
constexpr size_t kMaxNews = 60;

bool IsHandOver(const sharding::Step& step) {
  return std::holds_alternative<sharding::TransferLeader>(step);
}

// By the wall clocks of two nodes, which may differ: this is a courtesy, and nothing relies on it.
bool WasCalledOff(const kv::OperationRecord& record, WallTime now) {
  if (record.state != kv::OperationState::kCancelled) return false;
  const Duration ago = now - record.ended;
  return ago < kCancelledFor && ago > -kCancelledFor;
}

// In a view of ViewOf(), which lists shards by id. Null: not there.
sharding::ShardView* FindIn(sharding::ClusterView& view, ShardId shard) {
  const auto found = std::lower_bound(
      view.shards.begin(), view.shards.end(), shard,
      [](const sharding::ShardView& listed, ShardId id) { return listed.shard < id; });
  return found != view.shards.end() && found->shard == shard ? &*found : nullptr;
}

// Has the planner leave that alone, and whatever comes to the same.
void RuleOut(const sharding::Step& step, sharding::ShardView& shard) {
  if (const NodeId to = TargetOf(step); !to.is_none()) {
    shard.avoided.push_back(to);
  } else if (std::holds_alternative<sharding::SplitShard>(step)) {
    shard.kept_whole = true;
  } else {
    for (sharding::ReplicaView& replica : shard.replicas) {
      if (replica.node == SourceOf(step)) replica.kept = true;
    }
  }
}

absl::Status NotHeardAll() {
  return absl::UnavailableError("the directory's leader is new, and has not heard of all yet");
}

kv::OperationRecord RecordOf(const sharding::Step& step, std::string_view cause,
                             const sharding::ShardClaim& shard) {
  kv::OperationRecord record;
  record.step = step;
  record.cause = std::string(cause);
  record.shard_version = shard.descriptor.version;
  record.configuration = shard.configuration.index;
  record.voters = CountVoters(shard);
  return record;
}

// Whether it was asked for since this node leads the directory; by a wall clock, for the log alone.
bool IsYoung(const kv::OperationRecord& record, const ClusterSight& sight) {
  const Duration age = sight.wall_now - record.begun;
  return record.cause == kAskedFor && age < sight.now - sight.leading_since;
}

StepUnderWay UnderWay(const kv::OperationRecord& record, MonoTime now) {
  StepUnderWay under_way;
  under_way.step = record.step;
  under_way.begun = now;
  under_way.advanced_at = now;
  under_way.shard_version = record.shard_version;
  under_way.configuration = record.configuration;
  under_way.voters = record.voters;
  return under_way;
}

}  // namespace

void Balancer::Tick(const ClusterSight& sight, uint32_t replicas) {
  // Until all that live have had time to say so, everybody would look alike.
  if (sight.now < next_look_ || !HasHeardAll(sight)) return;
  next_look_ = sight.now + kLookInterval;
  BeginAnew(sight.leading_since);
  const Shards shards = ShardsIn(sight);
  TakeUp(sight);
  Measure(shards, sight.now);
  loads_.Note(shards, sight.now);
  EndSteps(sight, shards);
  // Not by a view in which something counts as done that was given up.
  if (options_.plans && !recording_ && news_.empty()) {
    const sharding::ClusterView view = View(sight, shards, replicas);
    AdoptLearners(sight, shards, view);
    if (news_.empty()) BeginSteps(shards, view, sight.now);
  }
  Record(sight.wall_now);
  SendOrders(sight, shards);
  if (options_.plans) ForgetNodes(sight, shards);
}

void Balancer::Forget() {
  under_way_.clear();
  news_ = {};
  recording_ = false;
  next_look_ = {};
}

void Balancer::BeginAnew(MonoTime leading_since) {
  if (std::exchange(leading_since_, leading_since) == leading_since) return;
  avoided_.clear();
  loads_.Forget();
  settled_.clear();
}

absl::StatusOr<PlanBasis> Balancer::Basis(const ClusterSight& sight, uint32_t replicas) const {
  const auto& operations = sight.directory.operations();
  const bool knows_all =
      std::all_of(operations.begin(), operations.end(), [this](const auto& each) {
        return each.second.has_ended() || under_way_.contains(ShardOf(each.second.step));
      });
  if (!HasHeardAll(sight) || !knows_all) return NotHeardAll();
  PlanBasis basis = BasisOf(View(sight, ShardsIn(sight), replicas), under_way_);
  basis.planner = options_.planner;
  basis.begins = options_.plans;
  return basis;
}

absl::StatusOr<kv::OperationRecord> Balancer::Asked(const sharding::Step& step,
                                                    const ClusterSight& sight) const {
  if (!HasHeardAll(sight)) return NotHeardAll();
  const Shards shards = ShardsIn(sight);
  const auto shard = shards.find(ShardOf(step));
  if (shard == shards.end()) {
    return absl::NotFoundError("there is no shard " + ToString(ShardOf(step)));
  }
  const sharding::ShardClaim& claim = shard->second.claim;
  const kv::OperationRecord* const running = sight.directory.Running(shard->first);
  // What runs already has changed what it would be judged by.
  if (running == nullptr || running->step != step) {
    FLOTILLA_RETURN_IF_ERROR(
        CheckAsked(step, claim, sight.directory, [&](NodeId node) { return IsUp(node, sight); }));
  }
  return RecordOf(step, kAskedFor, claim);
}

void Balancer::TakeUp(const ClusterSight& sight) {
  DropEnded(sight.directory);
  for (const auto& [id, record] : sight.directory.operations()) {
    if (!record.has_ended()) TakeUp(record, sight);
  }
  if (recording_) return;
  // The directory would not have it, or could not be changed.
  std::erase_if(under_way_, [](const auto& each) {
    return each.second.operation.is_none() && !IsHandOver(each.second.step);
  });
}

void Balancer::TakeUp(const kv::OperationRecord& record, const ClusterSight& sight) {
  const MonoTime now = sight.now;
  const ShardId shard = ShardOf(record.step);
  const auto known = under_way_.find(shard);
  const bool begun_here = known != under_way_.end() && known->second.operation.is_none() &&
                          known->second.step == record.step;
  const bool is_new =
      known == under_way_.end() || (known->second.operation != record.id && !begun_here);
  if (is_new) under_way_[shard] = UnderWay(record, now);
  if (is_new && !IsYoung(record, sight)) {
    logger_.Info("operation_resumed", {{"operation", record.id}, {"step", ToString(record.step)}});
  } else if (is_new || begun_here) {
    logger_.Info(
        "step_begun",
        {{"operation", record.id}, {"step", ToString(record.step)}, {"cause", record.cause}});
  }
  StepUnderWay& under_way = under_way_[shard];
  under_way.operation = record.id;
  under_way.child = record.child;
  if (record.state == kv::OperationState::kCancelling && !under_way.cancelled_at.has_value()) {
    under_way.cancelled_at = now;
    logger_.Info("operation_cancelling",
                 {{"operation", record.id}, {"step", ToString(record.step)}});
  }
}

void Balancer::DropEnded(const kv::Directory& directory) {
  std::erase_if(under_way_, [&](const auto& each) {
    const StepUnderWay& under_way = each.second;
    if (under_way.operation.is_none()) return false;
    const auto record = directory.operations().find(under_way.operation);
    if (record != directory.operations().end() && !record->second.has_ended()) return false;
    const bool known = record != directory.operations().end();
    const kv::OperationState state = known ? record->second.state : kv::OperationState::kFailed;
    logger_.Info("step_ended", {{"operation", under_way.operation},
                                {"step", ToString(under_way.step)},
                                {"done", state == kv::OperationState::kSucceeded},
                                {"state", std::string(ToString(state))},
                                {"reason", known ? record->second.reason : ""}});
    return true;
  });
}

void Balancer::Measure(const Shards& shards, MonoTime now) {
  for (auto& [id, under_way] : under_way_) {
    const auto shard = shards.find(id);
    if (shard == shards.end()) continue;
    under_way.shard_bytes = shard->second.claim.counters.bytes;
    for (const LearnerProgress& learner : shard->second.learners) {
      if (learner.node != TargetOf(under_way.step)) continue;
      if (under_way.meter.Note(learner, now)) under_way.advanced_at = now;
    }
  }
}

bool Balancer::IsUp(NodeId node, const ClusterSight& sight) const {
  return SilenceOf(node, sight) <= options_.down_after;
}

sharding::ClusterView Balancer::View(const ClusterSight& sight, const Shards& shards,
                                     uint32_t replicas) const {
  sharding::ClusterView view = ViewOf(sight, shards, under_way_, replicas, options_.down_after);
  for (const auto& [id, record] : sight.directory.operations()) {
    if (!WasCalledOff(record, sight.wall_now)) continue;
    if (auto* shard = FindIn(view, ShardOf(record.step))) RuleOut(record.step, *shard);
  }
  for (const auto& [tried, until] : avoided_) {
    if (auto* shard = FindIn(view, tried.first)) shard->avoided.push_back(tried.second);
  }
  Weigh(sight, view);
  return view;
}

void Balancer::Weigh(const ClusterSight& sight, sharding::ClusterView& view) const {
  bool all_known = true;
  for (sharding::ShardView& shard : view.shards) {
    // The directory's own load is its nodes', and not weighed.
    if (shard.shard == kv::kDirectoryShard) continue;
    const uint64_t limit = options_.planner.split_load;
    if (limit > 0 && loads_.Recent(shard.shard).value_or(0) > limit) {
      shard.divisible_load = loads_.Divisible(shard.shard);
      shard.samples = loads_.Samples(shard.shard);
    }
    const std::optional<uint64_t> steady = loads_.Steady(shard.shard);
    shard.load = steady.value_or(0);
    shard.leader_settled = settled_.contains(shard.shard);
    // Who leads a shard and is gone will not say.
    all_known &= steady.has_value() || shard.leader.is_none() || !IsUp(shard.leader, sight);
  }
  if (all_known) return;
  for (sharding::ShardView& shard : view.shards) shard.load = 0;
}

void Balancer::EndSteps(const ClusterSight& sight, const Shards& shards) {
  std::erase_if(avoided_, [&](const auto& avoided) { return sight.now >= avoided.second; });
  std::erase_if(settled_, [&](const auto& settled) { return sight.now >= settled.second; });
  std::vector<ShardId> gone;
  for (auto& [id, under_way] : under_way_) {
    const bool hand_over = IsHandOver(under_way.step);
    // What is not written down yet has not begun; what is being written down will be looked at.
    const bool writable = !recording_ && news_.ended.size() < kMaxNews;
    if (!hand_over && (under_way.operation.is_none() || under_way.ending || !writable)) continue;
    const auto found = shards.find(id);
    std::optional<StepEnd> end = EndOf(under_way, found == shards.end() ? nullptr : &found->second,
                                       sight.now, [&](NodeId node) { return IsUp(node, sight); });
    if (!end.has_value()) continue;
    if (hand_over) gone.push_back(id);
    End(id, under_way, *std::move(end), sight.now);
  }
  for (const ShardId id : gone) under_way_.erase(id);
}

void Balancer::End(ShardId shard, StepUnderWay& under_way, StepEnd end, MonoTime now) {
  const bool done = end.state == kv::OperationState::kSucceeded;
  const NodeId to = BeneficiaryOf(under_way.step);
  if (!done && !to.is_none()) avoided_[{shard, to}] = now + kAvoidance;
  if (IsHandOver(under_way.step)) {
    logger_.Info("step_ended", {{"step", ToString(under_way.step)}, {"done", done}});
    return;
  }
  under_way.ending = true;
  news_.ended.push_back(
      {.id = under_way.operation, .state = end.state, .reason = std::move(end.reason)});
}

// A person had them added, or an operation that did was given up. One that may be of use becomes a
// voter; if that is one too many, the planner says which one is to go.
void Balancer::AdoptLearners(const ClusterSight& sight, const Shards& shards,
                             const sharding::ClusterView& view) {
  for (const sharding::ShardView& shard : view.shards) {
    if (under_way_.contains(shard.shard)) continue;
    for (const sharding::ReplicaView& replica : shard.replicas) {
      const NodeId node = replica.node;
      if (replica.role != sharding::ReplicaRole::kLearner) continue;
      sharding::Step step = sharding::AddReplica{.shard = shard.shard, .to = node};
      if (shard.Avoids(node) || !IsUp(node, sight)) {
        step = sharding::RemoveReplica{.shard = shard.shard, .from = node};
      }
      Begin(step, "adopted", shards.at(shard.shard), sight.now);
      break;
    }
  }
}

void Balancer::BeginSteps(const Shards& shards, const sharding::ClusterView& view, MonoTime now) {
  const sharding::Plan plan = sharding::MakePlan(view, options_.planner);
  for (size_t i = 0; i < plan.at_once; ++i) {
    const auto& [step, cause] = plan.steps[i];
    Begin(step, ToString(cause), shards.at(ShardOf(step)), now);
    if (cause == sharding::Cause::kLoadBalance) {
      settled_[ShardOf(step)] = now + kSettledSpans * options_.load_span;
    }
  }
}

void Balancer::Begin(const sharding::Step& step, std::string_view cause, const ShardReport& shard,
                     MonoTime now) {
  const bool hand_over = IsHandOver(step);
  if (!hand_over && news_.begun.size() == kMaxNews) return;
  kv::OperationRecord record = RecordOf(step, cause, shard.claim);
  under_way_[ShardOf(step)] = UnderWay(record, now);
  if (hand_over) {
    logger_.Info("step_begun", {{"step", ToString(record.step)}, {"cause", record.cause}});
  } else {
    news_.begun.push_back(std::move(record));
  }
}

void Balancer::Record(WallTime now) {
  if (recording_ || news_.empty()) return;
  recording_ = true;
  news_.at = now;
  port_.record(std::exchange(news_, {}), [this, alive = std::weak_ptr<bool>(alive_)](bool ok) {
    if (!alive.expired()) OnRecorded(ok);
  });
}

void Balancer::OnRecorded(bool ok) {
  recording_ = false;
  next_look_ = {};  // what is written down is carried on at once
  if (ok) return;
  // What has become of it the directory will say; until then it is looked at again.
  for (auto& [shard, under_way] : under_way_) under_way.ending = false;
}

void Balancer::SendOrders(const ClusterSight& sight, const Shards& shards) {
  const auto is_up = [&](NodeId node) { return IsUp(node, sight); };
  for (const auto& [id, under_way] : under_way_) {
    const auto shard = shards.find(id);
    if (shard == shards.end()) continue;
    // Its end may still have to wait for others to be written down.
    if (EndOf(under_way, &shard->second, sight.now, is_up).has_value()) continue;
    const std::optional<ShardOrder> order = NextOrder(under_way, shard->second, is_up);
    if (order.has_value()) port_.send(shard->second.claim.leader.node, *order);
  }
}

void Balancer::ForgetNodes(const ClusterSight& sight, const Shards& shards) {
  for (const auto& [node, record] : sight.directory.nodes()) {
    if (record.duty != sharding::NodeDuty::kLeave) continue;
    if (SilenceOf(node, sight) <= options_.gone_after) continue;
    const bool empty = std::none_of(shards.begin(), shards.end(), [id = node](const auto& shard) {
      return shard.second.claim.configuration.On(id) != nullptr;
    });
    if (empty) port_.forget(node);
  }
}

}  // namespace flotilla::node
