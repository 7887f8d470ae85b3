// Shards are split, and what must then be true of all of them.
#include <algorithm>
#include <sstream>

#include "kv/directory.h"
#include "tests/simulation/cluster/cluster_world.h"

namespace flotilla::simulation {

namespace {

constexpr uint64_t kFirstChild = 100;

}  // namespace

void ClusterWorld::SplitSomeShard() {
  if (!shards_.empty()) Split(random_.Pick(shards_));
}

// At a key of the workload, so that both halves get something to do, or anywhere.
void ClusterWorld::Split(sharding::ShardDescriptor shard) {
  if (children_ == kChildrenMax) return;
  std::vector<sharding::Slot> places;
  for (const std::string& key : options_.client.workload.AllKeys()) {
    const sharding::Slot slot = sharding::SlotOf(key);
    if (shard.arc.IsCutBy(slot)) places.push_back(slot);
  }
  if (places.empty() || random_.Chance(1, 4)) {
    const uint64_t any = random_.Between(shard.arc.first.value, shard.arc.last.value);
    places.assign(1, {static_cast<uint16_t>(any)});
    if (!shard.arc.IsCutBy(places.front())) return;
  }
  const kv::SplitShard split{.child = ShardId(kFirstChild + children_++),
                             .at = random_.Pick(places),
                             .shard_version = shard.version};
  for (NodeIndex node = 0; node < host_->size(); ++node) {
    if (host_->node(node) == nullptr) continue;
    host_->node(node)->SplitShard(shard.shard, split,
                                  [this, id = shard.shard](const absl::Status& status) {
                                    if (!status.ok()) return;
                                    record_.Mark("cluster.shard_split");
                                    // What comes right behind a split is a case of its own.
                                    if (random_.Chance(1, 2))
                                      After({}, [this, id] { SplitAgain(id); });
                                  });
  }
}

void ClusterWorld::SplitAgain(ShardId id) {
  if (!safety_phase_) return;
  Inspect();
  const auto shard = std::find_if(shards_.begin(), shards_.end(),
                                  [id](const auto& known) { return known.shard == id; });
  if (shard != shards_.end()) Split(*shard);
}

void ClusterWorld::NoteShard(NodeIndex node, const node::ReplicaStatus& replica) {
  // Before the first snapshot a replica knows nothing of its shard.
  if (replica.raft.applied.is_none() || replica.failed || shards_.empty()) return;
  const auto known = std::find_if(shards_.begin(), shards_.end(),
                                  [&](const auto& shard) { return shard.shard == replica.shard; });
  const sharding::ShardDescriptor said{
      .shard = replica.shard, .arc = replica.arc, .version = replica.shard_version};
  seen_shards_.try_emplace({said.shard, said.version}, SeenShard{world_.now(), said.arc});
  if (known == shards_.end()) {
    shards_.push_back(said);
    record_.Mark("cluster.child_seen");
    // The directory gave it its id.
    if (replica.shard >= kv::kFirstNamedShard) record_.Mark("cluster.split_by_size");
    return;
  }
  if (known->version < said.version) *known = said;
  if (known->version == said.version && !(known->arc == said.arc)) {
    record_.Fail("node " + std::to_string(node) + " has another arc for version " +
                 std::to_string(said.version) + " of shard " + ToString(said.shard));
  }
}

// Every node knows all shards, as they are, where they are led, and all nodes.
std::string ClusterWorld::WhatMapsLack() const {
  std::map<ShardId, sharding::ShardDescriptor> all;
  for (const sharding::ShardDescriptor& shard : shards_) all[shard.shard] = shard;
  for (const NodeIndex node : core_) {
    if (IsDownForGood(node)) continue;
    const std::string who = "node " + ToString(NodeOf(node));
    if (host_->node(node) == nullptr) return who + " is down";
    std::map<ShardId, sharding::ShardDescriptor> known;
    for (const auto& [descriptor, route] : host_->node(node)->ShardMap()) {
      known[descriptor.shard] = descriptor;
      if (route.leader.is_none()) {
        return who + " does not know who leads shard " + ToString(descriptor.shard);
      }
    }
    if (known != all) return who + " has another map";
    const std::vector<sharding::NodeRecord> nodes = host_->node(node)->Status().directory.nodes;
    for (const NodeIndex other : core_) {
      const bool listed = std::any_of(nodes.begin(), nodes.end(), [&](const auto& record) {
        return record.node == NodeOf(other);
      });
      if (!listed && !IsDownForGood(other)) {
        return who + " does not know of node " + ToString(NodeOf(other));
      }
    }
  }
  return "";
}

void ClusterWorld::CheckArcs() {
  std::vector<sharding::ShardDescriptor> shards = shards_;
  std::sort(shards.begin(), shards.end(),
            [](const auto& a, const auto& b) { return a.arc.first < b.arc.first; });
  uint32_t next = 0;
  for (const sharding::ShardDescriptor& shard : shards) {
    if (shard.arc.first.value != next) break;
    next = shard.arc.last.value + 1u;
  }
  if (next == sharding::kSlotCount) return;
  record_.Fail("slot " + std::to_string(next) + " has no owner, or more than one");
}

}  // namespace flotilla::simulation
