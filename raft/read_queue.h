// The linearizable reads that wait at a leader (Raft thesis 6.4, ReadIndex).
//
// A read registered now is answered with the commit index of now, once a quorum has acknowledged
// the leadership in a round that *began after* the registration. Rounds are numbered by a counter
// that only this leader hands out, never by ids that callers choose and may repeat (etcd#20418).
// All reads registered between two flushes share a round. Until an entry of the leader's own term
// is committed it does not know what is committed, and reads are parked (etcd#7331).
#ifndef FLOTILLA_RAFT_READ_QUEUE_H_
#define FLOTILLA_RAFT_READ_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "raft/messages.h"
#include "raft/raft_core.h"
#include "raft/types.h"

namespace flotilla::raft {

// Who asked: a caller of this member's ReadIndex, or a follower on behalf of its own callers.
struct ForwardedRead {
  Member from;
  uint64_t context = 0;

  friend bool operator==(const ForwardedRead&, const ForwardedRead&) = default;
};
using Reader = std::variant<ReadId, ForwardedRead>;

struct ConfirmedRead {
  Reader reader;
  LogIndex index;
};

class ReadQueue {
 public:
  void Park(Reader reader) { parked_.push_back(reader); }
  void Register(Reader reader, LogIndex commit);
  // An entry of the own term is committed: parked reads register.
  void Unpark(LogIndex commit);

  // Whether some read waits for a round that has not begun.
  bool WantsRound() const { return !waiting_.empty() && waiting_.back().round > counter_; }
  void BeginRound();
  // Of the newest round that has begun; what messages carry from now on.
  ReadCounter counter() const { return counter_; }

  // A quorum has acknowledged this round: the reads of it and of all earlier ones, in order.
  std::vector<ConfirmedRead> Confirm(ReadCounter round);
  // All readers, parked or waiting; the queue is empty afterwards.
  std::vector<Reader> TakeAll();

  bool Contains(const ForwardedRead& read) const;
  size_t size() const { return parked_.size() + waiting_.size(); }

 private:
  struct Waiting {
    Reader reader;
    LogIndex index;
    ReadCounter round = 0;
  };

  ReadCounter counter_ = 0;
  std::vector<Reader> parked_;
  // Invariant: rounds never decrease, and none is above counter_ + 1.
  std::deque<Waiting> waiting_;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_RAFT_READ_QUEUE_H_
