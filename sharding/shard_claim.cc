#include "sharding/shard_claim.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace flotilla::sharding {

namespace {

absl::Status Invalid(const ShardClaim& claim, std::string_view what) {
  return absl::InvalidArgumentError("claim of shard " + ToString(claim.descriptor.shard) + ": " +
                                    std::string(what));
}

bool IsKnown(ReplicaRole role) {
  return role == ReplicaRole::kVoter || role == ReplicaRole::kLearner;
}

}  // namespace

const ReplicaPlace* ConfigurationClaim::On(NodeId node) const {
  const auto found = std::find_if(replicas.begin(), replicas.end(),
                                  [node](const ReplicaPlace& place) { return place.node == node; });
  return found == replicas.end() ? nullptr : &*found;
}

absl::Status ValidateClaim(const ShardClaim& claim) {
  const ShardDescriptor& descriptor = claim.descriptor;
  if (descriptor.shard.is_none()) return Invalid(claim, "no shard has this id");
  if (descriptor.version == 0) return Invalid(claim, "versions start at 1");
  if (descriptor.arc.last < descriptor.arc.first) return Invalid(claim, "the arc is empty");
  if (descriptor.arc.last.value >= kSlotCount) return Invalid(claim, "the ring ends before");
  NodeId previous;
  for (const ReplicaPlace& place : claim.configuration.replicas) {
    if (place.node <= previous) return Invalid(claim, "replicas ascend by node, one per node");
    if (place.replica.is_none()) return Invalid(claim, "a replica has no id");
    if (!IsKnown(place.role)) return Invalid(claim, "a replica has an unknown role");
    previous = place.node;
  }
  return absl::OkStatus();
}

}  // namespace flotilla::sharding
