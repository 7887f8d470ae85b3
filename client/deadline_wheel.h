// When each of many calls is due: a ring of buckets of some milliseconds. Setting, moving and
// forgetting a time cost the same few stores for one call as for a hundred thousand, where a timer
// each would cost more than the call itself; nearly all of them are forgotten before they are due.
#ifndef FLOTILLA_CLIENT_DEADLINE_WHEEL_H_
#define FLOTILLA_CLIENT_DEADLINE_WHEEL_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "client/linked_list.h"

namespace flotilla::client {

// Base of what can be due. Leaves the wheel when destroyed.
class Timed : public Linked<class TimedTag> {
 private:
  friend class DeadlineWheel;
  int64_t tick_ = 0;
};

class DeadlineWheel {
 public:
  // Nothing is reported early, and nothing more than `granularity` late.
  DeadlineWheel(MonoTime now, Duration granularity);

  // Sets or moves the time of `entry`.
  void Schedule(Timed& entry, MonoTime due);

  // Takes out one entry that is due; null when there is none (left). `now` must not go back.
  Timed* PopDue(MonoTime now);

  // When PopDue can next have something to report; nullopt when nothing is scheduled.
  std::optional<MonoTime> NextLook() const;

 private:
  static constexpr size_t kBuckets = 1024;
  using Bucket = LinkedList<Timed, TimedTag>;

  static constexpr size_t BucketOf(int64_t tick) { return static_cast<size_t>(tick) % kBuckets; }
  Timed* FindDue(Bucket& bucket, int64_t tick) const;

  const Duration granularity_;
  // Invariant: all entries have a tick above cursor_, and lie in its bucket.
  int64_t cursor_;
  std::vector<Bucket> buckets_;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_DEADLINE_WHEEL_H_
