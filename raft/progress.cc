#include "raft/progress.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/check.h"

namespace flotilla::raft {

Progress::Progress(Member member, LogIndex next, Inflights window)
    : member_(member), next_(next), inflights_(std::move(window)) {
  FLOTILLA_CHECK_GT(next, match_);
}

bool Progress::IsPaused() const {
  switch (state_) {
    case State::kProbe:
      return probe_sent_;
    case State::kReplicate:
      return inflights_.full();
    case State::kSnapshot:
      return true;
  }
  return true;
}

void Progress::BecomeProbe() {
  state_ = State::kProbe;
  next_ = match_.next();
  inflights_.Clear();
  pending_snapshot_ = LogIndex(0);
  probe_sent_ = false;
  wants_empty_append_ = false;
}

void Progress::BecomeReplicate() {
  BecomeProbe();
  state_ = State::kReplicate;
  match_at_heartbeat_ = match_;
}

void Progress::BecomeSnapshot(LogIndex at_least) {
  FLOTILLA_CHECK_GT(at_least, match_);
  BecomeProbe();
  state_ = State::kSnapshot;
  pending_snapshot_ = at_least;
}

void Progress::SnapshotEnded(bool ok, LogIndex index) {
  FLOTILLA_CHECK(state_ == State::kSnapshot);
  BecomeProbe();
  if (ok) {
    next_ = std::max(next_, index.next());
  } else {
    probe_sent_ = true;
  }
}

void Progress::OnSent(LogIndex last, uint64_t bytes) {
  FLOTILLA_CHECK_GE(last.next(), next_);
  wants_empty_append_ = false;
  switch (state_) {
    case State::kProbe:
      FLOTILLA_CHECK(!probe_sent_);
      probe_sent_ = true;
      break;
    case State::kReplicate:
      if (last < next_) break;
      inflights_.Add(last, bytes);
      next_ = last.next();
      break;
    case State::kSnapshot:
      FLOTILLA_CHECK_MSG(false, "an append was sent during a snapshot");
  }
}

bool Progress::OnAccepted(LogIndex index) {
  inflights_.FreeTo(index);
  if (index > match_) {
    match_ = index;
    next_ = std::max(next_, index.next());
    return true;
  }
  // The first answer to a probe at match itself.
  return index == match_ && state_ == State::kProbe;
}

bool Progress::OnRejected(LogIndex refused, LogIndex hint) {
  if (state_ == State::kSnapshot || refused <= match_) return false;
  if (state_ == State::kReplicate) {
    // Something was lost on the way; what is not acknowledged is sent again, from match on.
    BecomeProbe();
    return true;
  }
  // Only the outstanding probe counts; an older one was answered before.
  if (next_.prev() != refused) return false;
  next_ = std::max(std::min(refused, hint.next()), match_.next());
  probe_sent_ = false;
  return true;
}

void Progress::OnHeartbeatDue() {
  heartbeat_due = true;
  if (!std::exchange(heard_, false)) return;
  if (state_ == State::kProbe) probe_sent_ = false;
  if (state_ == State::kReplicate) {
    const bool waits = match_.next() < next_;
    wants_empty_append_ = waits && match_ == match_at_heartbeat_;
    match_at_heartbeat_ = match_;
  }
}

void Progress::OnHeard(ReadCounter counter) {
  acknowledged_ = std::max(acknowledged_, counter);
  recently_active_ = true;
  answers_ = true;
  heard_ = true;
}

void Progress::OnLost() {
  answers_ = false;
  applied_ = LogIndex();
  if (state_ == State::kReplicate) BecomeProbe();
}

}  // namespace flotilla::raft
