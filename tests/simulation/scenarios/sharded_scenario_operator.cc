// What operators do in a scenario of shards: each step follows from what the shard's leader says
// now, so that nothing is lost with whoever dies.
#include <algorithm>
#include <utility>

#include "kv/directory.h"
#include "tests/simulation/scenarios/sharded_scenario.h"
#include <gtest/gtest.h>

namespace flotilla::simulation {

namespace {

constexpr Duration kAskInterval = std::chrono::milliseconds(100);

bool Contains(const std::vector<raft::Member>& members, NodeIndex node) {
  return std::any_of(members.begin(), members.end(),
                     [node](const raft::Member& member) { return member.node == NodeOf(node); });
}

bool HasCaughtUp(const raft::RaftStatus& leader, NodeIndex node) {
  return std::any_of(leader.peers.begin(), leader.peers.end(), [&](const auto& peer) {
    return peer.member.node == NodeOf(node) && peer.recently_active && !peer.snapshot_pending &&
           peer.match >= leader.commit;
  });
}

}  // namespace

void ShardedScenario::AskUntil(const std::string& what, const std::function<bool()>& is_done,
                               const std::function<void()>& ask) {
  const Duration end = now() + kReshardLimit;
  while (!is_done()) {
    if (now() >= end) {
      ADD_FAILURE() << what << " does not end: " << WhatIsUnsettled();
      return;
    }
    ask();
    RunFor(kAskInterval);
  }
}

void ShardedScenario::AskChange(ShardId shard, const raft::ConfigurationChange& change) {
  const NodeIndex leader = LeaderOf(shard).value();
  machine(leader).executor().Post(
      [node = node(leader), shard, change] { node->ChangeMembership(shard, change, [](auto) {}); });
}

void ShardedScenario::AskHandOver(ShardId shard, NodeIndex to) {
  const NodeIndex leader = LeaderOf(shard).value();
  if (ReplicaOf(leader, shard)->raft.transfer_target != raft::Member()) return;
  machine(leader).executor().Post([node = node(leader), shard, to] {
    node->TransferLeadership(shard, NodeOf(to), [](auto) {});
  });
}

void ShardedScenario::AskSplit(ShardId shard, ShardId child, sharding::Slot at) {
  const std::optional<NodeIndex> leader = LeaderOf(shard);
  if (!leader.has_value()) return;
  const uint64_t version = ReplicaOf(*leader, shard)->shard_version;
  machine(*leader).executor().Post([node = node(*leader), shard, child, at, version] {
    node->SplitShard(shard, {.child = child, .at = at, .shard_version = version}, [](auto) {});
  });
}

void ShardedScenario::AskDuty(NodeIndex node, sharding::NodeDuty duty) {
  const std::optional<NodeIndex> leader = LeaderOf(kv::kDirectoryShard);
  if (!leader.has_value()) return;
  machine(*leader).executor().Post(
      [at = this->node(*leader), node, duty] { at->SetNodeDuty(NodeOf(node), duty, [](auto) {}); });
}

void ShardedScenario::Split(ShardId shard, ShardId child, sharding::Slot at) {
  AskUntil(
      "the split", [&] { return LeaderOf(child).has_value(); },
      [&] {
        const std::optional<NodeIndex> leader = LeaderOf(shard);
        const bool to_split = leader.has_value() && ReplicaOf(*leader, shard)->arc.IsCutBy(at);
        if (to_split) AskSplit(shard, child, at);
      });
}

// The step that is missing, if the shard is not in the middle of one.
void ShardedScenario::AskToBring(ShardId shard, NodeIndex node,
                                 std::optional<NodeIndex> instead_of) {
  const raft::RaftStatus led = ReplicaOf(*LeaderOf(shard), shard)->raft;
  if (led.configuration.IsJoint() || !led.configuration_committed) return;
  if (!Contains(led.configuration.AllMembers(), node)) {
    return AskChange(shard, {.add_learners = {NodeOf(node)}});
  }
  if (!HasCaughtUp(led, node)) return;
  raft::ConfigurationChange change{.add_voters = {NodeOf(node)}};
  if (instead_of.has_value()) change.remove = {NodeOf(*instead_of)};
  AskChange(shard, change);
}

void ShardedScenario::AskToTakeAway(ShardId shard, NodeIndex node, NodeIndex successor) {
  if (LeaderOf(shard) == node) return AskHandOver(shard, successor);
  AskChange(shard, {.remove = {NodeOf(node)}});
}

void ShardedScenario::AddTo(ShardId shard, NodeIndex node) {
  AskUntil(
      "the addition", [&] { return Holds(node, shard); },
      [&] {
        if (LeaderOf(shard).has_value()) AskToBring(shard, node, std::nullopt);
      });
}

void ShardedScenario::RemoveFrom(ShardId shard, NodeIndex node) {
  AskUntil(
      "the removal",
      [&] {
        const std::vector<NodeIndex> voters = VotersOf(shard);
        return !voters.empty() && !Holds(node, shard);
      },
      [&] {
        const std::vector<NodeIndex> voters = VotersOf(shard);
        const auto other = std::find_if(voters.begin(), voters.end(),
                                        [&](NodeIndex voter) { return voter != node; });
        if (other != voters.end()) AskToTakeAway(shard, node, *other);
      });
}

void ShardedScenario::Move(ShardId shard, NodeIndex from, NodeIndex to) {
  AskUntil(
      "the move", [&] { return Holds(to, shard) && !Holds(from, shard); },
      [&] {
        if (!LeaderOf(shard).has_value()) return;
        if (Holds(to, shard)) return AskToTakeAway(shard, from, to);
        const bool leads = LeaderOf(shard) == from;
        AskToBring(shard, to, leads || !Holds(from, shard) ? std::nullopt : std::optional(from));
      });
}

void ShardedScenario::PlaceOn(ShardId shard, const std::vector<NodeIndex>& nodes) {
  for (const NodeIndex to : nodes) {
    const std::vector<NodeIndex> voters = VotersOf(shard);
    const auto from = std::find_if(voters.begin(), voters.end(), [&nodes](NodeIndex voter) {
      return std::find(nodes.begin(), nodes.end(), voter) == nodes.end();
    });
    if (from != voters.end() && !Holds(to, shard)) Move(shard, *from, to);
  }
}

void ShardedScenario::HandOver(ShardId shard, NodeIndex to) {
  AskUntil(
      "the hand-over", [&] { return LeaderOf(shard) == to; },
      [&] {
        if (LeaderOf(shard).has_value()) AskHandOver(shard, to);
      });
}

void ShardedScenario::SetDuty(NodeIndex node, sharding::NodeDuty duty) {
  AskUntil(
      "the change of a duty",
      [&] {
        const std::vector<sharding::NodeRecord> nodes = KnownNodes();
        return std::any_of(nodes.begin(), nodes.end(), [&](const auto& record) {
          return record.node == NodeOf(node) && record.duty == duty;
        });
      },
      [&] { AskDuty(node, duty); });
}

}  // namespace flotilla::simulation
