#include "tests/sharding/cluster_model.h"

#include <algorithm>
#include <sstream>

#include <gtest/gtest.h>

namespace flotilla::sharding {

namespace {

ReplicaView* FindOn(ShardView& shard, NodeId node) {
  for (ReplicaView& replica : shard.replicas) {
    if (replica.node == node) return &replica;
  }
  return nullptr;
}

// What of a shard's load is at these of its samples.
uint64_t LoadShare(const ShardView& shard, const std::vector<SlotSample>& samples) {
  const auto sum = [](const std::vector<SlotSample>& of) {
    uint64_t total = 0;
    for (const SlotSample& sample : of) total += sample.load;
    return total;
  };
  const uint64_t all = sum(shard.samples);
  return all == 0 ? 0 : shard.divisible_load * sum(samples) / all;
}

}  // namespace

bool IsCopy(const Step& step) {
  return std::holds_alternative<MoveReplica>(step) || std::holds_alternative<AddReplica>(step);
}

ClusterModel::ClusterModel(uint32_t nodes, uint32_t shards, uint32_t replicas)
    : last_shard_(shards) {
  view_.rules.replicas = replicas;
  for (uint32_t i = 0; i < nodes; ++i) AddNode();
  for (uint32_t i = 0; i < shards; ++i) {
    ShardView& shard = view_.shards.emplace_back();
    shard.shard = ShardId(i + 1);
    shard.arc.first = Slot{static_cast<uint16_t>(i * kSlotCount / shards)};
    shard.arc.last = Slot{static_cast<uint16_t>((i + 1) * kSlotCount / shards - 1)};
    shard.bytes = 1000;
    shard.load = 10;
    for (uint32_t r = 0; r < std::min(replicas, nodes); ++r) {
      shard.replicas.push_back({NodeId((i + r) % nodes + 1), ReplicaRole::kVoter, false});
    }
    shard.leader = shard.replicas.front().node;
  }
}

NodeView& ClusterModel::node(uint64_t id) {
  return *std::find_if(view_.nodes.begin(), view_.nodes.end(),
                       [id](const NodeView& n) { return n.node == NodeId(id); });
}

ShardView& ClusterModel::shard(uint64_t id) {
  return *std::find_if(view_.shards.begin(), view_.shards.end(),
                       [id](const ShardView& s) { return s.shard == ShardId(id); });
}

NodeId ClusterModel::AddNode(const std::string& zone, uint32_t weight) {
  const NodeId id(++last_node_);
  view_.nodes.push_back({.node = id, .zone = zone, .weight = weight});
  return id;
}

void ClusterModel::RemoveNode(uint64_t id) {
  std::erase_if(view_.nodes, [id](const NodeView& n) { return n.node == NodeId(id); });
  ElectLeaders();
}

void ClusterModel::KillNode(uint64_t id, Duration down_for) {
  node(id).state = NodeState::kDown;
  node(id).down_for = down_for;
  ElectLeaders();
}

void ClusterModel::ElectLeaders() {
  for (ShardView& shard : view_.shards) {
    const ReplicaView* leader = FindOn(shard, shard.leader);
    if (leader != nullptr && IsLive(*leader) && leader->role == ReplicaRole::kVoter) continue;
    shard.leader = NodeId();
    if (!HasQuorum(shard)) continue;
    for (const ReplicaView& replica : shard.replicas) {
      if (IsLive(replica) && replica.role == ReplicaRole::kVoter) shard.leader = replica.node;
    }
  }
}

void ClusterModel::Scatter(Random& random) {
  for (ShardView& shard : view_.shards) {
    std::vector<NodeId> all;
    for (const NodeView& node : view_.nodes) all.push_back(node.node);
    random.Shuffle(all);
    for (size_t i = 0; i < shard.replicas.size(); ++i) shard.replicas[i].node = all[i];
    shard.leader = random.Pick(shard.replicas).node;
  }
}

const NodeView* ClusterModel::Find(NodeId id) const {
  for (const NodeView& node : view_.nodes) {
    if (node.node == id) return &node;
  }
  return nullptr;
}

bool ClusterModel::IsLive(const ReplicaView& replica) const {
  const NodeView* on = Find(replica.node);
  return !replica.failed && on != nullptr && on->state != NodeState::kDown;
}

bool ClusterModel::HasQuorum(const ShardView& shard) const {
  size_t voters = 0;
  size_t live = 0;
  for (const ReplicaView& replica : shard.replicas) {
    if (replica.role != ReplicaRole::kVoter) continue;
    ++voters;
    live += IsLive(replica) ? 1 : 0;
  }
  return live > voters / 2;
}

void ClusterModel::CheckTarget(const ShardView& shard, NodeId to) const {
  const NodeView* target = Find(to);
  ASSERT_NE(target, nullptr);
  EXPECT_EQ(target->state, NodeState::kUp);
  EXPECT_GT(target->weight, 0u);
  for (const ReplicaView& replica : shard.replicas) EXPECT_NE(replica.node, to);
}

void ClusterModel::Carry(const Step& step) {
  SCOPED_TRACE(ToString(step));
  ShardView& changed = shard(ShardOf(step).value());
  EXPECT_FALSE(changed.pending.has_value());
  EXPECT_TRUE(HasQuorum(changed));
  if (const auto* move = std::get_if<MoveReplica>(&step)) {
    CheckTarget(changed, move->to);
    ReplicaView* from = FindOn(changed, move->from);
    ASSERT_NE(from, nullptr);
    if (changed.leader == move->from) changed.leader = move->to;
    *from = {move->to, ReplicaRole::kVoter, false};
  } else if (const auto* add = std::get_if<AddReplica>(&step)) {
    CheckTarget(changed, add->to);
    changed.replicas.push_back({add->to, ReplicaRole::kVoter, false});
  } else if (const auto* remove = std::get_if<RemoveReplica>(&step)) {
    ASSERT_NE(FindOn(changed, remove->from), nullptr);
    std::erase_if(changed.replicas, [&](const ReplicaView& r) { return r.node == remove->from; });
  } else if (const auto* transfer = std::get_if<TransferLeader>(&step)) {
    EXPECT_EQ(changed.leader, transfer->from);
    const ReplicaView* to = FindOn(changed, transfer->to);
    ASSERT_NE(to, nullptr);
    EXPECT_TRUE(IsLive(*to) && to->role == ReplicaRole::kVoter);
    changed.leader = transfer->to;
  } else {
    Split(std::get<SplitShard>(step));
    return;
  }
  EXPECT_TRUE(HasQuorum(changed));
  ElectLeaders();
}

void ClusterModel::Split(const SplitShard& step) {
  ShardView& parent = shard(step.shard.value());
  ASSERT_LT(parent.arc.first, step.at);
  ASSERT_LE(step.at, parent.arc.last);
  ShardView child = parent;
  child.shard = ShardId(++last_shard_);
  child.arc.first = step.at;
  const uint64_t slots = parent.arc.last.value - parent.arc.first.value + 1U;
  const uint64_t given = parent.arc.last.value - step.at.value + 1U;
  child.bytes = parent.bytes * given / slots;
  child.load = parent.load * given / slots;
  child.divisible_load = parent.divisible_load * given / slots;
  if (!parent.samples.empty()) {
    const auto at = std::lower_bound(parent.samples.begin(), parent.samples.end(), step.at,
                                     [](const SlotSample& s, Slot slot) { return s.slot < slot; });
    child.samples.assign(at, parent.samples.end());
    child.divisible_load = LoadShare(parent, child.samples);
    parent.samples.erase(at, parent.samples.end());
  }
  parent.bytes -= child.bytes;
  parent.load -= child.load;
  parent.divisible_load -= child.divisible_load;
  parent.arc.last = Slot{static_cast<uint16_t>(step.at.value - 1)};
  view_.shards.push_back(child);
}

Settled ClusterModel::Settle(const PlannerOptions& options) {
  Settled settled;
  const size_t most = 100 + view_.shards.size() * (view_.rules.replicas + 4) * 4;
  for (;;) {
    const Plan plan = MakePlan(view_, options);
    ++settled.plans;
    if (plan.steps.empty()) {
      EXPECT_TRUE(plan.complete);
      return settled;
    }
    for (const PlannedStep& planned : plan.steps) {
      Carry(planned.step);
      settled.copies += IsCopy(planned.step) ? 1 : 0;
      settled.steps.push_back(planned);
    }
    if (settled.steps.size() > most || ::testing::Test::HasFatalFailure()) {
      ADD_FAILURE() << "planning does not end";
      return settled;
    }
  }
}

std::string ClusterModel::Text() const {
  std::map<Slot, std::string> lines;
  for (const ShardView& shard : view_.shards) {
    std::map<NodeId, bool> replicas;
    for (const ReplicaView& replica : shard.replicas) replicas[replica.node] = true;
    std::ostringstream line;
    line << shard.arc.first.value << ".." << shard.arc.last.value << ": led by " << shard.leader
         << ", on";
    for (const auto& [node, is_there] : replicas) line << ' ' << node;
    lines[shard.arc.first] = line.str();
  }
  std::string text;
  for (const auto& [slot, line] : lines) text += line + "\n";
  return text;
}

uint32_t ClusterModel::ReplicasOn(uint64_t id) const {
  uint32_t count = 0;
  for (const ShardView& shard : view_.shards) {
    for (const ReplicaView& replica : shard.replicas) count += replica.node == NodeId(id) ? 1 : 0;
  }
  return count;
}

uint32_t ClusterModel::LeadersOn(uint64_t id) const {
  uint32_t count = 0;
  for (const ShardView& shard : view_.shards) count += shard.leader == NodeId(id) ? 1 : 0;
  return count;
}

ClusterModel RandomCluster(Random& random) {
  const auto nodes = static_cast<uint32_t>(random.Between(1, 12));
  const auto shards = static_cast<uint32_t>(random.Between(1, 40));
  const std::vector<uint32_t> sizes{1, 3, 3, 3, 5};
  ClusterModel cluster(nodes, shards, random.Pick(sizes));
  const uint64_t zones = random.Chance(1, 2) ? 0 : random.Between(1, 6);
  const bool weighted = random.Chance(1, 3);
  for (NodeView& node : cluster.view().nodes) {
    if (zones > 0 && !random.Chance(1, 10)) node.zone = "z" + std::to_string(random.Below(zones));
    if (weighted) node.weight = static_cast<uint32_t>(random.Between(0, 4));
  }
  cluster.Scatter(random);
  for (ShardView& shard : cluster.view().shards) {
    shard.bytes = random.Below(10'000);
    shard.load = random.Below(1000);
  }
  return cluster;
}

void RandomEvent(Random& random, ClusterModel& cluster) {
  if (cluster.view().nodes.empty()) cluster.AddNode();
  NodeView& node = cluster.view().nodes[random.Below(cluster.view().nodes.size())];
  switch (random.Below(8)) {
    case 0: {
      const std::string zone = random.Chance(1, 2) ? node.zone : "";
      const uint32_t weight = random.Chance(1, 2) ? node.weight : 1;
      cluster.AddNode(zone, weight);
      break;
    }
    case 1:
      cluster.RemoveNode(node.node.value());
      break;
    case 2:
      node.state = NodeState::kDraining;
      break;
    case 3:
      cluster.KillNode(node.node.value(), std::chrono::hours(1));
      break;
    case 4:
      cluster.KillNode(node.node.value(), std::chrono::minutes(1));
      break;
    case 5:
      for (NodeView& each : cluster.view().nodes) each.state = NodeState::kUp;
      break;
    case 6:
      cluster.view().shards[random.Below(cluster.view().shards.size())].replicas.front().failed =
          true;
      break;
    default:
      for (ShardView& shard : cluster.view().shards) {
        shard.bytes = random.Below(10'000);
        shard.load = random.Below(1000);
      }
      break;
  }
  cluster.ElectLeaders();
}

}  // namespace flotilla::sharding
