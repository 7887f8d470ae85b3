// Who belongs to the group, and who leads it next: joint configuration changes and transfers.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "raft/configuration.h"
#include "raft/leader.h"
#include "raft/message_codec.h"

namespace flotilla::raft {

namespace {

bool Contains(const std::vector<Member>& members, const Member& member) {
  return std::find(members.begin(), members.end(), member) != members.end();
}

}  // namespace

absl::StatusOr<Position> Leader::ProposeConfiguration(const ConfigurationChange& change) {
  FLOTILLA_RETURN_IF_ERROR(CheckMayPropose(0));
  // Else two leaders of different terms could each work on a change of its own, with quorums that
  // do not overlap (the single-server bug; raft-dev, July 2015).
  if (!OwnTermIsCommitted()) {
    return absl::FailedPreconditionError("no entry of this term is committed yet");
  }
  const bool pending = state_.configurations().active_index() > state_.log().commit();
  if (pending || state_.configuration().IsJoint()) {
    return absl::FailedPreconditionError("another configuration change is pending");
  }
  FLOTILLA_ASSIGN_OR_RETURN(const Configuration next, ApplyChange(state_.configuration(), change));
  return Position{AppendConfiguration(next), state_.term()};
}

LogIndex Leader::AppendConfiguration(const Configuration& configuration) {
  const LogIndex index =
      state_.AppendOwn(EntryKind::kConfiguration, MakeBytes(EncodeConfiguration(configuration)));
  UpdatePeers();
  dirty_ = true;
  return index;
}

// Makes the peers those of the active configuration. What is known of those that stay is kept.
void Leader::UpdatePeers() {
  const std::vector<Member> members = state_.configuration().AllMembers();
  for (Peer& peer : peers_) {
    const bool removed = !Contains(members, peer.progress.member());
    if (removed && !peer.removed_at.has_value()) {
      peer.removed_at = state_.configurations().active_index();
    }
  }
  const Configuration& settled = state_.configurations().Settled(state_.log().commit());
  for (const Member& member : members) {
    if (member == state_.self || FindPeer(member) != nullptr) continue;
    // A replica comes to life by a committed entry only, else its id could be assigned twice.
    if (!settled.IsMember(member.replica)) continue;
    const Inflights window(state_.options.max_inflight_messages_per_peer,
                           state_.options.max_inflight_bytes_per_peer);
    // A new leader begins at its no-op; where the logs part is found by probing back.
    peers_.push_back({Progress(member, state_.log().last_index(), window), std::nullopt, 0});
  }
  const auto target_is_voter = [this] {
    return Contains(state_.configuration().voters, transfer_->target);
  };
  if (transfer_.has_value() && !target_is_voter()) transfer_.reset();
}

// A removed peer has been served when it was told that its removal is committed, or when it has had
// ample time (it may be gone for good).
void Leader::DropRemovedPeers() {
  const LogIndex commit = state_.log().commit();
  const int patience_ticks = 2 * state_.options.election_timeout_ticks;
  std::erase_if(peers_, [&](const Peer& peer) {
    if (!peer.removed_at.has_value() || *peer.removed_at > commit) return false;
    const bool knows =
        peer.progress.match() >= *peer.removed_at && peer.progress.sent_commit >= *peer.removed_at;
    return knows || peer.ticks_since_removal >= patience_ticks;
  });
}

// The active configuration may have become committed: the next step of a joint one is due, or this
// leader's own departure.
Leader::Verdict Leader::FollowUpConfiguration() {
  if (state_.configurations().active_index() > state_.log().commit()) return Verdict::kStays;
  UpdatePeers();
  const Configuration& configuration = state_.configuration();
  if (configuration.IsJoint()) {
    AppendConfiguration(LeaveJoint(configuration));
    return Verdict::kStays;
  }
  if (configuration.IsVoter(state_.self.replica)) return Verdict::kStays;
  HandOverOffice();
  return Verdict::kStepsDown;
}

// The other voter that holds most of the log, null when none has been heard of lately.
const Leader::Peer* Leader::Heir() const {
  const Peer* heir = nullptr;
  for (const Peer& peer : peers_) {
    const Progress& progress = peer.progress;
    if (!Contains(state_.configuration().voters, progress.member())) continue;
    if (!progress.recently_active()) continue;
    if (heir == nullptr || progress.match() > heir->progress.match()) heir = &peer;
  }
  return heir;
}

// This leader is no voter any more, by a committed configuration. Before it goes it tells everybody
// so, and saves them the wait for a timeout.
void Leader::HandOverOffice() {
  AnnounceCommit();
  Flush();
  if (const Peer* heir = Heir()) state_.Send(heir->progress.member(), TimeoutNow{});
}

// A disk that hangs reports no error. Its leader could answer nothing more, since it applies only
// what it holds itself, while its heartbeats, which need no disk, would keep the others from doing
// better (cockroach#41691). So it hands over to a voter that holds more, and goes if that fails.
Leader::Verdict Leader::TickDisk() {
  if (!state_.DiskHangs()) {
    offered_office_ = false;
    return Verdict::kStays;
  }
  const Peer* heir = Heir();
  const bool better = heir != nullptr && heir->progress.match() > state_.persistence().durable();
  if (!better || transfer_.has_value()) return Verdict::kStays;
  if (offered_office_) return Verdict::kStepsDown;
  offered_office_ = true;
  transfer_ = PendingTransfer{heir->progress.member(), 0, false};
  ContinueTransfer();
  return Verdict::kStays;
}

// No proposal is taken while a transfer is pending: none waits for the dead, nor for who has to
// catch up first (TiKV: leader-transfer-max-log-lag).
absl::Status Leader::CheckMaySucceed(const Progress& heir) const {
  const std::string node = "node " + ToString(heir.member().node);
  if (!heir.answers()) return absl::UnavailableError(node + " does not answer this leader now");
  const uint64_t lag = state_.log().last_index() - heir.match();
  if (lag > state_.options.max_transfer_lag) {
    return absl::UnavailableError(node + " is " + std::to_string(lag) + " entries behind");
  }
  const LogIndex commit = state_.log().commit();
  const uint64_t unapplied = commit - std::min(commit, heir.applied());
  if (unapplied > state_.options.max_transfer_unapplied) {
    return absl::UnavailableError(node + " has yet to apply " + std::to_string(unapplied) +
                                  " entries");
  }
  return absl::OkStatus();
}

absl::Status Leader::Transfer(NodeId target) {
  for (const Member& voter : state_.configuration().voters) {
    if (voter.node != target || voter == state_.self) continue;
    if (transfer_.has_value() && transfer_->target == voter) return absl::OkStatus();
    FLOTILLA_RETURN_IF_ERROR(CheckMaySucceed(FindPeer(voter.replica)->progress));
    transfer_ = PendingTransfer{voter, 0, false};
    ContinueTransfer();
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("node " + ToString(target) + " is not another voter");
}

// Once the target has the whole log, nobody can outvote it (Raft thesis 3.10).
void Leader::ContinueTransfer() {
  if (!transfer_.has_value() || transfer_->timeout_now_sent) return;
  const Peer* peer = FindPeer(transfer_->target.replica);
  FLOTILLA_CHECK(peer != nullptr);
  if (peer->progress.match() != state_.log().last_index()) return;
  state_.Send(transfer_->target, TimeoutNow{});
  transfer_->timeout_now_sent = true;
}

void Leader::TickTransfer() {
  if (!transfer_.has_value()) return;
  // The target may be dead: lead on rather than refuse proposals for ever.
  if (++transfer_->elapsed_ticks >= state_.options.election_timeout_ticks) transfer_.reset();
}

}  // namespace flotilla::raft
