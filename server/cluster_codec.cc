#include "server/cluster_codec.h"

#include <algorithm>

#include "flotilla/v1/cluster.pb.h"

namespace flotilla::server {
namespace {

template <typename Response>
void EncodeNodes(const node::NodeStatus& status, Response* out) {
  const auto add = [out](const node::NodeAddress& address, bool connected) {
    v1::Node* one = out->add_nodes();
    one->set_node_id(address.node.value());
    one->set_client_address(address.client_address);
    one->set_peer_address(address.peer_address);
    one->set_connected(connected);
  };
  add(status.self, true);
  for (const node::NodeAddress& peer : status.peers) {
    if (peer.node == status.self.node) continue;
    add(peer, std::ranges::find(status.connected, peer.node) != status.connected.end());
  }
}

v1::NodePhase PhaseOf(node::NodePhase phase) {
  switch (phase) {
    case node::NodePhase::kStarting:
      return v1::NODE_PHASE_STARTING;
    case node::NodePhase::kJoining:
      return v1::NODE_PHASE_JOINING;
    case node::NodePhase::kServing:
      return v1::NODE_PHASE_SERVING;
    case node::NodePhase::kStopping:
      return v1::NODE_PHASE_STOPPING;
    case node::NodePhase::kFailed:
      return v1::NODE_PHASE_FAILED;
  }
  return v1::NODE_PHASE_UNSPECIFIED;
}

v1::ReplicaRole RoleOf(const raft::RaftStatus& raft) {
  if (!raft.configuration.IsVoter(raft.self.replica)) return v1::REPLICA_ROLE_LEARNER;
  switch (raft.role) {
    case raft::Role::kFollower:
      return v1::REPLICA_ROLE_FOLLOWER;
    case raft::Role::kPreCandidate:
    case raft::Role::kCandidate:
      return v1::REPLICA_ROLE_CANDIDATE;
    case raft::Role::kLeader:
      return v1::REPLICA_ROLE_LEADER;
  }
  return v1::REPLICA_ROLE_UNSPECIFIED;
}

void EncodeReplica(const node::ReplicaStatus& replica, v1::ReplicaStatus* out) {
  const raft::RaftStatus& raft = replica.raft;
  out->set_shard_id(replica.shard.value());
  out->set_shard_version(replica.shard_version);
  out->set_replica_id(raft.self.replica.value());
  out->set_role(RoleOf(raft));
  out->set_leader_node_id(raft.leader.node.value());
  out->set_term(raft.term.value());
  out->set_commit_index(raft.commit.value());
  out->set_applied_index(raft.applied.value());
  out->set_first_log_index(raft.first_index.value());
  out->set_last_log_index(raft.last_index.value());
  out->set_engine_durable_index(replica.engine_durable.value());
  out->set_engine_bytes(replica.engine_bytes);
  out->set_pending_writes(replica.pending_writes);
  out->set_pending_reads(replica.pending_reads);
  for (const raft::Member& member : raft.configuration.AllMembers()) {
    v1::Member* one = out->add_members();
    one->set_node_id(member.node.value());
    one->set_replica_id(member.replica.value());
    one->set_voter(raft.configuration.IsVoter(member.replica));
  }
  if (replica.failed) out->set_failure(replica.failure);
}

template <typename Ids>
std::vector<NodeId> NodesOf(const Ids& ids) {
  std::vector<NodeId> nodes;
  for (const uint64_t id : ids) nodes.emplace_back(id);
  return nodes;
}

}  // namespace

void EncodeStatus(const node::NodeStatus& status, v1::GetClusterStatusResponse* out) {
  out->set_node_id(status.self.node.value());
  out->set_cluster_id(status.cluster.value());
  out->set_phase(PhaseOf(status.phase));
  out->set_detail(status.detail);
  EncodeNodes(status, out);
  for (const node::ReplicaStatus& replica : status.replicas) {
    EncodeReplica(replica, out->add_replicas());
  }
  out->set_log_bytes(status.log.bytes);
  out->set_disk_full(status.log.disk_full);
}

void EncodeShardMap(const node::NodeStatus& status,
                    const std::vector<std::pair<sharding::ShardDescriptor, node::Route>>& shards,
                    v1::GetShardMapResponse* out) {
  out->set_cluster_id(status.cluster.value());
  EncodeNodes(status, out);
  for (const auto& [descriptor, route] : shards) {
    v1::Shard* shard = out->add_shards();
    shard->set_shard_id(descriptor.shard.value());
    shard->set_shard_version(descriptor.version);
    shard->set_first_slot(descriptor.arc.first.value);
    shard->set_last_slot(descriptor.arc.last.value);
    shard->mutable_route()->set_shard_id(descriptor.shard.value());
    shard->mutable_route()->set_shard_version(descriptor.version);
    shard->mutable_route()->set_leader_node_id(route.leader.value());
    shard->mutable_route()->set_leader_address(route.leader_address);
  }
}

raft::ConfigurationChange DecodeChange(const v1::ChangeMembershipRequest& request) {
  raft::ConfigurationChange change;
  change.add_learners = NodesOf(request.add_learner_node_ids());
  change.add_voters = NodesOf(request.add_voter_node_ids());
  change.demote = NodesOf(request.demote_node_ids());
  change.remove = NodesOf(request.remove_node_ids());
  return change;
}

}  // namespace flotilla::server
