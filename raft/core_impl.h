// The inside of RaftCore: the member's state and its present role, the rules about terms that every
// message has to pass first, and the passage from role to role. core_impl.cc dispatches inputs,
// voting.cc has elections.
#ifndef FLOTILLA_RAFT_CORE_IMPL_H_
#define FLOTILLA_RAFT_CORE_IMPL_H_

#include <optional>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "raft/candidate.h"
#include "raft/follower.h"
#include "raft/invariants.h"
#include "raft/leader.h"
#include "raft/member_state.h"
#include "raft/messages.h"
#include "raft/raft_core.h"
#include "raft/types.h"

namespace flotilla::raft {

class RaftCore::Impl {
 public:
  Impl(const RaftOptions& options, const InitialState& initial, uint64_t seed);
  // The roles refer to state_.
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  // As in RaftCore.
  void Tick();
  void Receive(Message message);
  void PeerLost(NodeId node);
  absl::StatusOr<Position> Propose(SharedBytes payload);
  absl::StatusOr<Position> ProposeConfiguration(const ConfigurationChange& change);
  absl::StatusOr<ReadId> ReadIndex();
  absl::Status TransferLeadership(NodeId target);
  void AnnounceCommit();
  void Campaign();
  void AppendDone(Ticket ticket);
  void ApplyDone(LogIndex index);
  void EntriesFetched(std::vector<Entry> entries);
  void SnapshotFinished(const Member& to, Term term, bool ok, LogIndex meta_index);
  absl::Status SnapshotInstalled(const InstalledSnapshot& snapshot);
  bool WouldInstall(const SnapshotMeta& meta) const;
  void ForgetApplied() { state_.ForgetApplied(); }
  void Compacted(LogIndex index);
  LogIndex CompactionHint() const;
  Outputs TakeOutputs();
  bool HasOutputs() const;
  RaftStatus Status() const;
  SnapshotMeta MetaAt(LogIndex index) const;

  const MemberState& state() const { return state_; }
  Role role() const;
  Member leader() const;

 private:
  // Compares what must never go back before an input and after it.
  class Guarded;

  // core_impl.cc
  bool IsForThisMember(const Message& message) const;
  void Handle(const Message& message, const VoteRequest& request);
  void Handle(const Message& message, const VoteResponse& response);
  void Handle(const Message& message, AppendRequest& request);
  void Handle(const Message& message, const AppendResponse& response);
  void Handle(const Message& message, const Heartbeat& heartbeat);
  void Handle(const Message& message, const HeartbeatResponse& response);
  void Handle(const Message& message, const TimeoutNow&);
  void Handle(const Message& message, const ReadIndexRequest& request);
  void Handle(const Message& message, const ReadIndexResponse& response);
  // The sender leads this term: whatever this member is, it follows now.
  Follower& Follow(const Member& leader);
  void LeaveRole();
  void BecomeFollower(const Member& leader);
  void Settle(Leader::Verdict verdict);
  MemberView View() const;

  // voting.cc
  bool PassesTerm(const Message& message);
  void AnswerOldTerm(const Message& message);
  bool MayVoteFor(const Message& message, const VoteRequest& request) const;
  void MeetRival(const Member& rival, const VoteRequest& request, bool granted);
  void StartCampaign(Candidate::Kind kind);
  void SettleCampaign();

  MemberState state_;
  std::variant<Follower, Candidate, Leader> role_;
  // What the host was told last.
  RoleChange reported_;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_RAFT_CORE_IMPL_H_
