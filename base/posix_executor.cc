#include "base/posix_executor.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>

#include "base/check.h"

namespace flotilla {

namespace {

// The longest sleep without a timer: any would do, the wake-up is explicit.
constexpr Duration kNoTimer = std::chrono::hours(1);

}  // namespace

PosixExecutor::PosixExecutor(const Clock& clock, const std::string& name)
    : clock_(clock), thread_([this] { Run(); }) {
  pthread_setname_np(thread_.native_handle(), name.substr(0, 15).c_str());
}

PosixExecutor::~PosixExecutor() { Stop(); }

void PosixExecutor::Post(Task task) {
  bool wake = false;
  {
    MutexLock lock(mu_);
    if (stopped_.load(std::memory_order_relaxed)) return;
    queue_.push_back(std::move(task));
    wake = std::exchange(asleep_, false);
  }
  if (wake) wake_.NotifyOne();
}

TimerId PosixExecutor::PostAt(MonoTime when, Task task) {
  FLOTILLA_DCHECK(std::this_thread::get_id() == thread_.get_id());
  const TimerId id = next_timer_++;
  timer_times_[id] = when;
  timers_.try_emplace({when, id}, std::move(task));
  return id;
}

void PosixExecutor::Cancel(TimerId timer) {
  const auto it = timer_times_.find(timer);
  if (it == timer_times_.end()) return;
  const auto entry = timers_.find({it->second, timer});
  // What the task owns may come back here when it is destroyed: after the maps are in order.
  const Task forgotten = std::move(entry->second);
  timers_.erase(entry);
  timer_times_.erase(it);
}

void PosixExecutor::Stop() {
  FLOTILLA_CHECK_MSG(std::this_thread::get_id() != thread_.get_id(),
                     "an executor cannot join itself");
  std::vector<Task> forgotten;
  {
    MutexLock lock(mu_);
    stopped_.store(true, std::memory_order_relaxed);
    forgotten.swap(queue_);
  }
  wake_.NotifyOne();
  if (thread_.joinable()) thread_.join();
  timer_times_.clear();
  const auto forgotten_timers = std::move(timers_);
}

void PosixExecutor::Run() {
  std::vector<Task> tasks;
  while (TakeTasks(tasks)) {
    for (Task& task : tasks) {
      if (stopped_.load(std::memory_order_relaxed)) return;
      task();
      // Freed at once, not when the whole batch is over.
      task = nullptr;
    }
    tasks.clear();
    RunDueTimers();
  }
}

bool PosixExecutor::TakeTasks(std::vector<Task>& tasks) {
  const Duration until_timer =
      timers_.empty() ? kNoTimer : timers_.begin()->first.first - clock_.Now();
  MutexLock lock(mu_);
  if (queue_.empty() && until_timer > Duration::zero() &&
      !stopped_.load(std::memory_order_relaxed)) {
    asleep_ = true;
    wake_.WaitFor(mu_, until_timer);
    asleep_ = false;
  }
  tasks.swap(queue_);
  return !stopped_.load(std::memory_order_relaxed);
}

void PosixExecutor::RunDueTimers() {
  if (timers_.empty()) return;
  const MonoTime now = clock_.Now();
  while (!timers_.empty() && timers_.begin()->first.first <= now &&
         !stopped_.load(std::memory_order_relaxed)) {
    Task task = std::move(timers_.begin()->second);
    timer_times_.erase(timers_.begin()->first.second);
    timers_.erase(timers_.begin());
    task();
  }
}

}  // namespace flotilla
