// A campaign (Raft thesis 3.4), or the question whether one could be won (PreVote, thesis 9.6). The
// pre-vote promises nothing and changes nothing, so that a member that comes back from a partition
// does not depose a leader that works.
#ifndef FLOTILLA_RAFT_CANDIDATE_H_
#define FLOTILLA_RAFT_CANDIDATE_H_

#include "raft/member_state.h"
#include "raft/messages.h"
#include "raft/quorum.h"
#include "raft/types.h"
#include "raft/vote_tally.h"

namespace flotilla::raft {

class Candidate {
 public:
  enum class Kind {
    kPreVote,
    kVote,
    kTransfer,  // told to by the leader: it does not need to have gone silent first
  };

  // Asks all voters. A real vote is for this member's current term, in which it has voted for
  // itself; the requests leave, and the own vote counts, only once that is durable.
  Candidate(MemberState& state, Kind kind);

  bool is_pre_vote() const { return kind_ == Kind::kPreVote; }
  // True when the wait is over and the campaign has to begin anew.
  [[nodiscard]] bool Tick();
  void OnVoteResponse(const Member& from, const VoteResponse& response);
  // Precondition of both: is_pre_vote().
  // Another voter asked whether it would win, and would not, for its log is behind ours. So it
  // hears no leader any more; when it was asked before it may still have, and have said nothing.
  void AskAgain(const Member& other);
  // Another voter asked, too, and could win. If both went on, both would campaign in the same term
  // and split its votes. The longer log goes first; of equal ones, the lower id.
  bool GivesWayTo(const Member& other, const VoteRequest& request) const;
  // The disk has made progress: perhaps the own vote is durable now.
  void OnPersisted();
  VoteOutcome Outcome() const { return tally_.Outcome(state_.configuration()); }

 private:
  void RequestVotes();
  void Request(const Member& voter);

  MemberState& state_;
  Kind kind_;
  VoteTally tally_;
  int elapsed_ticks_ = 0;
  int timeout_ticks_;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_RAFT_CANDIDATE_H_
