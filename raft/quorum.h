// The arithmetic of agreement: majorities, and pairs of majorities while a configuration is joint
// (Raft thesis 4.3). Pure functions over a configuration and what is known of each replica.
#ifndef FLOTILLA_RAFT_QUORUM_H_
#define FLOTILLA_RAFT_QUORUM_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "base/ids.h"
#include "raft/types.h"

namespace flotilla::raft {

// The highest value that a quorum has reached: every member of some majority (of each half, while
// joint) has at least this. Used for the commit index and for confirmed read rounds.
// Precondition: the configuration has voters.
uint64_t QuorumValue(const Configuration& configuration,
                     absl::FunctionRef<uint64_t(ReplicaId)> value_of);

// Whether the replicas for which `has` holds contain a quorum.
bool IsQuorum(const Configuration& configuration, absl::FunctionRef<bool(ReplicaId)> has);

enum class VoteOutcome { kPending, kWon, kLost };

// The outcome of an election, given each replica's answer so far. Lost as soon as it can no longer
// be won.
VoteOutcome CountVotes(const Configuration& configuration,
                       absl::FunctionRef<std::optional<bool>(ReplicaId)> vote_of);

// The same for one set of voters. An empty set agrees to everything (UINT64_MAX, kWon), so that the
// joint rule "both halves" also covers a configuration with one half.
uint64_t MajorityValue(const std::vector<Member>& voters,
                       absl::FunctionRef<uint64_t(ReplicaId)> value_of);
VoteOutcome CountMajority(const std::vector<Member>& voters,
                          absl::FunctionRef<std::optional<bool>(ReplicaId)> vote_of);

}  // namespace flotilla::raft

#endif  // FLOTILLA_RAFT_QUORUM_H_
