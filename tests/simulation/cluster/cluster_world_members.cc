// Machines become members and leave.
#include <algorithm>
#include <sstream>

#include "kv/directory.h"
#include "tests/simulation/cluster/cluster_world.h"

namespace flotilla::simulation {

namespace {

bool Contains(const std::vector<raft::Member>& members, NodeId node) {
  return std::any_of(members.begin(), members.end(),
                     [node](const raft::Member& member) { return member.node == node; });
}

}  // namespace

void ClusterWorld::ChangeSomeMembership() {
  const ShardId shard = random_.Pick(Groups());
  for (NodeIndex node = 0; node < options_.machines(); ++node) {
    const std::optional<node::ReplicaStatus> replica = host_->ReplicaOf(node, shard);
    if (replica.has_value() && replica->raft.role == raft::Role::kLeader) {
      ChangeMembership(*host_->node(node), *replica);
    }
  }
}

// A random step that an operator could take. Never one that leaves fewer than half of what the
// cluster began with, nor one that needs the machine whose disk is gone.
void ClusterWorld::ChangeMembership(node::Node& leader, const node::ReplicaStatus& replica) {
  const raft::Configuration& now = replica.raft.configuration;
  const NodeId node = NodeOf(static_cast<NodeIndex>(random_.Below(options_.machines())));
  const std::set<NodeIndex>& wiped = atlas_->wiped();
  const auto lost = std::find_if(wiped.begin(), wiped.end(), [&now](NodeIndex machine) {
    return Contains(now.voters, NodeOf(machine)) || Contains(now.learners, NodeOf(machine));
  });
  // Where a disk may fail, no voter is without two others to replace it.
  const bool disks_fail = options_.HasDiskFaults() || options_.atlas.damage > Duration::zero();
  const size_t fewest = disks_fail ? 3 : options_.nodes / 2 + 1;
  raft::ConfigurationChange change;
  if (lost != wiped.end()) {
    change.remove = {NodeOf(*lost)};
  } else if (Contains(now.learners, node)) {
    // One whose disk is damaged would be counted on to come back.
    const bool promote = random_.Chance(3, 4) && !atlas_->damaged(MachineOf(node));
    (promote ? change.add_voters : change.remove) = {node};
    // In the place of another voter: old and new quorums need not meet then.
    if (promote && random_.Chance(1, 2)) change.remove = {random_.Pick(now.voters).node};
  } else if (!Contains(now.voters, node)) {
    if (!wiped.contains(MachineOf(node))) change.add_learners = {node};
  } else if (now.voters.size() > fewest) {
    (random_.Chance(3, 4) ? change.remove : change.demote) = {node};
  }
  leader.ChangeMembership(replica.shard, change, [this](const absl::Status& status) {
    if (status.ok()) record_.Mark("cluster.membership_changed");
  });
}

// An operator switches off what has left and holds nothing any more.
void ClusterWorld::RetireWhoLeft(const std::vector<sharding::NodeRecord>& nodes) {
  for (const sharding::NodeRecord& record : nodes) {
    if (record.duty != sharding::NodeDuty::kLeave) continue;
    const NodeIndex machine = MachineOf(record.node);
    const node::Node* const node = host_->node(machine);
    if (node == nullptr) continue;
    const node::NodeStatus status = node->Status();
    if (!status.replicas.empty() || status.directory.replica.has_value()) continue;
    record_.Mark("cluster.node_retired");
    retired_.insert(machine);
    host_->machine(machine).Kill();
  }
}

// One node at a time is to be emptied, or to leave; the one before goes on serving.
void ClusterWorld::ChangeSomeDuty() {
  node::Node* const leader = DirectoryLeader();
  if (leader == nullptr) return;
  const NodeId chosen = NodeOf(static_cast<NodeIndex>(random_.Below(options_.machines())));
  const auto duty = random_.Chance(1, 2) ? sharding::NodeDuty::kDrain : sharding::NodeDuty::kLeave;
  const std::vector<sharding::NodeRecord> nodes = leader->Status().directory.nodes;
  RetireWhoLeft(nodes);
  const bool leaves = std::any_of(nodes.begin(), nodes.end(), [this](const auto& node) {
    return node.duty == sharding::NodeDuty::kLeave && !retired_.contains(MachineOf(node.node));
  });
  // Most operators wait for what they have asked for.
  if (leaves && random_.Chance(3, 4)) return;
  for (const sharding::NodeRecord& node : nodes) {
    if (retired_.contains(MachineOf(node.node))) continue;
    const auto wanted = node.node == chosen ? duty : sharding::NodeDuty::kServe;
    if (node.duty == wanted) continue;
    leader->SetNodeDuty(node.node, wanted, [this](const absl::Status& status) {
      if (status.ok()) record_.Mark("cluster.duty_changed");
    });
  }
}

// All groups agree on one settled configuration each, and all their voters but that machine's are
// there, well, and a majority.
bool ClusterWorld::CanSpare(NodeIndex machine) const {
  for (const ShardId group : Groups()) {
    std::optional<raft::Configuration> settled;
    size_t voters = 0;
    for (NodeIndex node = 0; node < options_.machines(); ++node) {
      if (node == machine) continue;
      if (host_->node(node) == nullptr) return false;
      const std::optional<node::ReplicaStatus> replica = host_->ReplicaOf(node, group);
      if (!replica.has_value()) continue;
      const raft::RaftStatus& raft = replica->raft;
      if (replica->failed || raft.configuration.IsJoint() || !raft.configuration_committed ||
          !raft.configuration.returning.empty()) {
        return false;
      }
      if (settled.value_or(raft.configuration) != raft.configuration) return false;
      settled = raft.configuration;
      if (raft.configuration.IsVoter(raft.self.replica)) ++voters;
    }
    if (!settled.has_value()) return false;
    const size_t all = settled->voters.size();
    const size_t spared = Contains(settled->voters, NodeOf(machine)) ? 1 : 0;
    if (voters + spared != all || 2 * voters <= all) return false;
    // The balancer may yet move one of so few replicas there, or take another one away: there are
    // to be as many as there were founders.
    if (options_.node.balance && std::min<size_t>(all, options_.nodes) < 3) return false;
  }
  return true;
}

// What is damaged may be what says which replicas there are: such a node does not start.
bool ClusterWorld::IsDownForGood(NodeIndex node) const {
  return atlas_->damaged(node) && !host_->machine(node).running();
}

// Members hold what their leader holds, nobody else holds anything, and nobody is on the way.
std::string ClusterWorld::WhatMembersLack() const {
  std::ostringstream lack;
  for (const ShardId group : Groups()) {
    std::optional<node::ReplicaStatus> leader;
    for (const NodeIndex node : core_) {
      const auto replica = host_->ReplicaOf(node, group);
      if (replica.has_value() && replica->raft.role == raft::Role::kLeader) leader = replica;
    }
    lack << "shard " << group;
    if (!leader.has_value()) return lack.str() + " has no leader";
    const raft::Configuration& configuration = leader->raft.configuration;
    lack << ", " << configuration;
    const bool awaits_nobody =
        std::all_of(configuration.returning.begin(), configuration.returning.end(),
                    [this](NodeId node) { return IsDownForGood(MachineOf(node)); });
    if (configuration.IsJoint() || !awaits_nobody) {
      return lack.str() + " is in the middle of a change";
    }
    // Whoever added one has forgotten it, or was a person; the balancer makes it of use. With less
    // than three founders it leaves the directory alone.
    const bool balanced =
        options_.node.balance && (group != kv::kDirectoryShard || options_.nodes >= 3);
    if (balanced && !configuration.learners.empty()) {
      return lack.str() + " has a learner";
    }
    for (const NodeIndex node : core_) {
      if (IsDownForGood(node)) continue;
      const auto replica = host_->ReplicaOf(node, group);
      const bool member = Contains(configuration.voters, NodeOf(node)) ||
                          Contains(configuration.learners, NodeOf(node));
      lack << "; node " << NodeOf(node);
      if (replica.has_value() != member) {
        return lack.str() + (member ? " has no replica" : " has a replica and is no member");
      }
      if (!member) continue;
      if (replica->failed) return lack.str() + " has failed: " + replica->failure;
      lack << " at " << replica->raft.applied << " of " << leader->raft.last_index;
      if (replica->raft.applied != leader->raft.last_index) {
        const raft::RaftStatus& raft = replica->raft;
        lack << " (log " << raft.first_index << " to " << raft.last_index << ", durable "
             << raft.durable << ", commit " << raft.commit << ", term " << raft.term << ", leader "
             << raft.leader << ")";
        for (const raft::PeerProgress& peer : leader->raft.peers) {
          lack << "; leader knows " << peer.member << " at " << peer.match
               << (peer.recently_active ? "" : ", silent")
               << (peer.snapshot_pending ? ", in a snapshot" : "");
        }
        return lack.str();
      }
    }
    lack.str("");
  }
  return "";
}

}  // namespace flotilla::simulation
