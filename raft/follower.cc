#include "raft/follower.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/check.h"
#include "raft/campaign_order.h"

namespace flotilla::raft {

Follower::Follower(MemberState& state, const Member& leader)
    : state_(state), leader_(leader), timeout_ticks_(state.DrawElectionTimeoutTicks()) {}

bool Follower::Tick() {
  TickReads();
  ++elapsed_ticks_;
  if (campaign_in_ticks_.has_value() && --*campaign_in_ticks_ <= 0) return true;
  return elapsed_ticks_ >= timeout_ticks_;
}

void Follower::HeardFrom(const Member& leader) {
  // Two leaders in one term would be the end of safety: stop before anything is written.
  if (!leader_.replica.is_none()) FLOTILLA_CHECK_EQ(leader_, leader);
  leader_ = leader;
  elapsed_ticks_ = 0;
  campaign_in_ticks_.reset();
}

void Follower::OnVoteGranted() {
  elapsed_ticks_ = 0;
  campaign_in_ticks_.reset();
}

void Follower::OnPreVoteGranted() {
  if (campaign_in_ticks_.has_value()) ++*campaign_in_ticks_;
}

bool Follower::OnPeerLost(NodeId node) {
  if (leader_.replica.is_none() || leader_.node != node) return false;
  leader_ = Member();
  state_.FailReads(reads_.TakeAll());
  const std::optional<int> rank =
      CampaignRank(state_.group, state_.configuration(), state_.self, node);
  if (!rank.has_value()) return false;
  campaign_in_ticks_ = *rank;
  return *rank == 0;
}

void Follower::OnAppendRequest(const Member& leader, AppendRequest request) {
  // Evidence for the leader's reads; needs no disk, so it does not wait for the entries.
  if (request.read_counter > echoed_) {
    echoed_ = request.read_counter;
    Acknowledge(leader, request.read_counter);
  }
  const RaftLog& log = state_.log();
  if (request.prev_index < log.commit()) {
    // An old message, or a leader that has yet to learn how far we are: tell it. What is committed
    // is common, so there is nothing to compare.
    state_.SendWhenDurable(leader, log.commit(),
                           AppendResponse{log.commit(), request.read_counter, std::nullopt});
    return;
  }
  if (log.Contains({request.prev_index, request.prev_term})) {
    AcceptEntries(leader, std::move(request));
  } else {
    Reject(leader, request);
  }
}

void Follower::AcceptEntries(const Member& leader, AppendRequest request) {
  // While the state machine is behind by more than its budget, new entries are left to a later
  // heartbeat. Only committed ones count: those can always drain without taking in more.
  const bool overloaded = state_.UnappliedBytes() > state_.options.max_unapplied_bytes;
  const LogIndex last = request.prev_index + request.entries.size();
  if (overloaded && last > state_.log().last_index()) return;
  state_.AppendFromLeader(std::move(request.entries));
  // Beyond `last` our log may differ from the leader's (Raft thesis figure 3.1, commitIndex).
  state_.CommitTo(std::min(request.commit, last));
  state_.SendWhenDurable(leader, last, AppendResponse{last, request.read_counter, std::nullopt});
}

void Follower::Reject(const Member& leader, const AppendRequest& request) {
  const RaftLog::Position hint = state_.log().LastWithTermAtMost(
      std::min(request.prev_index, state_.log().last_index()), request.prev_term);
  state_.Send(leader, AppendResponse{request.prev_index, request.read_counter,
                                     AppendResponse::Conflict{hint.index, hint.term}});
}

void Follower::OnHeartbeat(const Member& leader, const Heartbeat& heartbeat) {
  // The leader sends no commit beyond what this replica acknowledged as durable. If the log is
  // shorter, it has lost acknowledged entries (etcd#10254, "tocommit out of range").
  FLOTILLA_CHECK_LE(heartbeat.commit, state_.log().last_index());
  state_.CommitTo(heartbeat.commit);
  echoed_ = std::max(echoed_, heartbeat.read_counter);
  Acknowledge(leader, heartbeat.read_counter);
}

void Follower::Acknowledge(const Member& leader, ReadCounter counter) {
  state_.Send(leader, HeartbeatResponse{counter, state_.log().applied()});
}

void Follower::OnSnapshotInstalled(LogIndex index) {
  if (leader_.replica.is_none()) return;
  state_.SendWhenDurable(leader_, index, AppendResponse{index, 0, std::nullopt});
}

absl::StatusOr<ReadId> Follower::ReadIndex() {
  if (leader_.replica.is_none()) return absl::UnavailableError("no leader is known");
  if (reads_.size() >= state_.options.max_waiting_reads) {
    return absl::ResourceExhaustedError("too many reads wait for the leader");
  }
  const ReadId read = state_.NextReadId();
  reads_.Add(read);
  return read;
}

void Follower::Flush() {
  if (!reads_.HasUnasked()) return;
  FLOTILLA_CHECK(!leader_.replica.is_none());
  const uint64_t context = state_.NextReadContext();
  reads_.Ask(context);
  state_.Send(leader_, ReadIndexRequest{context});
}

void Follower::OnReadIndexResponse(const ReadIndexResponse& response) {
  for (ReadId read : reads_.Answer(response.context)) state_.FinishRead(read, response.index);
}

void Follower::TickReads() {
  reads_.Tick();
  state_.FailReads(reads_.TakeExpired(state_.options.election_timeout_ticks));
  if (leader_.replica.is_none()) return;
  for (uint64_t context : reads_.DueAgain(state_.options.heartbeat_ticks)) {
    state_.Send(leader_, ReadIndexRequest{context});
  }
}

void Follower::Leave() { state_.FailReads(reads_.TakeAll()); }

bool Follower::HearsLeader() const {
  return !leader_.replica.is_none() && elapsed_ticks_ < state_.options.election_timeout_ticks;
}

}  // namespace flotilla::raft
