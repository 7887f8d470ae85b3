#include "raft/invariants.h"

#include <optional>

#include "base/check.h"

namespace flotilla::raft {

MemberView ViewOf(const MemberState& state, Role role, const Member& leader) {
  const RaftLog& log = state.log();
  MemberView view;
  view.role = role;
  view.leader = leader;
  view.term = state.term();
  view.vote = state.vote();
  view.base = log.base().index;
  view.last = log.last_index();
  view.commit = log.commit();
  view.applying = log.applying();
  view.applied = log.applied();
  view.durable = state.persistence().durable();
  view.configuration_index = state.configurations().active_index();
  view.last_term = log.last_term();
  view.commit_term = log.TermAt(log.commit()).value_or(Term());
  return view;
}

void CheckState(const MemberView& view, const Member& self) {
  FLOTILLA_CHECK_LE(view.base, view.applied);
  FLOTILLA_CHECK_LE(view.applied, view.applying);
  FLOTILLA_CHECK_LE(view.applying, view.commit);
  FLOTILLA_CHECK_LE(view.commit, view.last);
  // The state machine never overtakes the local disk.
  FLOTILLA_CHECK_LE(view.applying, view.durable);
  FLOTILLA_CHECK_LE(view.durable, view.last);
  FLOTILLA_CHECK_LE(view.configuration_index, view.last);
  FLOTILLA_CHECK_LE(view.last_term, view.term);
  FLOTILLA_CHECK_LE(view.commit_term, view.last_term);
  if (view.role == Role::kLeader) {
    FLOTILLA_CHECK_EQ(view.leader, self);
    FLOTILLA_CHECK_EQ(view.vote, self.replica);
    FLOTILLA_CHECK_EQ(view.last_term, view.term);
  } else {
    FLOTILLA_CHECK_NE(view.leader, self);
  }
  if (view.role == Role::kCandidate) FLOTILLA_CHECK_EQ(view.vote, self.replica);
  if (view.role == Role::kCandidate || view.role == Role::kPreCandidate) {
    FLOTILLA_CHECK(view.leader.replica.is_none());
  }
}

void CheckTransition(const MemberView& before, const MemberView& after, const MemberState& state) {
  FLOTILLA_CHECK_GE(after.term, before.term);
  FLOTILLA_CHECK_GE(after.commit, before.commit);
  FLOTILLA_CHECK_GE(after.applied, before.applied);
  FLOTILLA_CHECK_GE(after.base, before.base);
  // What was committed is still there, unless it has been compacted. Equal positions imply equal
  // logs before them.
  if (before.commit >= after.base) {
    const std::optional<Term> term = state.log().TermAt(before.commit);
    FLOTILLA_CHECK(term.has_value());
    FLOTILLA_CHECK_EQ(*term, before.commit_term);
  }
  if (after.term != before.term) return;
  // Within a term a vote is given once (camunda#5356) and a leader remains the only one.
  if (!before.vote.is_none()) FLOTILLA_CHECK_EQ(after.vote, before.vote);
  if (!before.leader.replica.is_none() && !after.leader.replica.is_none()) {
    FLOTILLA_CHECK_EQ(after.leader, before.leader);
  }
  if (before.role == Role::kLeader && after.role == Role::kLeader) {
    // Leader append-only (Raft thesis figure 3.2).
    FLOTILLA_CHECK_GE(after.last, before.last);
    FLOTILLA_CHECK_GE(after.durable, before.durable);
    // Only entries of the own term are committed by counting (thesis 3.6.2).
    if (after.commit > before.commit) FLOTILLA_CHECK_EQ(after.commit_term, after.term);
  }
}

}  // namespace flotilla::raft
