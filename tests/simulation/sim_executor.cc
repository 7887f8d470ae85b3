#include "tests/simulation/sim_executor.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace flotilla::simulation {

void SimExecutor::Post(Task task) {
  if (stopped_) return;
  last_post_ = std::max(last_post_, world_.now() + Draw(options_.post_delay_mean));
  world_.At(last_post_, EventKind::kTask, node_,
            [this, due = std::move(task)]() mutable { RunTask(std::move(due)); });
}

void SimExecutor::RunTask(Task task) {
  if (world_.now() >= stalled_until_ && held_.empty()) {
    task();
    return;
  }
  ++held_back_;
  held_.push_back(std::move(task));
  if (held_.size() == 1) ReleaseAt(stalled_until_);
}

void SimExecutor::Stall(Duration until) {
  const bool sooner = until < std::exchange(stalled_until_, until);
  if (!sooner) return;
  if (!held_.empty()) ReleaseAt(until);
  std::vector<TimerId> late;
  for (const auto& [id, timer] : timers_) late.push_back(id);
  // The map has no order that repeats.
  std::sort(late.begin(), late.end());
  for (const TimerId id : late) {
    Timer& timer = timers_.at(id);
    world_.Cancel(timer.event);
    Arm(id, timer);
  }
}

void SimExecutor::ReleaseAt(Duration when) {
  world_.At(when, EventKind::kTask, node_, [this] { ReleaseOne(); });
}

// One in an event: the process may end with it.
void SimExecutor::ReleaseOne() {
  if (held_.empty()) return;
  if (world_.now() < stalled_until_) return ReleaseAt(stalled_until_);
  Task due = std::move(held_.front());
  held_.pop_front();
  if (!held_.empty()) ReleaseAt(world_.now());
  due();
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
  const auto held = std::move(held_);
  held_.clear();
}

Duration SimExecutor::Draw(Duration mean) {
  return mean == Duration::zero() ? mean : random_.Exponential(mean);
}

}  // namespace flotilla::simulation
