#include "tests/node/load_rig.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "gtest/gtest.h"

namespace flotilla::node {

namespace {

using std::chrono::seconds;

constexpr uint32_t kReplicas = 3;

}  // namespace

LoadRig::LoadRig(uint64_t nodes, uint64_t shards, sharding::PlannerOptions planner)
    : nodes_(nodes), options_{.planner = planner} {
  for (uint64_t id = 1; id <= nodes; ++id) {
    Change(directory_.Register({.node = NodeId(id),
                                .incarnation = Incarnation(id),
                                .peer_address = "p",
                                .client_address = "c"}));
  }
  for (uint64_t i = 0; i < shards; ++i) {
    sharding::ShardClaim& claim = shards_[ShardId(i + 1)];
    const uint64_t first = i * sharding::kSlotCount / shards;
    const uint64_t last = (i + 1) * sharding::kSlotCount / shards - 1;
    claim.descriptor = {.shard = ShardId(i + 1),
                        .arc = {{static_cast<uint16_t>(first)}, {static_cast<uint16_t>(last)}},
                        .version = 1};
    claim.leader = {.term = Term(1), .node = NodeId(i % nodes + 1)};
    claim.configuration.index = LogIndex(1);
    // With each leader in turn, all pairs of other nodes.
    std::set<uint64_t> on{i % nodes};
    for (uint64_t r = 0; on.size() < kReplicas; ++r) {
      on.insert((i + 1 + (i / nodes + r) % (nodes - 1)) % nodes);
    }
    for (const uint64_t node : on) {
      claim.configuration.replicas.push_back({NodeId(node + 1), ReplicaId(node + 1)});
    }
  }
  Ask({}, [](const auto&, sharding::Slot, Duration) { return 0; });
  Elect();
}

void LoadRig::Ask(std::vector<sharding::Slot> slots, LoadAt load) {
  slots_ = std::move(slots);
  load_ = std::move(load);
}

void LoadRig::Change(const absl::StatusOr<kv::DirectoryChange>& change) {
  ASSERT_TRUE(change.ok()) << change.status();
  if (change->empty()) return;
  ASSERT_TRUE(directory_.Apply(*change).ok());
}

void LoadRig::Elect() {
  leading_since_ = now_;
  balancer_ = std::make_unique<Balancer>(
      options_, logger_,
      Balancer::Port{
          .send = [this](NodeId, const ShardOrder& order) { Obey(order); },
          .record =
              [this](const kv::OperationNews& news, const std::function<void(bool)>& done) {
                Change(directory_.Record(news));
                done(true);
              },
          .forget = [](NodeId) {}});
}

double LoadRig::LoadOf(const sharding::ShardClaim& shard) const {
  double load = scans_;
  for (const sharding::Slot slot : slots_) {
    if (shard.descriptor.arc.Contains(slot)) load += load_(shard, slot, now());
  }
  return load;
}

double LoadRig::Imbalance() const {
  std::map<NodeId, double> loads;
  double all = 0;
  for (const auto& [id, shard] : shards_) {
    loads[shard.leader.node] += LoadOf(shard);
    all += LoadOf(shard);
  }
  double most = 0;
  for (const auto& [node, load] : loads) most = std::max(most, load);
  return all == 0 ? 1 : most * static_cast<double>(nodes_) / all;
}

LoadSample LoadRig::Sample(const sharding::ShardClaim& shard) {
  std::vector<std::pair<double, sharding::Slot>> upto;
  double all = 0;
  for (const sharding::Slot slot : slots_) {
    if (!shard.descriptor.arc.Contains(slot)) continue;
    all += load_(shard, slot, now());
    upto.emplace_back(all, slot);
  }
  LoadSample sample;
  if (all + scans_ < 1) return sample;
  std::map<sharding::Slot, uint64_t> picked;
  for (sample.picked = 0; sample.picked < LoadSample::kMaxPicked; ++sample.picked) {
    const double place = (all + scans_) * static_cast<double>(random_.Below(1'000'000)) / 1e6;
    const auto at =
        std::upper_bound(upto.begin(), upto.end(), place,
                         [](double value, const auto& end) { return value < end.first; });
    if (at != upto.end()) ++picked[at->second];
  }
  for (const auto& [slot, requests] : picked) sample.slots.push_back({slot, requests});
  return sample;
}

void LoadRig::Measure() {
  for (const auto& [id, shard] : shards_) {
    if (muted_[id]) continue;
    Window& window = windows_[id];
    ++window.number;
    const double wrong =
        static_cast<double>(random_.Between(100 - noise_percent_, 100 + noise_percent_)) / 100;
    window.load = static_cast<uint64_t>(std::llround(LoadOf(shard) * wrong));
    window.sample = Sample(shard);
  }
}

void LoadRig::Report() {
  for (uint64_t id = 1; id <= nodes_; ++id) {
    heard_[NodeId(id)].at = now_;
    heard_[NodeId(id)].report.shards.clear();
  }
  for (const auto& [id, claim] : shards_) {
    Change(directory_.Claim({&claim, 1}));
    ShardReport report{.claim = claim};
    report.claim.counters = {.load = windows_[id].load, .report = windows_[id].number};
    report.load_sample = windows_[id].sample;
    for (const sharding::ReplicaPlace& place : claim.configuration.replicas) {
      if (place.role == sharding::ReplicaRole::kLearner) report.caught_up.push_back(place.node);
    }
    heard_[claim.leader.node].report.shards.push_back(std::move(report));
  }
}

void LoadRig::Run(Duration time) {
  const MonoTime end = now_ + time;
  while (now_ < end && !::testing::Test::HasFatalFailure()) {
    now_ += seconds(1);
    if (now().count() % Duration(seconds(2)).count() == 0) Measure();
    Report();
    balancer_->Tick({.directory = directory_,
                     .heard = heard_,
                     .leading_since = leading_since_,
                     .now = now_,
                     .directory_shard = std::nullopt,
                     .wall_now = WallTime(now_.time_since_epoch())},
                    kReplicas);
  }
}

void LoadRig::Obey(const ShardOrder& order) {
  sharding::ShardClaim& claim = shards_.at(order.shard);
  if (const auto* hand_over = std::get_if<HandOver>(&order.what)) {
    if (hand_over->term != claim.leader.term) return;
    claim.leader = {.term = claim.leader.term.next(), .node = hand_over->to};
    events_.push_back({.at = now(), .shard = order.shard, .child = {}});
  } else if (const auto* split = std::get_if<kv::SplitShard>(&order.what)) {
    if (split->shard_version != claim.descriptor.version) return;
    ASSERT_TRUE(claim.descriptor.arc.IsCutBy(split->at));
    ++claim.descriptor.version;
    sharding::ShardClaim& child = shards_[split->child] = claim;
    child.descriptor.shard = split->child;
    child.descriptor.arc.first = split->at;
    claim.descriptor.arc.last.value = static_cast<uint16_t>(split->at.value - 1);
    events_.push_back({.at = now(), .shard = order.shard, .child = split->child});
  } else {
    ChangeMembers(std::get<node::ChangeMembers>(order.what), claim.configuration);
    return;
  }
  windows_[order.shard] = {};
}

void LoadRig::ChangeMembers(const node::ChangeMembers& change,
                            sharding::ConfigurationClaim& configuration) {
  if (change.configuration != configuration.index) return;
  ++configuration.index;
  std::map<NodeId, sharding::ReplicaPlace> places;
  for (const sharding::ReplicaPlace& place : configuration.replicas) places[place.node] = place;
  if (const NodeId to = change.add_learner; !to.is_none()) {
    places[to] = {to, ReplicaId(configuration.index.value()), sharding::ReplicaRole::kLearner};
  }
  if (!change.promote.is_none()) places[change.promote].role = sharding::ReplicaRole::kVoter;
  places.erase(change.remove);
  configuration.replicas.clear();
  for (const auto& [node, place] : places) configuration.replicas.push_back(place);
}

std::vector<LoadRig::Event> LoadRig::Events(bool splits) const {
  std::vector<Event> events;
  std::copy_if(events_.begin(), events_.end(), std::back_inserter(events),
               [splits](const Event& event) { return event.child.is_none() != splits; });
  return events;
}

}  // namespace flotilla::node
