// What a shard says of itself to those who keep a directory of shards. The shard's own log is the
// truth; a claim is a copy of what it said at some moment, may arrive late, twice or never, and is
// therefore stamped part by part with what orders it: the arc by its version, the configuration by
// its log index, the leader by its term.
#ifndef FLOTILLA_SHARDING_SHARD_CLAIM_H_
#define FLOTILLA_SHARDING_SHARD_CLAIM_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "base/ids.h"
#include "sharding/shard_descriptor.h"

namespace flotilla::sharding {

// The values are part of the format.
enum class ReplicaRole : uint8_t { kVoter = 1, kLearner = 2 };

struct ReplicaPlace {
  NodeId node;
  ReplicaId replica;
  ReplicaRole role = ReplicaRole::kVoter;

  friend bool operator==(const ReplicaPlace&, const ReplicaPlace&) = default;
};

// Who the members of the shard's group are. While it is joint, the voters of both halves.
struct ConfigurationClaim {
  LogIndex index;  // of the entry that set it; none: the claim does not tell
  bool joint = false;
  std::vector<ReplicaPlace> replicas;  // ascending by node, one per node

  // Null where the node has none.
  const ReplicaPlace* On(NodeId node) const;

  friend bool operator==(const ConfigurationClaim&, const ConfigurationClaim&) = default;
};

struct LeaderClaim {
  Term term;
  NodeId node;  // none: not known, as right after a split

  friend bool operator==(const LeaderClaim&, const LeaderClaim&) = default;
};

// Estimates, for placement alone: nothing is routed by them.
struct ShardCounters {
  // Of the rows inside the arc only: a shard that was just split still stores what it gave away.
  uint64_t bytes = 0;
  // Requests per second that the leader has served, in the last window that it has measured.
  uint64_t load = 0;
  // Counts these windows, of one leader in one term with one arc, from 1; 0: no load was measured
  // yet.
  uint64_t report = 0;

  friend bool operator==(const ShardCounters&, const ShardCounters&) = default;
};

struct ShardClaim {
  ShardDescriptor descriptor;
  ConfigurationClaim configuration;
  LeaderClaim leader;
  // Measured on the arc of this claim, by the leader of this claim.
  ShardCounters counters;

  friend bool operator==(const ShardClaim&, const ShardClaim&) = default;
};

// kInvalidArgument for what no shard can say: no id, no version, an empty arc or one beyond the
// ring, replicas that are not in order or without an id.
absl::Status ValidateClaim(const ShardClaim& claim);

}  // namespace flotilla::sharding

#endif  // FLOTILLA_SHARDING_SHARD_CLAIM_H_
