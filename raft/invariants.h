// What must be true of a member at all times, and what may change from one input to the next. On in
// every test and simulation (RaftOptions::check_invariants): a violation aborts at the input that
// caused it, not thousands of steps later. In the manner of LogCabin's RaftConsensusInvariants.
#ifndef FLOTILLA_RAFT_INVARIANTS_H_
#define FLOTILLA_RAFT_INVARIANTS_H_

#include <optional>

#include "base/ids.h"
#include "raft/member_state.h"
#include "raft/raft_core.h"
#include "raft/types.h"

namespace flotilla::raft {

// What the checks compare, cheap to copy.
struct MemberView {
  Role role = Role::kFollower;
  Member leader;
  Term term;
  ReplicaId vote;
  LogIndex base;
  LogIndex last;
  LogIndex commit;
  LogIndex applying;
  LogIndex applied;
  LogIndex durable;
  LogIndex configuration_index;
  Term last_term;
  Term commit_term;
};

MemberView ViewOf(const MemberState& state, Role role, const Member& leader);

// CHECKs that a member may be in this state.
void CheckState(const MemberView& view, const Member& self);
// CHECKs that one input may lead from `before` to the present state.
void CheckTransition(const MemberView& before, const MemberView& after, const MemberState& state);

}  // namespace flotilla::raft

#endif  // FLOTILLA_RAFT_INVARIANTS_H_
