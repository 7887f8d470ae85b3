// Knows everything about one group that no member can know, and compares each step of each member
// with it: election safety, log matching, leader completeness, state machine safety (Raft thesis
// figure 3.2) and durability on a quorum.
//
// A *link* stands for a log up to an entry: a hash of the entry and of the link before it. So
// comparing two logs is comparing two numbers.
#ifndef FLOTILLA_TESTS_SIMULATION_RAFT_RAFT_ORACLE_H_
#define FLOTILLA_TESTS_SIMULATION_RAFT_RAFT_ORACLE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/ids.h"
#include "raft/types.h"
#include "tests/simulation/run_record.h"

namespace flotilla::simulation {

using Link = uint64_t;

class RaftOracle {
 public:
  // The group begins with `genesis` and its configuration; that much counts as committed.
  RaftOracle(ShardId group, const raft::SnapshotMeta& genesis, RunRecord& record);

  // A member appends an entry behind `previous`. Checks log matching: index and term decide the
  // entry and all before it.
  Link Extend(const raft::Member& member, Link previous, const raft::Entry& entry);

  // A member leads in `term`. `has` is the term that its log has at max_committed(); none when it
  // ends before. Index and term name the entry and all before it (Extend), so comparing the terms
  // compares the logs.
  void OnLeader(const raft::Member& member, Term term, std::optional<Term> has);

  // A member considers the entry committed. Checks that nobody ever saw another one there.
  void OnCommitted(const raft::Member& member, LogIndex index, Term term, Link link);

  // A leader counts `index` as committed by the agreement of `configuration`. `holds` says whether
  // a member's disk would still have the log up to `index` after a power cut.
  bool HasDurableQuorum(const raft::Configuration& configuration,
                        const std::function<bool(const raft::Member&)>& holds) const;

  // Nothing is known to be committed beyond it.
  LogIndex max_committed() const { return max_committed_; }
  // The link at a committed index; CHECKs that it is one.
  Link CommittedLink(LogIndex index) const;
  Term CommittedTerm(LogIndex index) const;
  bool IsCommitted(LogIndex index, Link link) const;

 private:
  struct Committed {
    Term term;
    Link link = 0;
  };
  const Committed& CommittedAt(LogIndex index) const;
  void Fail(const raft::Member& member, std::string what) const;

  const ShardId group_;
  RunRecord& record_;
  const LogIndex first_;
  absl::flat_hash_map<Term, raft::Member> leaders_;
  absl::flat_hash_map<std::pair<LogIndex, Term>, Link> links_;
  // From first_ on, without gaps.
  std::vector<Committed> committed_;
  LogIndex max_committed_;
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_RAFT_RAFT_ORACLE_H_
