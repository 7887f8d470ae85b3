#include "sharding/placement.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "base/check.h"

namespace flotilla::sharding {

namespace {

// Every node that is listed, or that a replica names although it was removed.
std::map<NodeId, PlacedNode> NodesOf(const ClusterView& view, Duration dead_after) {
  std::map<NodeId, PlacedNode> nodes;
  for (const ShardView& shard : view.shards) {
    for (const ReplicaView& replica : shard.replicas) nodes[replica.node].id = replica.node;
  }
  for (const NodeView& listed : view.nodes) {
    PlacedNode& node = nodes[listed.node];
    node.id = listed.node;
    node.zone = listed.zone;
    node.weight = listed.weight;
    node.state = listed.state;
    node.dead = listed.state == NodeState::kDown && listed.down_for >= dead_after;
  }
  return nodes;
}

std::vector<const ShardView*> ByArc(const ClusterView& view) {
  std::vector<const ShardView*> shards;
  for (const ShardView& shard : view.shards) shards.push_back(&shard);
  std::sort(shards.begin(), shards.end(), [](const ShardView* a, const ShardView* b) {
    return std::tie(a->arc.first, a->shard) < std::tie(b->arc.first, b->shard);
  });
  return shards;
}

// The finalizer of splitmix64.
uint64_t Mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

const PlacedReplica* PlacedShard::On(NodeIndex node) const {
  const auto found = std::find_if(replicas.begin(), replicas.end(),
                                  [node](const PlacedReplica& r) { return r.node == node; });
  return found == replicas.end() ? nullptr : &*found;
}

Placement::Placement(const ClusterView& view, Duration dead_after) : rules_(view.rules) {
  for (auto& [id, node] : NodesOf(view, dead_after)) {
    node_of_[id] = static_cast<NodeIndex>(nodes_.size());
    nodes_.push_back(std::move(node));
  }
  for (const ShardView* from : ByArc(view)) {
    const auto index = static_cast<ShardIndex>(shards_.size());
    shard_of_[from->shard] = index;
    PlacedShard& shard = shards_.emplace_back();
    shard.id = from->shard;
    shard.arc = from->arc;
    shard.bytes = from->bytes;
    shard.load = from->load;
    shard.pending = from->pending.has_value();
    shard.view = from;
    for (const ReplicaView& r : from->replicas) {
      shard.replicas.push_back({node_of_.at(r.node), r.role, r.failed, r.kept});
    }
    std::sort(shard.replicas.begin(), shard.replicas.end(),
              [](const PlacedReplica& a, const PlacedReplica& b) { return a.node < b.node; });
    for (const PlacedReplica& replica : shard.replicas) Tally(index, replica);
    const NodeIndex leader = NodeOf(from->leader);
    if (leader != kNobody && shard.On(leader) != nullptr) Lead(shard.id, leader);
  }
}

NodeIndex Placement::NodeOf(NodeId node) const {
  const auto found = node_of_.find(node);
  return found == node_of_.end() ? kNobody : found->second;
}

ShardIndex Placement::ShardAt(ShardId shard) const { return shard_of_.at(shard); }

bool Placement::IsLive(const PlacedReplica& replica) const {
  return !replica.failed && nodes_[replica.node].IsLive();
}

bool Placement::IsLost(const PlacedShard& shard, const PlacedReplica& replica) const {
  if (replica.failed || nodes_[replica.node].dead) return true;
  if (IsLive(replica)) return false;
  const auto away = std::count_if(
      shard.replicas.begin(), shard.replicas.end(),
      [this](const PlacedReplica& other) { return other.IsVoter() && !IsLive(other); });
  return away > 1;
}

int Placement::MarginWithout(const PlacedShard& shard, NodeIndex removed) const {
  int live = 0;
  int voters = 0;
  for (const PlacedReplica& replica : shard.replicas) {
    if (!replica.IsVoter() || replica.node == removed) continue;
    ++voters;
    if (IsLive(replica)) ++live;
  }
  return live - (voters / 2 + 1);
}

int Placement::Margin(const PlacedShard& shard) const { return MarginWithout(shard, kNobody); }

bool Placement::CanChange(const PlacedShard& shard) const {
  return !shard.pending && Margin(shard) >= 0;
}

bool Placement::IsHealthy(const PlacedShard& shard) const {
  return CanChange(shard) && std::all_of(shard.replicas.begin(), shard.replicas.end(),
                                         [this](const PlacedReplica& replica) {
                                           return replica.IsVoter() && IsLive(replica);
                                         });
}

bool Placement::KeepsQuorumWithout(const PlacedShard& shard, NodeIndex removed) const {
  return MarginWithout(shard, removed) >= 0;
}

bool Placement::Fits(const PlacedShard& shard, NodeIndex to) const {
  return nodes_[to].Accepts() && shard.On(to) == nullptr && !shard.view->Avoids(nodes_[to].id);
}

bool Placement::MayLead(const PlacedShard& shard, NodeIndex to) const {
  const PlacedReplica* heir = shard.On(to);
  return heir != nullptr && heir->IsVoter() && !heir->failed && nodes_[to].Accepts() &&
         !shard.view->Avoids(nodes_[to].id);
}

uint32_t Placement::Conflicts(const PlacedShard& shard, NodeIndex from, NodeIndex to) const {
  uint32_t pairs = 0;
  const auto count_with = [&](NodeIndex node, size_t others) {
    if (nodes_[node].zone.empty()) return;
    for (size_t i = 0; i < others; ++i) {
      const NodeIndex other = shard.replicas[i].node;
      if (other != from && nodes_[other].zone == nodes_[node].zone) ++pairs;
    }
  };
  for (size_t i = 0; i < shard.replicas.size(); ++i) {
    if (shard.replicas[i].node != from) count_with(shard.replicas[i].node, i);
  }
  if (to != kNobody) count_with(to, shard.replicas.size());
  return pairs;
}

void Placement::Apply(const Step& step) {
  if (const auto* move = std::get_if<MoveReplica>(&step)) {
    const bool leads = shards_[ShardAt(move->shard)].leader == NodeOf(move->from);
    Add(move->shard, move->to);
    if (leads) Lead(move->shard, NodeOf(move->to));
    Remove(move->shard, move->from);
  } else if (const auto* add = std::get_if<AddReplica>(&step)) {
    Add(add->shard, add->to);
  } else if (const auto* remove = std::get_if<RemoveReplica>(&step)) {
    Remove(remove->shard, remove->from);
  } else if (const auto* transfer = std::get_if<TransferLeader>(&step)) {
    Lead(transfer->shard, NodeOf(transfer->to));
  } else {
    shards_[ShardAt(std::get<SplitShard>(step).shard)].pending = true;
    ++splits_;
  }
}

void Placement::Tally(ShardIndex shard, const PlacedReplica& replica) {
  PlacedNode& node = nodes_[replica.node];
  ++node.replicas;
  node.bytes += shards_[shard].bytes;
  node.shards.insert(std::upper_bound(node.shards.begin(), node.shards.end(), shard), shard);
}

void Placement::Add(ShardId id, NodeId node) {
  const ShardIndex index = ShardAt(id);
  PlacedShard& shard = shards_[index];
  const PlacedReplica replica{.node = NodeOf(node)};
  FLOTILLA_CHECK(replica.node != kNobody && shard.On(replica.node) == nullptr);
  shard.replicas.insert(
      std::find_if(shard.replicas.begin(), shard.replicas.end(),
                   [&](const PlacedReplica& other) { return other.node > replica.node; }),
      replica);
  Tally(index, replica);
}

void Placement::Remove(ShardId id, NodeId node_id) {
  const ShardIndex index = ShardAt(id);
  PlacedShard& shard = shards_[index];
  const NodeIndex node = NodeOf(node_id);
  if (shard.leader == node) Lead(id, kNobody);
  std::erase_if(shard.replicas, [node](const PlacedReplica& r) { return r.node == node; });
  --nodes_[node].replicas;
  nodes_[node].bytes -= shard.bytes;
  std::erase(nodes_[node].shards, index);
}

void Placement::Lead(ShardId id, NodeIndex node) {
  PlacedShard& shard = shards_[ShardAt(id)];
  if (shard.leader != kNobody) {
    --nodes_[shard.leader].leaders;
    nodes_[shard.leader].load -= shard.load;
  }
  shard.leader = node;
  if (node != kNobody) {
    ++nodes_[node].leaders;
    nodes_[node].load += shard.load;
  }
}

uint64_t Affinity(const PlacedShard& shard, const PlacedNode& node) {
  return Mix(Mix(node.id.value()) + shard.arc.first.value);
}

}  // namespace flotilla::sharding
