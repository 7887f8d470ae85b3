#include "node/asked_step.h"

#include <string>

#include "base/status_macros.h"
#include "node/plan_progress.h"

namespace flotilla::node {

namespace {

using sharding::ReplicaRole;
using sharding::ShardClaim;

std::string Name(NodeId node) { return "node " + ToString(node); }

// Precondition: the node has a replica.
bool IsLearner(NodeId node, const ShardClaim& shard) {
  return shard.configuration.On(node)->role == ReplicaRole::kLearner;
}

absl::Status CheckTarget(NodeId to, const ShardClaim& shard, const kv::Directory& directory,
                         absl::FunctionRef<bool(NodeId)> is_up) {
  const auto known = directory.nodes().find(to);
  if (known == directory.nodes().end() || !is_up(to)) {
    return absl::NotFoundError(Name(to) + " does not answer, or is not of this cluster");
  }
  if (known->second.duty != sharding::NodeDuty::kServe) {
    return absl::FailedPreconditionError(Name(to) + " is to be emptied");
  }
  const sharding::ReplicaPlace* const there = shard.configuration.On(to);
  if (there == nullptr || there->role == ReplicaRole::kLearner) return absl::OkStatus();
  return absl::FailedPreconditionError(Name(to) + " has a replica of the shard already");
}

absl::Status CheckSource(NodeId from, const ShardClaim& shard) {
  if (shard.configuration.On(from) != nullptr) return absl::OkStatus();
  return absl::FailedPreconditionError(Name(from) + " has no replica of the shard");
}

// Of what is left, a majority must be up, or the shard stands still until it is.
absl::Status CheckRest(NodeId from, const ShardClaim& shard,
                       absl::FunctionRef<bool(NodeId)> is_up) {
  if (IsLearner(from, shard)) return absl::OkStatus();
  size_t voters = 0;
  size_t up = 0;
  for (const sharding::ReplicaPlace& place : shard.configuration.replicas) {
    if (place.role != ReplicaRole::kVoter || place.node == from) continue;
    ++voters;
    if (is_up(place.node)) ++up;
  }
  if (voters == 0) {
    return absl::FailedPreconditionError(Name(from) + " has the shard's only voter");
  }
  if (2 * up > voters) return absl::OkStatus();
  return absl::FailedPreconditionError("without " + Name(from) + ", too few of the shard's " +
                                       "voters would be up");
}

struct Check {
  const ShardClaim& shard;
  const kv::Directory& directory;
  absl::FunctionRef<bool(NodeId)> is_up;

  absl::Status operator()(const sharding::MoveReplica& move) const {
    if (move.from == move.to) {
      return absl::InvalidArgumentError("a replica cannot be moved to where it is");
    }
    FLOTILLA_RETURN_IF_ERROR(CheckSource(move.from, shard));
    // What is promoted for a learner would be one voter more.
    if (IsLearner(move.from, shard)) {
      return absl::FailedPreconditionError(Name(move.from) + " has no vote in the shard yet");
    }
    return CheckTarget(move.to, shard, directory, is_up);
  }
  absl::Status operator()(const sharding::AddReplica& add) const {
    return CheckTarget(add.to, shard, directory, is_up);
  }
  absl::Status operator()(const sharding::RemoveReplica& remove) const {
    FLOTILLA_RETURN_IF_ERROR(CheckSource(remove.from, shard));
    return CheckRest(remove.from, shard, is_up);
  }
  absl::Status operator()(const sharding::TransferLeader&) const {
    return absl::InvalidArgumentError("a hand-over of leadership is no operation");
  }
  absl::Status operator()(const sharding::SplitShard& split) const {
    if (split.shard == kv::kDirectoryShard) {
      return absl::InvalidArgumentError("the directory is never split");
    }
    const sharding::Arc& arc = shard.descriptor.arc;
    if (arc.IsCutBy(split.at)) return absl::OkStatus();
    return absl::InvalidArgumentError("slot " + std::to_string(split.at.value) +
                                      " does not cut slots " + std::to_string(arc.first.value) +
                                      " to " + std::to_string(arc.last.value));
  }
};

}  // namespace

absl::Status CheckAsked(const sharding::Step& step, const ShardClaim& shard,
                        const kv::Directory& directory, absl::FunctionRef<bool(NodeId)> is_up) {
  if (shard.configuration.joint) {
    return absl::UnavailableError("the shard's members are being changed");
  }
  return std::visit(Check{shard, directory, is_up}, step);
}

}  // namespace flotilla::node
