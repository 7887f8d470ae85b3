#include "client/write_session.h"

#include "base/check.h"

namespace flotilla::client {

uint64_t WriteSession::Admit(uint64_t sequence, MonoTime now) {
  FLOTILLA_CHECK(HasRoom());
  FLOTILLA_CHECK_GE(sequence, next_sequence_);
  next_sequence_ = sequence + 1;
  used_at_ = now;
  writes_.push_back({sequence, /*ended=*/false});
  return first_position_ + writes_.size() - 1;
}

void WriteSession::End(uint64_t position) {
  FLOTILLA_CHECK_GE(position, first_position_);
  Write& write = writes_.at(position - first_position_);
  FLOTILLA_CHECK(!write.ended);
  write.ended = true;
  while (!writes_.empty() && writes_.front().ended) {
    writes_.pop_front();
    ++first_position_;
  }
}

uint64_t WriteSession::acknowledged_below() const {
  return writes_.empty() ? next_sequence_ : writes_.front().sequence;
}

}  // namespace flotilla::client
