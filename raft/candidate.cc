#include "raft/candidate.h"

#include "base/check.h"

namespace flotilla::raft {

Candidate::Candidate(MemberState& state, Kind kind)
    : state_(state), kind_(kind), timeout_ticks_(state.DrawElectionTimeoutTicks()) {
  if (!is_pre_vote()) FLOTILLA_CHECK_EQ(state_.vote(), state_.self.replica);
  if (is_pre_vote()) tally_.Record(state_.self.replica, true);
  RequestVotes();
  OnPersisted();
}

void Candidate::RequestVotes() {
  for (const Member& member : state_.configuration().AllMembers()) {
    if (member == state_.self || !state_.configuration().IsVoter(member.replica)) continue;
    Request(member);
  }
}

void Candidate::Request(const Member& voter) {
  const RaftLog& log = state_.log();
  const VoteRequest request{is_pre_vote(), kind_ == Kind::kTransfer, log.last_index(),
                            log.last_term()};
  if (is_pre_vote()) {
    state_.SendWithTerm(voter, state_.term().next(), request);
  } else {
    // A request that left before the term and the log were durable could be answered to a later
    // life of this replica, which campaigns in the same term with a shorter log.
    state_.SendWhenDurable(voter, log.last_index(), request);
  }
}

void Candidate::AskAgain(const Member& other) {
  if (state_.configuration().IsVoter(other.replica)) Request(other);
}

bool Candidate::GivesWayTo(const Member& other, const VoteRequest& request) const {
  const RaftLog& log = state_.log();
  if (request.last_index == log.last_index() && request.last_term == log.last_term()) {
    return other.replica < state_.self.replica;
  }
  return log.IsCoveredBy({request.last_index, request.last_term});
}

bool Candidate::Tick() { return ++elapsed_ticks_ >= timeout_ticks_; }

void Candidate::OnVoteResponse(const Member& from, const VoteResponse& response) {
  if (response.pre == is_pre_vote()) tally_.Record(from.replica, response.granted);
}

void Candidate::OnPersisted() {
  const Persistence& disk = state_.persistence();
  if (!is_pre_vote() && disk.durable_term() == state_.term() &&
      disk.durable_vote() == state_.self.replica) {
    tally_.Record(state_.self.replica, true);
  }
}

}  // namespace flotilla::raft
