// From one membership to the next (Raft thesis 4.3): what an operator's change makes of a
// configuration, which step comes after a joint one, and what a sound configuration looks like.
// Pure functions; when a step may be taken is the leader's business.
#ifndef FLOTILLA_RAFT_CONFIGURATION_H_
#define FLOTILLA_RAFT_CONFIGURATION_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "raft/types.h"

namespace flotilla::raft {

// Whether a configuration is sound: lists sorted without duplicates, at least one voter, nobody
// both voter and learner, at most one replica per node, next_replica_id unused so far.
// kInvalidArgument says what is wrong.
absl::Status ValidateConfiguration(const Configuration& configuration);

// The configuration that a change leads to: joint when the set of voters changes (the old voters
// stay on as the outgoing half), else the final one at once, because quorums stay what they are.
// New learners get replica ids in the order in which the change names them.
// kInvalidArgument when the change makes no sense: empty, names a node twice, adds a member that is
// one already, promotes what is no learner, drops what is no member, leaves no voter.
// Precondition: `current` is sound, not joint.
absl::StatusOr<Configuration> ApplyChange(const Configuration& current,
                                          const ConfigurationChange& change);

// The configuration after a joint one: the outgoing half is gone, demoted voters are learners.
// Precondition: `joint` is joint.
Configuration LeaveJoint(const Configuration& joint);

}  // namespace flotilla::raft

#endif  // FLOTILLA_RAFT_CONFIGURATION_H_
