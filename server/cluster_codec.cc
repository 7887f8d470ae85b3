#include "server/cluster_codec.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_replace.h"
#include "base/status_macros.h"
#include "flotilla/v1/cluster.pb.h"
#include "kv/directory.h"
#include "sharding/shard_split.h"

namespace flotilla::server {
namespace {

absl::Status CheckSlot(uint32_t slot) {
  if (slot < sharding::kSlotCount) return absl::OkStatus();
  return absl::InvalidArgumentError("slot " + std::to_string(slot) +
                                    " is beyond the ring, which ends at " +
                                    std::to_string(sharding::kSlotCount - 1));
}

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

// What only the leader knows of a member.
void EncodeProgress(const raft::RaftStatus& raft, const raft::Member& member, v1::Member* out) {
  if (raft.role != raft::Role::kLeader) return;
  if (member == raft.self) {
    out->set_match_index(raft.last_index.value());
    out->set_active(true);
  }
  for (const raft::PeerProgress& peer : raft.peers) {
    if (peer.member != member) continue;
    out->set_match_index(peer.match.value());
    out->set_active(peer.recently_active);
    out->set_snapshot_pending(peer.snapshot_pending);
  }
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
    EncodeProgress(raft, member, one);
  }
  if (replica.failed) out->set_failure(replica.failure);
  if (replica.shard_version != 0) {
    out->set_first_slot(replica.arc.first.value);
    out->set_last_slot(replica.arc.last.value);
  }
  out->set_requests_per_second(replica.requests_per_second);
}

v1::NodeDuty DutyOf(sharding::NodeDuty duty) {
  switch (duty) {
    case sharding::NodeDuty::kServe:
      return v1::NODE_DUTY_SERVE;
    case sharding::NodeDuty::kDrain:
      return v1::NODE_DUTY_DRAIN;
    case sharding::NodeDuty::kLeave:
      return v1::NODE_DUTY_LEAVE;
  }
  return v1::NODE_DUTY_UNSPECIFIED;
}

double InSeconds(Duration time) { return std::chrono::duration<double>(time).count(); }

void EncodeTransfer(const node::TransferMeter::Reading& reading, v1::TransferProgress* out) {
  out->set_bytes_done(reading.bytes_done);
  out->set_bytes_total(reading.bytes_total);
  out->set_entries_behind(reading.entries_behind);
  if (reading.left.has_value()) out->set_seconds_left(InSeconds(*reading.left));
}

void EncodeStep(const node::DirectoryStatus::StepUnderWay& step, v1::StepUnderWay* out) {
  out->set_what(DescribeStep(step.step, step.shard));
  out->set_shard_id(PublicIdOf(step.shard));
  out->set_seconds(InSeconds(step.since));
  out->set_operation_id(step.operation.value());
  EncodeTransfer(step.progress, out->mutable_progress());
}

v1::OperationState StateOf(kv::OperationState state) {
  switch (state) {
    case kv::OperationState::kRunning:
      return v1::OPERATION_STATE_RUNNING;
    case kv::OperationState::kCancelling:
      return v1::OPERATION_STATE_CANCELLING;
    case kv::OperationState::kSucceeded:
      return v1::OPERATION_STATE_SUCCEEDED;
    case kv::OperationState::kFailed:
      return v1::OPERATION_STATE_FAILED;
    case kv::OperationState::kCancelled:
      return v1::OPERATION_STATE_CANCELLED;
  }
  return v1::OPERATION_STATE_UNSPECIFIED;
}

void EncodeDirectory(const node::DirectoryStatus& directory, v1::DirectoryStatus* out) {
  out->set_leader_node_id(directory.leader.value());
  out->set_map_version(directory.map_version);
  out->set_replicas_wanted(directory.replicas_wanted);
  for (const sharding::NodeRecord& record : directory.nodes) {
    v1::DirectoryNode* node = out->add_nodes();
    node->set_node_id(record.node.value());
    node->set_client_address(record.client_address);
    node->set_peer_address(record.peer_address);
    node->set_zone(record.zone);
    node->set_weight(record.weight);
    node->set_duty(DutyOf(record.duty));
    for (const auto& heard : directory.heard) {
      if (heard.node == record.node) {
        node->set_silent_ms(static_cast<uint64_t>(heard.ago / std::chrono::milliseconds(1)));
      }
    }
  }
  for (const auto& step : directory.under_way) EncodeStep(step, out->add_steps());
  if (directory.replica.has_value()) EncodeReplica(*directory.replica, out->mutable_replica());
}

void EncodeDescriptor(const sharding::ShardDescriptor& descriptor, v1::Shard* out) {
  out->set_shard_id(descriptor.shard.value());
  out->set_shard_version(descriptor.version);
  out->set_first_slot(descriptor.arc.first.value);
  out->set_last_slot(descriptor.arc.last.value);
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
  EncodeDirectory(status.directory, out->mutable_directory());
}

void EncodeShardMap(const node::NodeStatus& status,
                    const std::vector<std::pair<sharding::ShardDescriptor, node::Route>>& shards,
                    v1::GetShardMapResponse* out) {
  out->set_cluster_id(status.cluster.value());
  EncodeNodes(status, out);
  for (const auto& [descriptor, route] : shards) {
    v1::Shard* shard = out->add_shards();
    EncodeDescriptor(descriptor, shard);
    shard->mutable_route()->set_shard_id(descriptor.shard.value());
    shard->mutable_route()->set_shard_version(descriptor.version);
    shard->mutable_route()->set_leader_node_id(route.leader.value());
    shard->mutable_route()->set_leader_address(route.leader_address);
  }
}

void EncodeOperations(const std::vector<node::OperationStatus>& operations,
                      v1::ListOperationsResponse* out) {
  for (const node::OperationStatus& operation : operations) {
    const kv::OperationRecord& record = operation.record;
    v1::Operation* one = out->add_operations();
    one->set_operation_id(record.id.value());
    one->set_what(DescribeStep(ToString(record.step), ShardOf(record.step)));
    one->set_shard_id(PublicIdOf(ShardOf(record.step)));
    one->set_cause(record.cause);
    one->set_state(StateOf(record.state));
    one->set_reason(record.reason);
    one->set_begin_unix_ms(record.begun.time_since_epoch() / std::chrono::milliseconds(1));
    one->set_seconds(InSeconds(operation.since));
    EncodeTransfer(operation.progress, one->mutable_progress());
  }
}

absl::StatusOr<sharding::Step> DecodeStep(const v1::BeginOperationRequest& request) {
  sharding::Step step;
  bool complete = false;
  switch (request.step_case()) {
    case v1::BeginOperationRequest::kMoveReplica: {
      const v1::MoveReplica& move = request.move_replica();
      complete = move.from_node_id() != 0 && move.to_node_id() != 0;
      step = sharding::MoveReplica{.shard = ShardId(move.shard_id()),
                                   .from = NodeId(move.from_node_id()),
                                   .to = NodeId(move.to_node_id())};
      break;
    }
    case v1::BeginOperationRequest::kAddReplica: {
      const v1::AddReplica& add = request.add_replica();
      complete = add.node_id() != 0;
      step = sharding::AddReplica{.shard = ShardId(add.shard_id()), .to = NodeId(add.node_id())};
      break;
    }
    case v1::BeginOperationRequest::kRemoveReplica: {
      const v1::RemoveReplica& remove = request.remove_replica();
      complete = remove.node_id() != 0;
      step = sharding::RemoveReplica{.shard = ShardId(remove.shard_id()),
                                     .from = NodeId(remove.node_id())};
      break;
    }
    case v1::BeginOperationRequest::kSplitShard: {
      const v1::SplitShard& split = request.split_shard();
      FLOTILLA_RETURN_IF_ERROR(CheckSlot(split.at_slot()));
      complete = true;
      step = sharding::SplitShard{.shard = ShardId(split.shard_id()),
                                  .at = {static_cast<uint16_t>(split.at_slot())}};
      break;
    }
    case v1::BeginOperationRequest::STEP_NOT_SET:
      return absl::InvalidArgumentError("the step is missing, or unknown to this node");
  }
  if (ShardOf(step).is_none()) return absl::InvalidArgumentError("shard_id is missing");
  if (!complete) return absl::InvalidArgumentError("a node id is missing");
  return step;
}

raft::ConfigurationChange DecodeChange(const v1::ChangeMembershipRequest& request) {
  raft::ConfigurationChange change;
  change.add_learners = NodesOf(request.add_learner_node_ids());
  change.add_voters = NodesOf(request.add_voter_node_ids());
  change.demote = NodesOf(request.demote_node_ids());
  change.remove = NodesOf(request.remove_node_ids());
  return change;
}

std::string DescribeStep(const std::string& step, ShardId shard) {
  if (shard != kv::kDirectoryShard) return step;
  return absl::StrReplaceAll(step, {{"shard " + ToString(shard), "the directory"}});
}

uint64_t PublicIdOf(ShardId shard) { return shard == kv::kDirectoryShard ? 0 : shard.value(); }

absl::StatusOr<sharding::NodeDuty> DecodeDuty(v1::NodeDuty duty) {
  switch (duty) {
    case v1::NODE_DUTY_SERVE:
      return sharding::NodeDuty::kServe;
    case v1::NODE_DUTY_DRAIN:
      return sharding::NodeDuty::kDrain;
    case v1::NODE_DUTY_LEAVE:
      return sharding::NodeDuty::kLeave;
    default:
      return absl::InvalidArgumentError("duty is missing, or unknown to this node");
  }
}

absl::StatusOr<kv::SplitShard> DecodeSplit(const v1::SplitShardRequest& request,
                                           const sharding::ShardDescriptor& shard) {
  if (request.child_shard_id() == 0) {
    return absl::InvalidArgumentError("child_shard_id is missing");
  }
  FLOTILLA_RETURN_IF_ERROR(CheckSlot(request.slot()));
  kv::SplitShard split;
  split.child = ShardId(request.child_shard_id());
  split.shard_version = request.shard_version() != 0 ? request.shard_version() : shard.version;
  if (request.has_slot()) {
    split.at.value = static_cast<uint16_t>(request.slot());
    return split;
  }
  sharding::ShardView view;
  view.arc = shard.arc;
  const auto halves = sharding::SplitPoint(view, sharding::SplitBy::kBytes);
  if (!halves.has_value()) {
    return absl::InvalidArgumentError("shard " + ToString(shard.shard) +
                                      " is one slot, which cannot be split");
  }
  split.at = *halves;
  return split;
}

void EncodeSplit(const sharding::ShardDescriptor& before, const kv::SplitShard& split,
                 v1::SplitShardResponse* out) {
  sharding::ShardDescriptor after = before;
  after.version = split.shard_version + 1;
  sharding::ShardDescriptor child = after;
  child.shard = split.child;
  child.arc.first = split.at;
  after.arc.last.value = split.at.value - 1;
  EncodeDescriptor(after, out->mutable_shard());
  EncodeDescriptor(child, out->mutable_child());
}

}  // namespace flotilla::server
