// Terms and elections (Raft thesis 3.4, 3.6.1; PreVote 9.6; leader stickiness 4.2.3).
#include <optional>
#include <utility>
#include <variant>

#include "base/check.h"
#include "raft/core_impl.h"

namespace flotilla::raft {

namespace {

const VoteRequest* AsVoteRequest(const Message& message) {
  return std::get_if<VoteRequest>(&message.body);
}

// Whether the term is one that somebody would like to campaign in, rather than one that exists.
bool IsHypotheticalTerm(const Message& message) {
  if (const VoteRequest* request = AsVoteRequest(message)) return request->pre;
  const auto* response = std::get_if<VoteResponse>(&message.body);
  return response != nullptr && response->pre && response->granted;
}

bool ComesFromALeader(const Message& message) {
  return std::holds_alternative<AppendRequest>(message.body) ||
         std::holds_alternative<Heartbeat>(message.body);
}

}  // namespace

// The rules on terms that come before everything else. False if the message has been dealt with.
bool RaftCore::Impl::PassesTerm(const Message& message) {
  if (message.term < state_.term()) {
    AnswerOldTerm(message);
    return false;
  }
  if (message.term == state_.term()) return true;

  const VoteRequest* request = AsVoteRequest(message);
  if (request != nullptr && !request->transfer && state_.options.check_quorum) {
    // Leader stickiness: whoever hears a leader lets nobody depose it, and does not even look at
    // the term, so that a removed or cut-off member disrupts nothing.
    const auto* follower = std::get_if<Follower>(&role_);
    const bool hears_leader = follower != nullptr && follower->HearsLeader();
    if (hears_leader || std::holds_alternative<Leader>(role_)) return false;
  }
  if (IsHypotheticalTerm(message)) return true;
  state_.EnterTerm(message.term);
  BecomeFollower(Member());
  return true;
}

void RaftCore::Impl::AnswerOldTerm(const Message& message) {
  const VoteRequest* request = AsVoteRequest(message);
  if (request != nullptr && request->pre) {
    state_.Send(message.from, VoteResponse{true, false});
    return;
  }
  // With PreVote or CheckQuorum our higher term does not spread by campaigns, and a leader of a
  // lower term would neither be heard here nor hear of it: tell it (etcd#5451).
  if (ComesFromALeader(message)) state_.Send(message.from, HeartbeatResponse{0});
}

bool RaftCore::Impl::MayVoteFor(const Message& message, const VoteRequest& request) const {
  // Whether we are a voter by our own configuration does not matter: the candidate may know better
  // (raft-rs#57: a promoted learner that had not heard of its promotion blocked the election).
  if (!state_.log().IsCoveredBy({request.last_index, request.last_term})) return false;
  if (request.pre && message.term > state_.term()) return true;
  if (!state_.vote().is_none()) return state_.vote() == message.from.replica;
  return leader().replica.is_none();
}

void RaftCore::Impl::Handle(const Message& message, const VoteRequest& request) {
  const bool granted = MayVoteFor(message, request);
  const VoteResponse response{request.pre, granted};
  auto* follower = std::get_if<Follower>(&role_);
  if (!granted) {
    state_.Send(message.from, response);
  } else if (request.pre) {
    if (follower != nullptr) follower->OnPreVoteGranted();
    state_.SendWithTerm(message.from, message.term, response);
  } else {
    state_.VoteFor(message.from.replica);
    if (follower != nullptr) follower->OnVoteGranted();
    state_.SendWhenDurable(message.from, LogIndex(), response);
  }
  if (request.pre) MeetRival(message.from, request, granted);
}

// After a leader's death all voters notice within moments of each other, and whoever noticed first
// asked voters that still believed in it.
void RaftCore::Impl::MeetRival(const Member& rival, const VoteRequest& request, bool granted) {
  auto* candidate = std::get_if<Candidate>(&role_);
  if (candidate == nullptr || !candidate->is_pre_vote()) return;
  if (!granted) {
    candidate->AskAgain(rival);
  } else if (candidate->GivesWayTo(rival, request)) {
    BecomeFollower(Member());
  }
}

void RaftCore::Impl::Handle(const Message& message, const VoteResponse& response) {
  auto* candidate = std::get_if<Candidate>(&role_);
  if (candidate == nullptr || candidate->is_pre_vote() != response.pre) return;
  // A pre-vote may have been granted for another term than the one we would campaign in now.
  if (response.granted && response.pre && message.term != state_.term().next()) return;
  candidate->OnVoteResponse(message.from, response);
  SettleCampaign();
}

void RaftCore::Impl::StartCampaign(Candidate::Kind kind) {
  // An election would be of no use to a member that cannot win it.
  if (std::holds_alternative<Leader>(role_) || !state_.CanCampaign()) return;
  if (kind == Candidate::Kind::kPreVote && !state_.options.pre_vote) kind = Candidate::Kind::kVote;
  LeaveRole();
  if (kind != Candidate::Kind::kPreVote) {
    state_.EnterTerm(state_.term().next());
    state_.VoteFor(state_.self.replica);
  }
  role_.emplace<Candidate>(state_, kind);
  SettleCampaign();
}

void RaftCore::Impl::SettleCampaign() {
  const Candidate& candidate = std::get<Candidate>(role_);
  switch (candidate.Outcome()) {
    case VoteOutcome::kPending:
      return;
    case VoteOutcome::kLost:
      BecomeFollower(Member());
      return;
    case VoteOutcome::kWon:
      break;
  }
  if (candidate.is_pre_vote()) {
    StartCampaign(Candidate::Kind::kVote);
  } else {
    role_.emplace<Leader>(state_);
  }
}

}  // namespace flotilla::raft
