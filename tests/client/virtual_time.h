// A clock that stands until the test moves it, and an executor that runs on it.
#ifndef FLOTILLA_TESTS_CLIENT_VIRTUAL_TIME_H_
#define FLOTILLA_TESTS_CLIENT_VIRTUAL_TIME_H_

#include <functional>
#include <map>
#include <utility>

#include "base/clock.h"
#include "base/executor.h"

namespace flotilla::client {

class VirtualTime final : public Clock, public Executor {
 public:
  MonoTime Now() const override { return now_; }
  WallTime WallNow() const override { return WallTime(now_.time_since_epoch()); }

  void Post(Task task) override { PostAt(now_, std::move(task)); }
  TimerId PostAt(MonoTime when, Task task) override;
  void Cancel(TimerId timer) override;

  // Runs everything that is due until `duration` has passed.
  void RunFor(Duration duration);
  // Runs event after event until `done` holds. False when that took longer than `limit`.
  bool RunUntil(const std::function<bool()>& done, Duration limit = std::chrono::minutes(1));
  bool idle() const { return tasks_.empty(); }

 private:
  using Key = std::pair<MonoTime, TimerId>;
  void RunFirst();

  MonoTime now_{std::chrono::hours(1)};
  TimerId next_ = 1;
  std::map<Key, Task> tasks_;
  std::map<TimerId, MonoTime> times_;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_TESTS_CLIENT_VIRTUAL_TIME_H_
