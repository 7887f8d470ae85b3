#include "tests/simulation/sim_executor.h"

#include <algorithm>
#include <utility>

namespace flotilla::simulation {

void SimExecutor::Post(Task task) {
  if (stopped_) return;
  last_post_ = std::max(last_post_, world_.now() + Draw(options_.post_delay_mean));
  world_.At(last_post_, EventKind::kTask, node_,
            [this, due = std::move(task)]() mutable { RunTask(std::move(due)); });
}

void SimExecutor::RunTask(Task task) {
  if (world_.now() >= stalled_until_) {
    task();
    return;
  }
  ++held_back_;
  // What is posted from now on comes after it.
  last_post_ = std::max(last_post_, stalled_until_);
  world_.At(stalled_until_, EventKind::kTask, node_,
            [this, due = std::move(task)]() mutable { RunTask(std::move(due)); });
}

TimerId SimExecutor::PostAt(MonoTime when, Task task) {
  if (stopped_) return 0;
  const TimerId id = next_timer_++;
  Arm(id, timers_.emplace(id, Timer{.when = when, .task = std::move(task)}).first->second);
  return id;
}

void SimExecutor::Cancel(TimerId timer) {
  const auto it = timers_.find(timer);
  if (it == timers_.end()) return;
  world_.Cancel(it->second.event);
  // What the task owns may come back here when it is destroyed: after the map is in order.
  const Task forgotten = std::move(it->second.task);
  timers_.erase(it);
}

void SimExecutor::Arm(TimerId id, Timer& timer) {
  const Duration due = std::max({clock_.TrueTimeOf(timer.when), world_.now(), stalled_until_});
  timer.event = world_.At(due + Draw(options_.timer_delay_mean), EventKind::kTimer, node_,
                          [this, id] { Fire(id); });
}

void SimExecutor::Fire(TimerId id) {
  const auto it = timers_.find(id);
  const bool stalled = world_.now() < stalled_until_;
  if (stalled) ++held_back_;
  if (stalled || clock_.Now() < it->second.when) {
    Arm(id, it->second);
    return;
  }
  Task task = std::move(it->second.task);
  timers_.erase(it);
  task();
}

void SimExecutor::Stop() {
  if (stopped_) return;
  stopped_ = true;
  world_.CancelNode(node_);
  const auto forgotten = std::move(timers_);
  timers_.clear();
}

Duration SimExecutor::Draw(Duration mean) {
  return mean == Duration::zero() ? mean : random_.Exponential(mean);
}

}  // namespace flotilla::simulation
