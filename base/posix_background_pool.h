// BackgroundPool on threads of the process.
#ifndef FLOTILLA_BASE_POSIX_BACKGROUND_POOL_H_
#define FLOTILLA_BASE_POSIX_BACKGROUND_POOL_H_

#include <deque>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/background_pool.h"
#include "base/mutex.h"

namespace flotilla {

class PosixBackgroundPool : public BackgroundPool {
 public:
  explicit PosixBackgroundPool(int threads);
  // Runs what is queued, then joins.
  ~PosixBackgroundPool() override;

  void Run(Task job) override;
  void Sleep(Duration duration) override;
  void Settle() override {}

 private:
  void WorkLoop();

  Mutex mu_;
  CondVar work_arrived_;
  std::deque<Task> queue_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace flotilla

#endif  // FLOTILLA_BASE_POSIX_BACKGROUND_POOL_H_
