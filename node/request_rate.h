// How many requests a replica serves: a rate over the last seconds, window by window.
#ifndef FLOTILLA_NODE_REQUEST_RATE_H_
#define FLOTILLA_NODE_REQUEST_RATE_H_

#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace flotilla::node {

class RequestRate {
 public:
  static constexpr Duration kWindow = std::chrono::seconds(2);

  explicit RequestRate(MonoTime now) : window_began_(now) {}

  void Count() { ++count_; }
  // Now and then, more often than once per window. Whether a window has ended.
  bool Tick(MonoTime now) {
    const Duration elapsed = now - window_began_;
    if (elapsed < kWindow) return false;
    per_second_ = static_cast<double>(count_) / std::chrono::duration<double>(elapsed).count();
    count_ = 0;
    window_began_ = now;
    return true;
  }
  // Of the last whole window.
  double per_second() const { return per_second_; }

 private:
  MonoTime window_began_;
  uint64_t count_ = 0;
  double per_second_ = 0;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_REQUEST_RATE_H_
