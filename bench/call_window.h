// Calls that may be under way at the same time; remembers the first that failed. Thread-safe.
#ifndef FLOTILLA_BENCH_CALL_WINDOW_H_
#define FLOTILLA_BENCH_CALL_WINDOW_H_

#include <cstddef>

#include "base/mutex.h"
#include "flotilla/status.h"

namespace flotilla::bench {

class CallWindow {
 public:
  explicit CallWindow(size_t size) : size_(size) {}

  // Waits until one more may begin.
  void Enter() {
    MutexLock lock(mu_);
    while (under_way_ == size_) left_.Wait(mu_);
    ++under_way_;
  }
  void Leave(const Status& status) {
    MutexLock lock(mu_);
    if (!status.ok() && failure_.ok()) failure_ = status;
    --under_way_;
    left_.NotifyAll();
  }
  Status failure() {
    MutexLock lock(mu_);
    return failure_;
  }
  // Waits for all.
  void Drain() {
    MutexLock lock(mu_);
    while (under_way_ != 0) left_.Wait(mu_);
  }

 private:
  const size_t size_;
  Mutex mu_;
  CondVar left_;
  size_t under_way_ ABSL_GUARDED_BY(mu_) = 0;
  Status failure_ ABSL_GUARDED_BY(mu_);
};

}  // namespace flotilla::bench

#endif  // FLOTILLA_BENCH_CALL_WINDOW_H_
