// Machines become members and leave, and one of them loses its disk or a part of it.
#include <algorithm>
#include <sstream>

#include "tests/simulation/cluster/cluster_world.h"

namespace flotilla::simulation {

namespace {

bool Contains(const std::vector<raft::Member>& members, NodeId node) {
  return std::any_of(members.begin(), members.end(),
                     [node](const raft::Member& member) { return member.node == node; });
}

}  // namespace

void ClusterWorld::ChangeSomeMembership() {
  const ShardId shard = random_.Pick(shards_).shard;
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
  const NodeId lost = wiped_.has_value() ? NodeOf(*wiped_) : NodeId();
  const bool lost_is_voter = Contains(now.voters, lost);
  // Where a disk may fail, no voter is without two others to replace it.
  const size_t fewest = options_.HasDiskFaults() ? 3 : options_.nodes / 2 + 1;
  raft::ConfigurationChange change;
  if (lost_is_voter || Contains(now.learners, lost)) {
    change.remove = {lost};
  } else if (Contains(now.learners, node)) {
    (random_.Chance(3, 4) ? change.add_voters : change.remove) = {node};
  } else if (!Contains(now.voters, node)) {
    if (node != lost) change.add_learners = {node};
  } else if (now.voters.size() > fewest) {
    (random_.Chance(3, 4) ? change.remove : change.demote) = {node};
  }
  leader.ChangeMembership(replica.shard, change, [this](const absl::Status& status) {
    if (status.ok()) record_.Mark("cluster.membership_changed");
  });
}

// Every replica of every group agrees on one settled configuration, in which any one voter can be
// spared, and all voters are there.
bool ClusterWorld::MayLoseOneDisk() const {
  for (const sharding::ShardDescriptor& shard : shards_) {
    std::optional<raft::Configuration> settled;
    size_t voters = 0;
    for (NodeIndex node = 0; node < options_.machines(); ++node) {
      if (host_->node(node) == nullptr) return false;
      const std::optional<node::ReplicaStatus> replica = host_->ReplicaOf(node, shard.shard);
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
    if (!settled.has_value() || voters < 3 || voters != settled->voters.size()) return false;
  }
  return true;
}

// A volume is lost, and the node started again without it under its old number.
void ClusterWorld::MaybeWipe() {
  if (wiped_.has_value() || options_.HasDiskFaults() || !MayLoseOneDisk()) return;
  wiped_ = static_cast<NodeIndex>(random_.Below(options_.machines()));
  record_.Trace("wipe " + std::to_string(*wiped_));
  record_.Mark("nemesis.wipe");
  nemesis_->Crash(*wiped_, true);
  (void)host_->machine(*wiped_).disk().RemoveTree("/data");
}

// What was written so long ago that the log vouches for it: all segments but the newest, and what
// engines hold.
std::vector<std::string> ClusterWorld::OldFiles(NodeIndex node) const {
  SimDisk& disk = host_->machine(node).disk();
  const auto names = [&disk](const std::string& folder) {
    return disk.List(folder).value_or(std::vector<std::string>());
  };
  std::vector<std::string> files;
  for (const std::string& name : names("/data/log")) {
    if (name.starts_with("segment-")) files.push_back(JoinPath("/data/log", name));
  }
  std::sort(files.begin(), files.end());
  if (!files.empty()) files.pop_back();
  for (const sharding::ShardDescriptor& shard : shards_) {
    const std::string folder = "/data/shards/" + ToString(shard.shard);
    for (const std::string& generation : names(folder)) {
      const std::string path = JoinPath(folder, generation);
      for (const std::string& name : names(path)) files.push_back(JoinPath(path, name));
    }
  }
  return files;
}

// A sector goes bad while the machine is off.
void ClusterWorld::MaybeRot() {
  if (rotten_.has_value() || options_.HasDiskFaults() || !MayLoseOneDisk()) return;
  const auto node = static_cast<NodeIndex>(random_.Below(options_.machines()));
  const std::vector<std::string> files = OldFiles(node);
  if (files.empty()) return;
  rotten_ = node;
  nemesis_->Crash(node, true);
  SimDisk& disk = host_->machine(node).disk();
  const std::string& path = random_.Pick(files);
  const auto contents = ReadWholeFile(disk, path);
  if (!contents.ok() || contents->empty()) return;
  const uint64_t offset = random_.Below(contents->size());
  (void)disk.FlipBit(path, offset, static_cast<uint32_t>(random_.Below(8)));
  record_.Trace("bit rot on " + std::to_string(node) + ": " + path + " at " +
                std::to_string(offset));
  record_.Mark("nemesis.rot");
}

// Members hold what their leader holds, nobody else holds anything, and nobody is on the way.
std::string ClusterWorld::WhatMembersLack() const {
  std::ostringstream lack;
  for (const sharding::ShardDescriptor& shard : shards_) {
    std::optional<node::ReplicaStatus> leader;
    for (const NodeIndex node : core_) {
      const auto replica = host_->ReplicaOf(node, shard.shard);
      if (replica.has_value() && replica->raft.role == raft::Role::kLeader) leader = replica;
    }
    lack << "shard " << shard.shard;
    if (!leader.has_value()) return lack.str() + " has no leader";
    const raft::Configuration& configuration = leader->raft.configuration;
    lack << ", " << configuration;
    if (configuration.IsJoint() || !configuration.returning.empty()) {
      return lack.str() + " is in the middle of a change";
    }
    for (const NodeIndex node : core_) {
      // What rotted may be what says which replicas there are: such a node does not start.
      if (rotten_ == node && !host_->machine(node).running()) continue;
      const auto replica = host_->ReplicaOf(node, shard.shard);
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
