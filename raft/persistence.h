// What must be written to disk, under which ticket, and what is known to be durable.
//
// Completions arrive late: between a request and its AppendDone the log may have been truncated and
// rewritten by a new leader, even back to the same indexes. So a completion never says "durable up
// to n" by itself: each outstanding ticket remembers the highest index it still stands for, and a
// truncation lowers that (etcd's append ABA race, async_storage_writes_append_aba_race).
#ifndef FLOTILLA_RAFT_PERSISTENCE_H_
#define FLOTILLA_RAFT_PERSISTENCE_H_

#include <deque>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "raft/messages.h"
#include "raft/raft_core.h"
#include "raft/raft_log.h"
#include "raft/types.h"

namespace flotilla::raft {

class Persistence {
 public:
  // What the disk holds when the member starts.
  Persistence(const HardState& hard_state, LogIndex last);

  // The log has a new entry at `index`, which replaces whatever stood there and after it.
  void OnAppended(LogIndex index);
  // The host's log begins at the snapshot's index, durably; `last` is what is left of this one's.
  void OnSnapshotInstalled(LogIndex index, LogIndex last);

  // Sends `message` when all that precedes it is durable. An accepted AppendResponse that follows
  // one of the same leader replaces it.
  void SendAfter(Message message);

  // Whether the vote, the term and the log up to `index` would survive a crash now.
  bool IsDurable(Term term, ReplicaId vote, LogIndex index) const;
  LogIndex durable() const { return durable_; }
  // The vote that is durable, and its term.
  Term durable_term() const { return durable_state_.term; }
  ReplicaId durable_vote() const { return durable_state_.vote; }
  // The first index that no request has been issued for yet.
  LogIndex unissued() const { return unissued_; }

  bool HasRequest(const HardState& now, const RaftLog& log) const;
  // Everything that changed since the last request. The commit index alone is no reason to write:
  // after a restart the next leader tells it again.
  std::optional<PersistRequest> TakeRequest(const HardState& now, const RaftLog& log);
  // Precondition: the ticket was issued. Done tickets complete all earlier ones; a ticket that is
  // complete already changes nothing.
  void OnDone(Ticket ticket);

  void Tick();
  // For how many ticks there were requests outstanding and none was done.
  int hanging_ticks() const { return hanging_ticks_; }

 private:
  struct Outstanding {
    Ticket ticket = 0;
    LogIndex last;  // what it makes durable, as far as the log has not been rewritten since
    HardState state;
  };

  // Of what has been issued: the newest state, and its still outstanding tickets in order.
  HardState issued_state_;
  std::deque<Outstanding> outstanding_;
  Ticket last_ticket_ = 0;
  Ticket oldest_at_tick_ = 0;
  int hanging_ticks_ = 0;

  HardState durable_state_;
  // Invariant: durable_ < unissued_ <= last index + 1.
  LogIndex durable_;
  LogIndex unissued_;
  std::vector<Message> messages_after_;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_RAFT_PERSISTENCE_H_
