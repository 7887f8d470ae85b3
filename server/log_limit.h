// Keeps a line that may come thousands of times a second from delaying the thread that logs it.
#ifndef FLOTILLA_SERVER_LOG_LIMIT_H_
#define FLOTILLA_SERVER_LOG_LIMIT_H_

#include <cstdint>
#include <optional>
#include <utility>

#include "base/clock.h"

namespace flotilla::server {

// For one thread.
class LogLimit {
 public:
  explicit LogLimit(uint64_t lines_per_second) : lines_max_(lines_per_second) {}

  // Whether a line may be written; if so, how many were left out since the last one.
  std::optional<uint64_t> Admit(MonoTime now) {
    if (now >= next_second_) {
      next_second_ = now + std::chrono::seconds(1);
      lines_ = 0;
    }
    if (lines_ < lines_max_) {
      ++lines_;
      return std::exchange(left_out_, 0);
    }
    ++left_out_;
    return std::nullopt;
  }

 private:
  const uint64_t lines_max_;
  MonoTime next_second_;
  uint64_t lines_ = 0;  // since it began
  uint64_t left_out_ = 0;
};

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_LOG_LIMIT_H_
