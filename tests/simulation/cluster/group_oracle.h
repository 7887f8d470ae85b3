// Knows everything that the members of one group ever said to each other, and compares each message
// with it: election safety, log matching, leader completeness, state machine safety (Raft thesis
// figure 3.2), that nobody votes twice in a term or forgets what it acknowledged, that what counts
// as committed was acknowledged by a quorum and counted in its own term, and that consecutive
// configurations have no disjoint quorums. It looks at the wire only, so it needs nothing of the
// code that it watches.
#ifndef FLOTILLA_TESTS_SIMULATION_CLUSTER_GROUP_ORACLE_H_
#define FLOTILLA_TESTS_SIMULATION_CLUSTER_GROUP_ORACLE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "base/ids.h"
#include "raft/messages.h"
#include "raft/raft_core.h"
#include "raft/types.h"
#include "tests/simulation/run_record.h"

namespace flotilla::simulation {

class GroupOracle {
 public:
  // What a member says of itself at this moment; none when it is not there.
  using StatusOf = std::function<std::optional<raft::RaftStatus>(const raft::Member&)>;

  GroupOracle(ShardId group, StatusOf status_of, RunRecord& record)
      : group_(group), status_of_(std::move(status_of)), record_(record) {}

  // A member hands a message to the network, which may lose it.
  void OnSent(const raft::Message& message);
  // A node's disk is lost: its replicas of now must not speak again.
  void OnDiskLost(NodeId node);

 private:
  // What an entry's index and term decide.
  struct EntryFact {
    Term previous;  // the term of the entry before
    uint64_t hash = 0;
    std::optional<raft::Configuration> configuration;
  };
  struct Committed {
    Term term;  // of the entry
    Term by;    // of the leader that was the first to say so
  };
  // How up to date a log is: by its last entry (Raft thesis 3.6.1).
  struct Position {
    Term term;
    LogIndex index;
    friend auto operator<=>(const Position&, const Position&) = default;
  };

  void OnBody(const raft::Message& message, const raft::VoteRequest& request);
  void OnBody(const raft::Message& message, const raft::VoteResponse& response);
  void OnBody(const raft::Message& message, const raft::AppendRequest& request);
  void OnBody(const raft::Message& message, const raft::AppendResponse& response);
  void OnBody(const raft::Message& message, const raft::Heartbeat& heartbeat);
  template <typename Other>
  void OnBody(const raft::Message&, const Other&) {}

  // By what a member says its log ends at `log_end` at most: not before what it has acknowledged.
  void CheckKept(const raft::Member& member, const Position& log_end,
                 const std::string& saying) const;
  void CheckRefusal(const raft::Message& message, const raft::AppendResponse& response) const;
  void NoteVote(const raft::Member& voter, Term term, const raft::Member& candidate);
  void NotePromise(const raft::Member& member, Term term);
  void NoteLeader(const raft::Member& member, Term term);
  // The leader of `leader_term` has this entry.
  void NoteInLog(const raft::Member& leader, Term leader_term, LogIndex index, Term term);
  void NoteEntry(const raft::Message& message, Term previous, const raft::Entry& entry);
  void NoteConfiguration(const raft::Message& message, const raft::Entry& entry);
  void CheckPromotions(const raft::Message& message, const raft::Configuration& before,
                       const raft::Configuration& after) const;
  void CheckElected(const raft::Member& leader, Term term, LogIndex first) const;
  void NoteCommit(const raft::Member& leader, Term leader_term, LogIndex index);
  void CheckQuorum(const raft::Member& leader, Term term, LogIndex index);
  // By whose agreement a leader commits the entry, as far as that can be told.
  std::optional<raft::Configuration> CountedBy(const raft::Member& leader, Term term,
                                               LogIndex index) const;
  void CheckOwnTerm(const raft::Member& leader, Term term, LogIndex commit);
  std::optional<Term> TermInLogOf(Term leader_term, LogIndex index) const;
  // The last configuration before that entry, with its index, as far as entries are known.
  std::optional<std::pair<LogIndex, raft::Configuration>> ConfigurationBefore(LogIndex index,
                                                                              Term term) const;
  void Fail(const raft::Member& member, const std::string& what) const;

  const ShardId group_;
  const StatusOf status_of_;
  RunRecord& record_;

  std::map<ReplicaId, NodeId> nodes_;
  std::set<ReplicaId> lost_;
  absl::flat_hash_map<std::pair<ReplicaId, Term>, ReplicaId> votes_;
  // How up to date a candidate's log is, by its own words.
  absl::flat_hash_map<std::pair<ReplicaId, Term>, Position> candidates_;
  // The latest term in which a member voted or acknowledged something.
  std::map<ReplicaId, Term> terms_;
  absl::flat_hash_map<Term, raft::Member> leaders_;
  absl::flat_hash_map<std::pair<LogIndex, Term>, EntryFact> entries_;
  // (term of the leader, index) to the term of the entry there.
  absl::flat_hash_map<std::pair<Term, LogIndex>, Term> logs_;
  absl::flat_hash_map<LogIndex, Committed> committed_;
  // Up to where a member has acknowledged the log of the leader of a term.
  absl::flat_hash_map<std::pair<Term, ReplicaId>, LogIndex> acknowledged_;
  // Of the last entry that a member has acknowledged: its log never falls behind that again.
  std::map<ReplicaId, Position> promised_;
  // The commit in a leader's first append: what it knew before it counted anything.
  absl::flat_hash_map<Term, LogIndex> first_commits_;
  // Up to where the commits of a leader's own term are checked.
  absl::flat_hash_map<Term, LogIndex> quorums_;
};

// Whether some quorum of one and some quorum of the other have no member in common.
bool HaveDisjointQuorums(const raft::Configuration& a, const raft::Configuration& b);

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_CLUSTER_GROUP_ORACLE_H_
