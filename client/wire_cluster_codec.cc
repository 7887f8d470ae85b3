// How a node describes itself and its cluster.
#include <string>

#include "client/wire_codec.h"
#include "flotilla/v1/cluster.pb.h"

namespace flotilla::client {

namespace {

std::string NameOf(v1::NodePhase phase) {
  switch (phase) {
    case v1::NODE_PHASE_STARTING:
      return "starting";
    case v1::NODE_PHASE_JOINING:
      return "joining";
    case v1::NODE_PHASE_SERVING:
      return "serving";
    case v1::NODE_PHASE_STOPPING:
      return "stopping";
    case v1::NODE_PHASE_FAILED:
      return "failed";
    default:
      return "unknown";
  }
}

std::string NameOf(v1::ReplicaRole role) {
  switch (role) {
    case v1::REPLICA_ROLE_FOLLOWER:
      return "follower";
    case v1::REPLICA_ROLE_CANDIDATE:
      return "candidate";
    case v1::REPLICA_ROLE_LEADER:
      return "leader";
    case v1::REPLICA_ROLE_LEARNER:
      return "learner";
    default:
      return "unknown";
  }
}

ReplicaStatus Decode(const v1::ReplicaStatus& message) {
  ReplicaStatus replica;
  replica.shard_id = message.shard_id();
  replica.replica_id = message.replica_id();
  replica.role = NameOf(message.role());
  replica.leader_node_id = message.leader_node_id();
  replica.term = message.term();
  replica.commit_index = message.commit_index();
  replica.applied_index = message.applied_index();
  replica.last_log_index = message.last_log_index();
  replica.engine_bytes = message.engine_bytes();
  for (const v1::Member& member : message.members()) {
    (member.voter() ? replica.voters : replica.learners).push_back(member.node_id());
  }
  replica.failure = message.failure();
  return replica;
}

}  // namespace

NodeStatus DecodeNodeStatus(const v1::GetClusterStatusResponse& response) {
  NodeStatus status;
  status.node_id = response.node_id();
  status.cluster_id = response.cluster_id();
  status.phase = NameOf(response.phase());
  status.detail = response.detail();
  status.ready = response.ready();
  status.disk_full = response.disk_full();
  status.version = response.server_version();
  status.log_bytes = response.log_bytes();
  for (const v1::Node& node : response.nodes()) {
    const bool other = node.node_id() != response.node_id();
    if (other && node.connected()) status.connected.push_back(node.node_id());
  }
  for (const v1::ReplicaStatus& replica : response.replicas()) {
    status.replicas.push_back(Decode(replica));
  }
  return status;
}

}  // namespace flotilla::client
