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
  // The disk has made progress: perhaps the own vote is durable now.
  void OnPersisted();
  VoteOutcome Outcome() const { return tally_.Outcome(state_.configuration()); }

 private:
  void RequestVotes();

  MemberState& state_;
  Kind kind_;
  VoteTally tally_;
  int elapsed_ticks_ = 0;
  int timeout_ticks_;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_RAFT_CANDIDATE_H_
