// The client's side of one session: which of its writes are unanswered, and so what the shard may
// forget. A write is admitted once, with a sequence number of its own, and stays admitted through
// all its tries.
#ifndef FLOTILLA_CLIENT_WRITE_SESSION_H_
#define FLOTILLA_CLIENT_WRITE_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>

#include "base/clock.h"

namespace flotilla::client {

class WriteSession {
 public:
  // At most `window` answers are held back by the lowest unanswered write: the shard remembers that
  // many for us, and refuses beyond its own limit.
  WriteSession(std::string token, size_t window, MonoTime opened)
      : token_(std::move(token)), window_(window), used_at_(opened) {}

  const std::string& token() const { return token_; }
  bool HasRoom() const { return writes_.size() < window_; }
  bool idle() const { return writes_.empty(); }
  // When it was opened, or last admitted a write.
  MonoTime used_at() const { return used_at_; }

  // Takes in a write. `sequence` must grow. Precondition: HasRoom(). The position names the write
  // in End.
  uint64_t Admit(uint64_t sequence, MonoTime now);
  // The write will not be tried again: it was answered or given up. Once per admitted write.
  void End(uint64_t position);

  // The lowest sequence that may still be sent: all below have been ended.
  uint64_t acknowledged_below() const;

 private:
  struct Write {
    uint64_t sequence;
    bool ended;
  };

  std::string token_;
  const size_t window_;
  // From the lowest that has not ended. Invariant: empty, or the front has not ended.
  std::deque<Write> writes_;
  uint64_t first_position_ = 0;  // of writes_.front()
  uint64_t next_sequence_ = 1;   // above the last admitted one
  MonoTime used_at_;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_WRITE_SESSION_H_
