// How long a load went without an answer. Thread-safe.
#ifndef FLOTILLA_BENCH_ACK_GAPS_H_
#define FLOTILLA_BENCH_ACK_GAPS_H_

#include <algorithm>

#include "base/clock.h"
#include "base/mutex.h"

namespace flotilla::bench {

class AckGaps {
 public:
  explicit AckGaps(MonoTime now) : last_(now) {}

  void Acknowledged(MonoTime now) {
    MutexLock lock(mu_);
    Reach(now);
  }
  // Returns the longest time without an answer that ended, or has lasted until now, since the last
  // call. What began before that call counts with its whole length.
  Duration TakeLongest(MonoTime now) {
    MutexLock lock(mu_);
    const Duration longest = std::max(longest_, now - last_);
    longest_ = Duration(0);
    return longest;
  }

 private:
  // Answers of different threads may come in a little out of order.
  void Reach(MonoTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    longest_ = std::max(longest_, now - last_);
    last_ = std::max(last_, now);
  }

  Mutex mu_;
  MonoTime last_ ABSL_GUARDED_BY(mu_);
  Duration longest_ ABSL_GUARDED_BY(mu_){0};
};

}  // namespace flotilla::bench

#endif  // FLOTILLA_BENCH_ACK_GAPS_H_
