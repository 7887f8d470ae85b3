// What comes next on the way to other members of a shard. Pure: each step follows from what the
// leader says now, so whoever comes back after an interruption goes on where it was.
#ifndef FLOTILLA_CLIENT_REPLICA_STEPS_H_
#define FLOTILLA_CLIENT_REPLICA_STEPS_H_

#include <cstdint>
#include <string>
#include <variant>

#include "client/admin_channel.h"
#include "flotilla/status.h"

namespace flotilla::client {

struct GoalReached {};
// For a learner that lacks something still.
struct AwaitLearner {
  uint64_t node = 0;
};
struct Transfer {
  uint64_t to = 0;
};
// It cannot be reached from here.
struct GoalRefused {
  Status why;
};
using ReplicaStep =
    std::variant<GoalReached, AwaitLearner, Transfer, MembershipChange, GoalRefused>;

// `shard` has a leader.
ReplicaStep NextOfTransfer(const ShardStatus& shard, uint64_t node);
ReplicaStep NextOfAdd(const ShardStatus& shard, uint64_t node);
ReplicaStep NextOfRemove(const ShardStatus& shard, uint64_t node);
ReplicaStep NextOfMove(const ShardStatus& shard, uint64_t from, uint64_t to);

// Null when the node has no replica of the shard.
const ShardReplica* FindReplica(const ShardStatus& shard, uint64_t node);

// "node 4 is 1200 entries behind".
std::string DescribeLearner(const ShardStatus& shard, uint64_t node);

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_REPLICA_STEPS_H_
