// The appends sent to one peer and not acknowledged yet: a window that bounds how far a leader runs
// ahead, in messages and in bytes (etcd's MaxInflightMsgs and MaxInflightBytes).
#ifndef FLOTILLA_RAFT_INFLIGHTS_H_
#define FLOTILLA_RAFT_INFLIGHTS_H_

#include <cstddef>
#include <cstdint>
#include <deque>

#include "base/ids.h"

namespace flotilla::raft {

class Inflights {
 public:
  Inflights(size_t max_messages, size_t max_bytes)
      : max_messages_(max_messages), max_bytes_(max_bytes) {}

  // A message whose last entry is `last` has been sent. Precondition: not full, `last` is higher
  // than in all messages before.
  void Add(LogIndex last, uint64_t bytes);
  // Everything up to `index` is acknowledged.
  void FreeTo(LogIndex index);
  void Clear();

  // The byte limit is soft by one message, so that an entry of any size gets through.
  bool full() const { return sent_.size() >= max_messages_ || bytes_ >= max_bytes_; }
  bool empty() const { return sent_.empty(); }
  size_t messages() const { return sent_.size(); }
  uint64_t bytes() const { return bytes_; }

 private:
  struct Sent {
    LogIndex last;
    uint64_t bytes = 0;
  };

  size_t max_messages_;
  size_t max_bytes_;
  std::deque<Sent> sent_;
  // Invariant: the sum over sent_.
  uint64_t bytes_ = 0;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_RAFT_INFLIGHTS_H_
