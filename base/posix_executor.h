// An Executor on a thread of its own.
//
// Built for many posters and one consumer: the thread takes everything that is queued in one
// exchange under the lock, and posters wake it only when it sleeps. So an executor under load costs
// its posters a short uncontended lock and no system call.
#ifndef FLOTILLA_BASE_POSIX_EXECUTOR_H_
#define FLOTILLA_BASE_POSIX_EXECUTOR_H_

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "base/clock.h"
#include "base/executor.h"
#include "base/mutex.h"

namespace flotilla {

class PosixExecutor : public Executor {
 public:
  // `clock` is the one that PostAt's times are of, and outlives the executor. The first 15 bytes of
  // `name` are the thread's name in debuggers.
  PosixExecutor(const Clock& clock, const std::string& name);
  // Stops.
  ~PosixExecutor() override;

  void Post(Task task) override;
  TimerId PostAt(MonoTime when, Task task) override;
  void Cancel(TimerId timer) override;

  // Lets the running task finish, forgets all others and joins the thread. Afterwards Post does
  // nothing. Idempotent; not to be called on the executor itself.
  void Stop();

 private:
  void Run();
  // Waits until there are tasks or a timer is due and takes the tasks. False when stopped.
  bool TakeTasks(std::vector<Task>& tasks);
  void RunDueTimers();

  const Clock& clock_;

  Mutex mu_;
  CondVar wake_;
  std::vector<Task> queue_ ABSL_GUARDED_BY(mu_);
  bool asleep_ ABSL_GUARDED_BY(mu_) = false;
  // Written under the lock; read without it between tasks.
  std::atomic<bool> stopped_ = false;

  // Owned by the thread. A timer is found by its id for Cancel and by its time for running.
  absl::btree_map<std::pair<MonoTime, TimerId>, Task> timers_;
  absl::flat_hash_map<TimerId, MonoTime> timer_times_;
  TimerId next_timer_ = 1;

  std::thread thread_;
};

}  // namespace flotilla

#endif  // FLOTILLA_BASE_POSIX_EXECUTOR_H_
