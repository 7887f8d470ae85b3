#include "tests/client/virtual_time.h"

#include <algorithm>

namespace flotilla::client {

TimerId VirtualTime::PostAt(MonoTime when, Task task) {
  const TimerId id = next_++;
  const MonoTime at = std::max(when, now_);
  tasks_.emplace(Key{at, id}, std::move(task));
  times_.emplace(id, at);
  return id;
}

void VirtualTime::Cancel(TimerId timer) {
  auto found = times_.find(timer);
  if (found == times_.end()) return;
  tasks_.erase(Key{found->second, timer});
  times_.erase(found);
}

void VirtualTime::RunFirst() {
  auto first = tasks_.begin();
  now_ = first->first.first;
  times_.erase(first->first.second);
  Task task = std::move(first->second);
  tasks_.erase(first);
  task();
}

void VirtualTime::RunFor(Duration duration) {
  const MonoTime end = now_ + duration;
  while (!tasks_.empty() && tasks_.begin()->first.first <= end) RunFirst();
  now_ = end;
}

bool VirtualTime::RunUntil(const std::function<bool()>& done, Duration limit) {
  const MonoTime end = now_ + limit;
  while (!done()) {
    if (tasks_.empty() || tasks_.begin()->first.first > end) return false;
    RunFirst();
  }
  return true;
}

}  // namespace flotilla::client
