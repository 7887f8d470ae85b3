// What must hold across the members of a group, whatever happens to them (Raft thesis figure 3.2):
// election safety, log matching, leader completeness, state-machine safety; and that what is
// committed is on the disks of a quorum. Fed after every step; any violation aborts.
#ifndef FLOTILLA_TESTS_RAFT_GROUP_INVARIANTS_H_
#define FLOTILLA_TESTS_RAFT_GROUP_INVARIANTS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "raft/types.h"
#include "tests/raft/test_member.h"

namespace flotilla::raft {

class GroupInvariants {
 public:
  // Looks at one member after it took a step, `all` being the members that run or lie crashed.
  void OnStep(TestMember& member, const std::vector<const TestDisk*>& all_disks,
              const std::vector<Member>& owners);
  // The member starts anew with what its disk has.
  void OnRestart(const TestMember& member);

  // The highest index that any member ever knew to be committed.
  LogIndex commit() const { return commit_; }

 private:
  struct Seen {
    LogIndex last;
    Term last_term;
    LogIndex commit;
    LogIndex applied;
    Term term;
  };
  struct Committed {
    Term term;
    uint64_t hash = 0;  // of the state after it; 0 until applied somewhere
  };

  void CheckElectionSafety(const TestMember& member);
  void CheckLeaderCompleteness(const TestMember& member);
  void CheckCommit(const TestMember& member, LogIndex from,
                   const std::vector<const TestDisk*>& all_disks,
                   const std::vector<Member>& owners);
  void CheckState(const TestMember& member);
  void CheckLogMatching(const TestMember& member);

  std::map<Term, ReplicaId> leaders_;
  std::map<ReplicaId, Seen> seen_;
  // (index, term) names one entry, and the term of the one before it.
  std::map<std::pair<LogIndex, Term>, Term> previous_term_;
  std::map<LogIndex, Committed> committed_;
  LogIndex commit_;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_TESTS_RAFT_GROUP_INVARIANTS_H_
