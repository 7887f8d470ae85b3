// How replicas come to be: opened after a restart, written for a new cluster's founding groups, and
// created empty for a group that has added this node.
#ifndef FLOTILLA_NODE_REPLICA_START_H_
#define FLOTILLA_NODE_REPLICA_START_H_

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "node/replica.h"
#include "node/replica_context.h"
#include "sharding/shard_descriptor.h"

namespace flotilla::node {

// What the log recovered, with the applied state that belongs to it. Blocking, at start only.
// kDataLoss when the replica must not run: it is repaired from its peers, never guessed. Other
// errors have cost nothing (MayPass).
absl::StatusOr<ReplicaStart> OpenRecovered(const storage::RecoveredGroup& group,
                                           ReplicaContext& context);

// The two halves of it. The applied state is that of a log with entries up to `last`; blocking.
absl::StatusOr<ReplicaState> OpenAppliedState(const storage::RecoveredGroup& group, LogIndex last,
                                              ReplicaContext& context);
// `state` is empty for a replica that waits for its first snapshot.
ReplicaStart StartFrom(const storage::RecoveredGroup& group, ReplicaState state, NodeId node);

// Whether what kept a replica from running may be over when it is tried again. Damage never is, and
// a newer format waits for a newer build.
bool MayPass(const absl::Status& why);

// Equal arcs for the groups that a new cluster begins with; shard ids count from 1.
std::vector<sharding::ShardDescriptor> FoundingShards(uint32_t count);

// Who begins a group. A shard: as many founders as the plan says, each shard from the next one on.
// The directory: the first three. A group that came later: nobody.
struct FoundingGroup {
  std::vector<NodeAddress> members;  // ascending by node, and so are their replica ids
  NodeId first_leader;               // campaigns at once: nobody has to time out
};
FoundingGroup FoundersOf(ShardId shard, const Identity& identity);

using ReplicaStarted = std::function<void(absl::StatusOr<ReplicaStart>)>;

// Writes the first state of a founding group's replica, waits until the engine has proven it
// durable, and names it in the log. Every founder writes the same: it stands at index 1, term 1, so
// that a member that is added later finds no entry to begin with and is sent a snapshot. The work
// goes on as long as the caller keeps what is returned.
std::shared_ptr<void> FoundReplica(const sharding::ShardDescriptor& descriptor,
                                   ReplicaContext& context, ReplicaStarted done);

// Names a replica's first state in the log, which makes it one.
void NameInLog(ReplicaStart start, ReplicaContext& context, ReplicaStarted done);

// A replica without state: it may vote, and waits for a snapshot. Named in the log before it runs,
// so that it cannot forget what it promised.
void CreateEmptyReplica(ShardId shard, ReplicaId replica, ReplicaContext& context,
                        ReplicaStarted done);

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_REPLICA_START_H_
