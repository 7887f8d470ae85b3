// What a leader sends to whom: appends within each peer's window, heartbeats, snapshots.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/check.h"
#include "raft/leader.h"

namespace flotilla::raft {

void Leader::Flush() {
  if (reads_.WantsRound()) reads_.BeginRound();
  // A lone voter needs nobody else's word, and a smaller configuration fewer than before.
  ConfirmReads();
  dirty_ = false;
  for (Peer& peer : peers_) FlushPeer(peer);
  state_.fetch.Drop();
}

void Leader::FlushPeer(Peer& peer) {
  Progress& progress = peer.progress;
  const bool sent = SendAppends(progress);
  if (!sent && progress.wants_empty_append()) SendEmptyAppend(progress);
  if (NeedsHeartbeat(progress)) SendHeartbeat(progress);
}

bool Leader::SendAppends(Progress& progress) {
  bool sent = false;
  while (!progress.IsPaused() && SendAppend(progress)) sent = true;
  return sent;
}

// Sends one append; false if there is nothing to send, or it cannot be sent now.
bool Leader::SendAppend(Progress& progress) {
  const RaftLog& log = state_.log();
  const std::optional<Term> prev_term = log.TermAt(progress.next().prev());
  if (!prev_term.has_value()) {
    RequestSnapshot(progress);
    return false;
  }
  if (progress.next() <= log.last_index()) return SendEntries(progress, *prev_term);
  if (progress.state() != Progress::State::kProbe) return false;
  return SendEmptyAppend(progress);
}

bool Leader::SendEmptyAppend(Progress& progress) {
  const LogIndex prev = progress.next().prev();
  const std::optional<Term> prev_term = state_.log().TermAt(prev);
  if (!prev_term.has_value()) {
    RequestSnapshot(progress);
    return false;
  }
  const LogIndex commit = state_.log().commit();
  state_.Send(progress.member(), AppendRequest{prev, *prev_term, commit, reads_.counter(), {}});
  progress.OnSent(prev, 0);
  progress.sent_counter = reads_.counter();
  return true;
}

bool Leader::SendEntries(Progress& progress, Term prev_term) {
  const RaftLog& log = state_.log();
  const LogIndex first = progress.next();
  const size_t max_bytes = state_.options.max_message_bytes;
  std::vector<Entry> entries;
  if (log.HasPayloadsFrom(first)) {
    entries = log.Slice(first, log.last_index(), max_bytes);
  } else if (state_.fetch.IsGone(first)) {
    RequestSnapshot(progress);
    return false;
  } else {
    entries = state_.fetch.Slice(first, max_bytes);
  }
  if (entries.empty()) {
    if (!state_.fetch.under_way()) {
      const FetchRequest request{first, log.applied(), max_bytes};
      state_.fetch.Begin(request);
      state_.outputs.fetches.push_back(request);
    }
    return false;
  }
  const LogIndex last = entries.back().index;
  const uint64_t bytes = log.BytesBetween(first.prev(), last);
  state_.Send(progress.member(), AppendRequest{first.prev(), prev_term, log.commit(),
                                               reads_.counter(), std::move(entries)});
  progress.OnSent(last, bytes);
  progress.sent_commit = std::max(progress.sent_commit, std::min(log.commit(), last));
  progress.sent_counter = reads_.counter();
  return true;
}

void Leader::RequestSnapshot(Progress& progress) {
  // To a peer that does not answer, a transfer would be wasted.
  if (!progress.recently_active()) return;
  const Peer* peer = FindPeer(progress.member().replica);
  if (peer->removed_at.has_value()) return;
  const LogIndex at_least = std::max(state_.log().base().index, progress.match().next());
  progress.BecomeSnapshot(at_least);
  state_.outputs.snapshots.push_back({progress.member(), state_.term(), at_least});
}

bool Leader::NeedsHeartbeat(const Progress& progress) const {
  // Also beside an append: the answer to that may have to wait for a slow disk, and the peer would
  // seem to be gone.
  if (progress.heartbeat_due) return true;
  // A round of reads that no append has carried.
  return progress.sent_counter < reads_.counter() &&
         state_.configuration().IsVoter(progress.member().replica);
}

void Leader::AnnounceCommit() {
  for (Peer& peer : peers_) AnnounceCommit(peer.progress);
}

void Leader::AnnounceCommit(Progress& progress) {
  const LogIndex commit = std::min(state_.log().commit(), progress.match());
  if (commit <= progress.sent_commit) return;
  progress.heartbeat_due = true;
  dirty_ = true;
}

void Leader::SendHeartbeat(Progress& progress) {
  const LogIndex commit = std::min(state_.log().commit(), progress.match());
  state_.Send(progress.member(), Heartbeat{commit, reads_.counter()});
  progress.heartbeat_due = false;
  progress.sent_commit = std::max(progress.sent_commit, commit);
  progress.sent_counter = reads_.counter();
}

void Leader::OnAccepted(Peer& peer, LogIndex index) {
  Progress& progress = peer.progress;
  FLOTILLA_CHECK_LE(index, state_.log().last_index());
  if (!progress.OnAccepted(index)) return;
  dirty_ = true;
  switch (progress.state()) {
    case Progress::State::kProbe:
      progress.BecomeReplicate();
      break;
    case Progress::State::kReplicate:
      break;
    case Progress::State::kSnapshot:
      // The log reaches back to the peer again: no need to wait for the transfer's end.
      if (progress.match().next() >= state_.log().first_index()) progress.BecomeReplicate();
      break;
  }
  ContinueTransfer();
}

void Leader::OnRejected(Progress& progress, const AppendResponse& response) {
  // The follower's log agrees at most up to the hint; where ours has a higher term there, it can
  // agree only further back. So a whole term is skipped per round trip, not an entry (thesis 3.5).
  const LogIndex hint =
      state_.log().LastWithTermAtMost(response.rejected->last_index, response.rejected->term).index;
  if (progress.OnRejected(response.index, hint)) dirty_ = true;
}

}  // namespace flotilla::raft
