#include "raft/leader.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "raft/quorum.h"

namespace flotilla::raft {

Leader::Leader(MemberState& state) : state_(state) {
  first_own_index_ = state_.AppendOwn(EntryKind::kNoop, nullptr);
  state_.fetch.ForgetGone();
  UpdatePeers();
}

Leader::Verdict Leader::Tick() {
  if (++quorum_elapsed_ticks_ >= state_.options.election_timeout_ticks) {
    quorum_elapsed_ticks_ = 0;
    // Cut off from the majority, others may lead already (Raft thesis 6.2).
    if (state_.options.check_quorum && !HasActiveQuorum()) return Verdict::kStepsDown;
    for (Peer& peer : peers_) peer.progress.ForgetActivity();
  }
  TickTransfer();
  if (TickDisk() == Verdict::kStepsDown) return Verdict::kStepsDown;
  for (Peer& peer : peers_) {
    if (peer.removed_at.has_value() && *peer.removed_at <= state_.log().commit()) {
      ++peer.ticks_since_removal;
    }
  }
  DropRemovedPeers();
  if (++heartbeat_elapsed_ticks_ >= state_.options.heartbeat_ticks) {
    heartbeat_elapsed_ticks_ = 0;
    for (Peer& peer : peers_) peer.progress.OnHeartbeatDue();
    dirty_ = true;
  }
  return Verdict::kStays;
}

bool Leader::HasActiveQuorum() const {
  return IsQuorum(state_.configuration(), [this](ReplicaId replica) {
    if (replica == state_.self.replica) return true;
    const Peer* peer = FindPeer(replica);
    return peer != nullptr && peer->progress.recently_active();
  });
}

absl::StatusOr<Position> Leader::Propose(SharedBytes payload) {
  FLOTILLA_RETURN_IF_ERROR(CheckMayPropose(View(payload).size()));
  if (payload == nullptr) payload = MakeBytes("");
  const LogIndex index = state_.AppendOwn(EntryKind::kCommand, std::move(payload));
  dirty_ = true;
  return Position{index, state_.term()};
}

absl::Status Leader::CheckMayPropose(size_t bytes) const {
  if (transfer_.has_value()) {
    return absl::FailedPreconditionError("leadership is being transferred to node " +
                                         ToString(transfer_->target.node));
  }
  const RaftLog& log = state_.log();
  const uint64_t uncommitted = log.BytesBetween(log.commit(), log.last_index());
  if (uncommitted > 0 && uncommitted + bytes > state_.options.max_uncommitted_bytes) {
    return absl::ResourceExhaustedError(
        "uncommitted entries hold " + std::to_string(uncommitted) + " of " +
        std::to_string(state_.options.max_uncommitted_bytes) + " bytes");
  }
  const uint64_t unapplied = state_.UnappliedBytes();
  if (unapplied > state_.options.max_unapplied_bytes) {
    return absl::ResourceExhaustedError(
        "unapplied entries hold " + std::to_string(unapplied) + " of " +
        std::to_string(state_.options.max_unapplied_bytes) + " bytes");
  }
  return absl::OkStatus();
}

Leader::Verdict Leader::OnAppendResponse(const Member& from, const AppendResponse& response) {
  Peer* peer = FindPeer(from);
  if (peer == nullptr) return Verdict::kStays;
  OnHeard(peer->progress, response.read_counter);
  if (response.rejected.has_value()) {
    OnRejected(peer->progress, response);
    return Verdict::kStays;
  }
  OnAccepted(*peer, response.index);
  return AdvanceCommit();
}

void Leader::OnHeartbeatResponse(const Member& from, const HeartbeatResponse& response) {
  Peer* peer = FindPeer(from);
  if (peer == nullptr) return;
  peer->progress.OnApplied(response.applied);
  OnHeard(peer->progress, response.read_counter);
}

Leader::Verdict Leader::AdvanceCommit() {
  const RaftLog& log = state_.log();
  const LogIndex agreed(QuorumValue(state_.configuration(), [this](ReplicaId replica) {
    // The leader counts itself only for what its own disk holds (etcd#14370).
    if (replica == state_.self.replica) return state_.persistence().durable().value();
    const Peer* peer = FindPeer(replica);
    return peer == nullptr ? 0 : peer->progress.match().value();
  }));
  // Entries of earlier terms are never committed by counting (Raft thesis 3.6.2, figure 3.7).
  if (agreed <= log.commit() || agreed < first_own_index_) return Verdict::kStays;
  state_.CommitTo(agreed);
  dirty_ = true;
  return OnCommitAdvanced();
}

Leader::Verdict Leader::OnCommitAdvanced() {
  reads_.Unpark(state_.log().commit());
  return FollowUpConfiguration();
}

Leader::Peer* Leader::FindPeer(const Member& member) {
  for (Peer& peer : peers_) {
    if (peer.progress.member() == member) return &peer;
  }
  return nullptr;
}

const Leader::Peer* Leader::FindPeer(ReplicaId replica) const {
  for (const Peer& peer : peers_) {
    if (peer.progress.member().replica == replica) return &peer;
  }
  return nullptr;
}

void Leader::OnPeerLost(NodeId node) {
  for (Peer& peer : peers_) {
    if (peer.progress.member().node != node) continue;
    peer.progress.OnLost();
    dirty_ = true;
  }
  // It takes over after all, or nobody does: waiting for it would only cost proposals.
  if (transfer_.has_value() && transfer_->target.node == node) transfer_.reset();
}

void Leader::OnSnapshotFinished(const Member& to, bool ok, LogIndex index) {
  Peer* peer = FindPeer(to);
  // It may have caught up by itself meanwhile.
  if (peer == nullptr || peer->progress.state() != Progress::State::kSnapshot) return;
  FLOTILLA_CHECK_LE(index, state_.log().last_index());
  peer->progress.SnapshotEnded(ok, index);
  // What the snapshot does not cover is asked for anew, not taken for gone as before: the answer
  // may have been useless because the log was being overwritten (found by the simulator: snapshots
  // of what the peer had already, for ever).
  state_.fetch.ForgetGone();
  dirty_ = true;
}

LogIndex Leader::CompactionHint() const {
  LogIndex hint = state_.log().applied();
  for (const Peer& peer : peers_) {
    const Progress& progress = peer.progress;
    if (peer.removed_at.has_value()) continue;
    if (progress.state() == Progress::State::kSnapshot) {
      hint = std::min(hint, progress.pending_snapshot());
    } else if (progress.recently_active()) {
      hint = std::min(hint, progress.match());
    }
  }
  return hint;
}

std::vector<PeerProgress> Leader::Peers() const {
  std::vector<PeerProgress> peers;
  for (const Peer& peer : peers_) {
    const Progress& progress = peer.progress;
    peers.push_back({progress.member(), state_.configuration().IsVoter(progress.member().replica),
                     progress.match(), progress.heard_lately(),
                     progress.state() == Progress::State::kSnapshot});
  }
  return peers;
}

}  // namespace flotilla::raft
