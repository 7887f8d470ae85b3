#include "raft/inflights.h"

#include "base/check.h"

namespace flotilla::raft {

void Inflights::Add(LogIndex last, uint64_t bytes) {
  FLOTILLA_CHECK(!full());
  if (!sent_.empty()) FLOTILLA_CHECK_GT(last, sent_.back().last);
  sent_.push_back({last, bytes});
  bytes_ += bytes;
}

void Inflights::FreeTo(LogIndex index) {
  while (!sent_.empty() && sent_.front().last <= index) {
    bytes_ -= sent_.front().bytes;
    sent_.pop_front();
  }
}

void Inflights::Clear() {
  sent_.clear();
  bytes_ = 0;
}

}  // namespace flotilla::raft
