// Threads for work that a library insists on doing in the background (LevelDB's compactions), as a
// port: real threads in the server (posix_background_pool.h), none in the simulator.
#ifndef FLOTILLA_BASE_BACKGROUND_POOL_H_
#define FLOTILLA_BASE_BACKGROUND_POOL_H_

#include <deque>
#include <utility>

#include "base/clock.h"
#include "base/executor.h"

namespace flotilla {

// Thread-safe. Outlives everything that uses it.
class BackgroundPool {
 public:
  virtual ~BackgroundPool() = default;

  // Runs `job` once, later; never inside this call, because callers hold locks that the job takes.
  virtual void Run(Task job) = 0;

  // Blocks the calling thread.
  virtual void Sleep(Duration duration) = 0;

  // Called when no lock is held that a job could need. A pool without threads runs here what was
  // queued, and what that queues; others return at once.
  virtual void Settle() = 0;
};

// No threads: jobs run inside Settle, on the caller's thread, in order. Deterministic. Whoever
// waits for a job without calling Settle first waits for ever.
class DeferredBackgroundPool : public BackgroundPool {
 public:
  void Run(Task job) override { queue_.push_back(std::move(job)); }
  void Sleep(Duration) override {}
  void Settle() override {
    while (!queue_.empty()) {
      Task job = std::move(queue_.front());
      queue_.pop_front();
      job();
    }
  }

 private:
  std::deque<Task> queue_;
};

}  // namespace flotilla

#endif  // FLOTILLA_BASE_BACKGROUND_POOL_H_
