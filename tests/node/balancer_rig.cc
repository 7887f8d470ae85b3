#include "tests/node/balancer_rig.h"

#include <algorithm>
#include <utility>

#include "gtest/gtest.h"

namespace flotilla::node {

namespace {

constexpr uint64_t kNodes = 4;
constexpr uint32_t kReplicas = 3;

sharding::NodeRecord NodeOf(uint64_t id) {
  return {.node = NodeId(id),
          .incarnation = Incarnation(id),
          .peer_address = "p",
          .client_address = "c"};
}

}  // namespace

BalancerRig::BalancerRig() {
  for (uint64_t id = 1; id <= kNodes; ++id) Change(directory_.Register(NodeOf(id)));
  report_.claim.descriptor = {.shard = kShard, .arc = {}, .version = 1};
  report_.claim.leader = {.term = Term(1), .node = NodeId(1)};
  SetMembers({1, 2, 3});
  Elect();
}

void BalancerRig::Change(const absl::StatusOr<kv::DirectoryChange>& change) {
  ASSERT_TRUE(change.ok()) << change.status();
  if (change->empty()) return;
  ASSERT_TRUE(directory_.Apply(*change).ok());
}

void BalancerRig::Elect(bool plans, Duration hears) {
  recording_.reset();
  leading_since_ = now_;
  balancer_ = std::make_unique<Balancer>(
      BalancerOptions{.planner = {}, .plans = plans}, logger_,
      Balancer::Port{.send =
                         [this](NodeId, const ShardOrder& order) {
                           orders.push_back(order);
                           if (!lose_orders) Obey(order);
                         },
                     .record =
                         [this](kv::OperationNews news, std::function<void(bool)> done) {
                           recording_ = {std::move(news), std::move(done)};
                           if (!hold_records) FinishRecord(true);
                         },
                     .forget = [](NodeId) {}});
  Look(hears);
}

void BalancerRig::FinishRecord(bool durable, bool known) {
  const Recording recording = *std::exchange(recording_, std::nullopt);
  if (durable) Change(directory_.Record(recording.news));
  recording.done(durable && known);
}

void BalancerRig::Report() {
  Change(directory_.Claim({&report_.claim, 1}));
  for (uint64_t id = 1; id <= kNodes; ++id) {
    if (silent[id]) continue;
    DirectoryKeeper::Heard& heard = heard_[NodeId(id)];
    heard.at = now_;
    heard.report.shards.clear();
    if (report_.claim.leader.node == NodeId(id)) heard.report.shards = {report_};
  }
}

void BalancerRig::Look(Duration later) {
  now_ += later;
  sharding::ConfigurationClaim& configuration = report_.claim.configuration;
  if (configuration.joint && !stay_joint) {
    configuration.joint = false;
    ++configuration.index;
  }
  report_.caught_up.clear();
  for (const uint64_t learner : fills ? Learners() : std::vector<uint64_t>()) {
    report_.caught_up.emplace_back(learner);
  }
  Report();
  balancer_->Tick(Sight(directory_), kReplicas);
}

ClusterSight BalancerRig::Sight(const kv::Directory& directory) const {
  return {.directory = directory,
          .heard = heard_,
          .leading_since = leading_since_,
          .now = now_,
          .directory_shard = std::nullopt,
          .wall_now = WallTime(now_.time_since_epoch())};
}

absl::StatusOr<PlanPreview> BalancerRig::Preview(const std::vector<DutyChange>& changes) const {
  const auto directory = WithDuties(directory_, changes);
  if (!directory.ok()) return directory.status();
  const auto basis = balancer_->Basis(Sight(*directory), kReplicas);
  if (!basis.ok()) return basis.status();
  return PreviewOf(*basis);
}

bool BalancerRig::Settle(int looks) {
  for (; looks > 0; --looks) {
    Look();
    const auto& operations = directory_.operations();
    const bool runs = std::any_of(operations.begin(), operations.end(),
                                  [](const auto& each) { return !each.second.has_ended(); });
    if (!runs) return true;
  }
  return false;
}

void BalancerRig::SetDuty(uint64_t node, sharding::NodeDuty duty) {
  kv::DirectoryChange change;
  change.nodes = {directory_.nodes().at(NodeId(node))};
  change.nodes[0].duty = duty;
  Change(change);
}

absl::Status BalancerRig::Cancel(uint64_t operation) {
  const auto change = directory_.Cancel(kv::OperationId(operation));
  if (change.ok()) Change(change);
  return change.status();
}

absl::StatusOr<uint64_t> BalancerRig::Ask(const sharding::Step& step) {
  const ClusterSight sight = Sight(directory_);
  const auto asked = balancer_->Asked(step, sight);
  if (!asked.ok()) return asked.status();
  const auto change = directory_.Begin(*asked, sight.wall_now);
  if (!change.ok()) return change.status();
  Change(change);
  return change->operations.back().id.value();
}

std::vector<uint64_t> BalancerRig::Members(sharding::ReplicaRole role) const {
  std::vector<uint64_t> members;
  for (const sharding::ReplicaPlace& place : report_.claim.configuration.replicas) {
    if (place.role == role) members.push_back(place.node.value());
  }
  return members;
}

void BalancerRig::SetMembers(const std::vector<uint64_t>& voters,
                             const std::vector<uint64_t>& learners) {
  std::map<uint64_t, sharding::ReplicaRole> roles;
  for (const uint64_t node : voters) roles[node] = sharding::ReplicaRole::kVoter;
  for (const uint64_t node : learners) roles[node] = sharding::ReplicaRole::kLearner;
  sharding::ConfigurationClaim& configuration = report_.claim.configuration;
  ++configuration.index;
  configuration.replicas.clear();
  report_.caught_up.clear();
  report_.learners.clear();
  for (const auto& [node, role] : roles) {
    configuration.replicas.push_back({NodeId(node), ReplicaId(node), role});
  }
}

// As Replica::Obey: what was meant for another configuration, term or version is dropped.
void BalancerRig::Obey(const ShardOrder& order) {
  sharding::ShardClaim& claim = report_.claim;
  if (const auto* hand_over = std::get_if<HandOver>(&order.what)) {
    if (hand_over->term != claim.leader.term) return;
    claim.leader = {.term = claim.leader.term.next(), .node = hand_over->to};
    return;
  }
  if (const auto* split = std::get_if<kv::SplitShard>(&order.what)) {
    if (split->shard_version == claim.descriptor.version) ++claim.descriptor.version;
    return;
  }
  const auto& members = std::get<ChangeMembers>(order.what);
  if (claim.configuration.joint || members.configuration != claim.configuration.index) return;
  std::vector<uint64_t> voters = Voters();
  std::vector<uint64_t> learners = Learners();
  const bool joint = !members.promote.is_none() && !members.remove.is_none();
  std::erase(voters, members.remove.value());
  std::erase(learners, members.remove.value());
  if (!members.add_learner.is_none()) learners.push_back(members.add_learner.value());
  if (!members.promote.is_none()) {
    std::erase(learners, members.promote.value());
    voters.push_back(members.promote.value());
  }
  SetMembers(voters, learners);
  claim.configuration.joint = joint;
}

}  // namespace flotilla::node
