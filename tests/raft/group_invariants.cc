#include "tests/raft/group_invariants.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/check.h"
#include "raft/quorum.h"

namespace flotilla::raft {

void GroupInvariants::OnRestart(const TestMember& member) {
  Seen& seen = seen_[member.self().replica];
  // Nothing that was promised may be forgotten.
  FLOTILLA_CHECK_GE(member.core().commit(), member.disk().snapshot.index);
  seen.last = LogIndex();
  seen.last_term = Term();
  seen.commit = LogIndex();
  seen.applied = LogIndex();
}

void GroupInvariants::OnStep(TestMember& member, const std::vector<const TestDisk*>& all_disks,
                             const std::vector<Member>& owners) {
  const RaftCore& core = member.core();
  Seen& seen = seen_[member.self().replica];
  CheckElectionSafety(member);
  const Term last_term = core.TermAt(core.last_index()).value();
  if (core.last_index() != seen.last || last_term != seen.last_term) {
    CheckLogMatching(member);
  }
  if (core.commit() > seen.commit) CheckCommit(member, seen.commit, all_disks, owners);
  CheckState(member);
  seen = {core.last_index(), last_term, core.commit(), core.applied(), core.term()};
}

void GroupInvariants::CheckElectionSafety(const TestMember& member) {
  if (member.core().role() != Role::kLeader) return;
  const auto [leader, is_new] = leaders_.try_emplace(member.core().term(), member.self().replica);
  FLOTILLA_CHECK_EQ(leader->second, member.self().replica);
  if (is_new) CheckLeaderCompleteness(member);
}

void GroupInvariants::CheckLeaderCompleteness(const TestMember& member) {
  if (commit_.is_none()) return;
  const RaftCore& core = member.core();
  FLOTILLA_CHECK_GE(core.last_index(), commit_);
  const std::optional<Term> term = core.TermAt(commit_);
  if (term.has_value()) FLOTILLA_CHECK_EQ(*term, committed_.at(commit_).term);
}

// What is committed is compared entry by entry elsewhere; here the tail, whose entries may conflict
// with other members' but never agree in one position and differ before it.
void GroupInvariants::CheckLogMatching(const TestMember& member) {
  const RaftCore& core = member.core();
  for (LogIndex at = core.last_index(); at > core.commit(); at = at.prev()) {
    const Term previous = core.TermAt(at.prev()).value();
    const auto [known, is_new] =
        previous_term_.try_emplace({at, core.TermAt(at).value()}, previous);
    FLOTILLA_CHECK_EQ(known->second, previous);
  }
}

void GroupInvariants::CheckCommit(const TestMember& member, LogIndex from,
                                  const std::vector<const TestDisk*>& all_disks,
                                  const std::vector<Member>& owners) {
  const RaftCore& core = member.core();
  for (LogIndex index = std::max(from.next(), core.Status().first_index); index <= core.commit();
       ++index) {
    const Term term = core.TermAt(index).value();
    const auto [known, is_new] = committed_.try_emplace(index, Committed{term, 0});
    FLOTILLA_CHECK_EQ(known->second.term, term);
  }
  if (core.commit() <= commit_) return;
  commit_ = core.commit();
  if (core.role() != Role::kLeader) return;
  // A leader commits what a quorum would still have if all members crashed now.
  const Term term = core.TermAt(commit_).value();
  const bool on_quorum = IsQuorum(core.configuration(), [&](ReplicaId replica) {
    for (size_t i = 0; i < owners.size(); ++i) {
      if (owners[i].replica != replica) continue;
      return all_disks[i]->snapshot.index >= commit_ || all_disks[i]->TermAt(commit_) == term;
    }
    return false;
  });
  FLOTILLA_CHECK(on_quorum);
}

void GroupInvariants::CheckState(const TestMember& member) {
  const TestState& state = member.state();
  if (state.applied.is_none()) return;
  FLOTILLA_CHECK_LE(state.applied, commit_);
  const auto known = committed_.find(state.applied);
  if (known == committed_.end()) return;
  if (known->second.hash == 0) known->second.hash = state.hash;
  FLOTILLA_CHECK_EQ(known->second.hash, state.hash);
}

}  // namespace flotilla::raft
