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
  replica.shard_version = message.shard_version();
  replica.first_slot = message.first_slot();
  replica.last_slot = message.last_slot();
  replica.replica_id = message.replica_id();
  replica.role = NameOf(message.role());
  replica.leader_node_id = message.leader_node_id();
  replica.term = message.term();
  replica.commit_index = message.commit_index();
  replica.applied_index = message.applied_index();
  replica.last_log_index = message.last_log_index();
  replica.engine_bytes = message.engine_bytes();
  replica.pending_requests = message.pending_writes() + message.pending_reads();
  replica.requests_per_second = message.requests_per_second();
  for (const v1::Member& member : message.members()) {
    (member.voter() ? replica.voters : replica.learners).push_back(member.node_id());
    replica.members.push_back({member.node_id(), member.voter(), member.match_index(),
                               member.active(), member.snapshot_pending()});
  }
  replica.failure = message.failure();
  return replica;
}

std::string NameOf(v1::NodeDuty duty) {
  switch (duty) {
    case v1::NODE_DUTY_SERVE:
      return "serve";
    case v1::NODE_DUTY_DRAIN:
      return "drain";
    case v1::NODE_DUTY_LEAVE:
      return "leave";
    default:
      return "unknown";
  }
}

std::string NameOf(v1::OperationState state) {
  switch (state) {
    case v1::OPERATION_STATE_RUNNING:
      return "running";
    case v1::OPERATION_STATE_CANCELLING:
      return "cancelling";
    case v1::OPERATION_STATE_SUCCEEDED:
      return "succeeded";
    case v1::OPERATION_STATE_FAILED:
      return "failed";
    case v1::OPERATION_STATE_CANCELLED:
      return "cancelled";
    default:
      return "unknown";
  }
}

TransferProgress Decode(const v1::TransferProgress& message) {
  TransferProgress progress;
  progress.bytes_done = message.bytes_done();
  progress.bytes_total = message.bytes_total();
  progress.entries_behind = message.entries_behind();
  if (message.has_seconds_left()) progress.seconds_left = message.seconds_left();
  return progress;
}

DirectoryStatus Decode(const v1::DirectoryStatus& message) {
  DirectoryStatus directory;
  directory.leader_node_id = message.leader_node_id();
  directory.map_version = message.map_version();
  directory.replicas_wanted = message.replicas_wanted();
  for (const v1::DirectoryNode& node : message.nodes()) {
    ListedNode& listed = directory.nodes.emplace_back();
    listed.node_id = node.node_id();
    listed.client_address = node.client_address();
    listed.peer_address = node.peer_address();
    listed.zone = node.zone();
    listed.weight = node.weight();
    listed.duty = NameOf(node.duty());
    if (node.has_silent_ms()) listed.silent_seconds = static_cast<double>(node.silent_ms()) / 1000;
    directory.from_leader |= node.has_silent_ms();
  }
  for (const v1::StepUnderWay& step : message.steps()) {
    directory.steps.push_back({step.what(), step.shard_id(), step.seconds(), step.operation_id(),
                               Decode(step.progress())});
  }
  if (message.has_replica()) directory.replica = Decode(message.replica());
  return directory;
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
  status.directory = Decode(response.directory());
  return status;
}

std::vector<ClusterOperation> DecodeOperations(const v1::ListOperationsResponse& response) {
  std::vector<ClusterOperation> operations;
  for (const v1::Operation& message : response.operations()) {
    ClusterOperation& operation = operations.emplace_back();
    operation.operation_id = message.operation_id();
    operation.what = message.what();
    operation.shard_id = message.shard_id();
    operation.cause = message.cause();
    operation.state = NameOf(message.state());
    operation.reason = message.reason();
    operation.begin_unix_ms = message.begin_unix_ms();
    operation.seconds = message.seconds();
    operation.progress = Decode(message.progress());
  }
  return operations;
}

}  // namespace flotilla::client
