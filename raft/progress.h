// What a leader knows of one peer, and how fast it sends to it (etcd-raft's tracker.Progress).
//
//             ack                         rejection, peer lost
//   .-------. ----------> .-----------. ----------------------> .-------.
//   | probe |             | replicate |                         | probe |
//   '-------' <---------- '-----------' <---------------------- '-------'
//       |  ^                    |               ack
//       |  | snapshot ended     |  the log no longer reaches back to the peer
//       v  | or is overtaken    v
//      .----------------------------.
//      |          snapshot          |
//      '----------------------------'
//
// Probe: where the logs agree is unknown; one append at a time, next is tried further back.
// Replicate: the logs agree up to match; appends are pipelined, next runs ahead of match.
// Snapshot: nothing is sent until the transfer ends.
#ifndef FLOTILLA_RAFT_PROGRESS_H_
#define FLOTILLA_RAFT_PROGRESS_H_

#include <cstdint>
#include <utility>

#include "base/ids.h"
#include "raft/inflights.h"
#include "raft/messages.h"
#include "raft/types.h"

namespace flotilla::raft {

class Progress {
 public:
  enum class State { kProbe, kReplicate, kSnapshot };

  // A peer of which nothing is known; sending starts at `next`.
  Progress(Member member, LogIndex next, Inflights window);

  const Member& member() const { return member_; }
  State state() const { return state_; }
  LogIndex match() const { return match_; }
  LogIndex next() const { return next_; }
  const Inflights& inflights() const { return inflights_; }
  // While in kSnapshot: the transfer brings the peer at least here.
  LogIndex pending_snapshot() const { return pending_snapshot_; }

  // Whether appends must not be sent now.
  bool IsPaused() const;
  void BecomeProbe();
  void BecomeReplicate();
  void BecomeSnapshot(LogIndex at_least);
  // A snapshot transfer ended; if `ok`, the peer is at `index`. Probing goes on from there; a
  // failed one waits for the next heartbeat, so that a broken peer is not flooded.
  void SnapshotEnded(bool ok, LogIndex index);

  // An append with entries up to `last` was sent (`last` == next - 1: one without entries).
  void OnSent(LogIndex last, uint64_t bytes);
  // The peer durably equals the leader's log up to `index`. False if that is no news.
  bool OnAccepted(LogIndex index);
  // The peer refused an append after `refused`; where logs differ, they agree at most up to `hint`.
  // False if the rejection is an old one.
  bool OnRejected(LogIndex refused, LogIndex hint);
  // A heartbeat's time has come. What was sent may be lost: a probe may be repeated, and a
  // pipeline that made no progress since the last heartbeat is tested with an empty append.
  void OnHeartbeatDue();
  bool wants_empty_append() const { return wants_empty_append_; }

  // The peer showed that it is alive and follows this leader, having seen `counter`.
  void OnHeard(ReadCounter counter);
  // The connection to it broke. What was in flight is probably lost too: where it is must be found
  // out again.
  void OnLost();
  ReadCounter acknowledged() const { return acknowledged_; }
  // What its state machine is known to contain. A restart loses what was not flushed.
  LogIndex applied() const { return applied_; }
  void OnApplied(LogIndex applied) { applied_ = applied; }
  // For CheckQuorum: whether it was heard of since the last Forget.
  bool recently_active() const { return recently_active_; }
  void ForgetActivity() { was_active_ = std::exchange(recently_active_, false); }
  // For all who look at any other moment: whether it was in this period or in the one before.
  // Whoever looked as often as quorums are checked could else find everybody silent for ever.
  bool heard_lately() const { return recently_active_ || was_active_; }
  // For who relies on it to act now: whether it has answered this leader at all, and lately, and
  // was not lost since.
  bool answers() const { return answers_ && heard_lately(); }

  // What the peer has been told. A message may be lost: heartbeats repeat both.
  LogIndex sent_commit = LogIndex(0);
  ReadCounter sent_counter = 0;
  bool heartbeat_due = false;

 private:
  Member member_;
  State state_ = State::kProbe;
  // Invariant: match_ < next_.
  LogIndex match_;
  LogIndex next_;
  Inflights inflights_;
  LogIndex pending_snapshot_;
  bool probe_sent_ = false;
  bool wants_empty_append_ = false;

  ReadCounter acknowledged_ = 0;
  LogIndex applied_;
  bool recently_active_ = true;
  bool was_active_ = false;
  bool answers_ = false;
  // Since the last heartbeat was due.
  bool heard_ = true;
  LogIndex match_at_heartbeat_;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_RAFT_PROGRESS_H_
