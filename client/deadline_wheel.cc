#include "client/deadline_wheel.h"

#include <algorithm>

namespace flotilla::client {

DeadlineWheel::DeadlineWheel(MonoTime now, Duration granularity)
    : granularity_(granularity),
      cursor_(now.time_since_epoch() / granularity),
      buckets_(kBuckets) {}

void DeadlineWheel::Schedule(Timed& entry, MonoTime due) {
  const int64_t rounded_up = (due.time_since_epoch() + granularity_ - Duration(1)) / granularity_;
  entry.tick_ = std::max(rounded_up, cursor_ + 1);
  buckets_[BucketOf(entry.tick_)].PushBack(entry);
}

Timed* DeadlineWheel::FindDue(Bucket& bucket, int64_t tick) const {
  for (Timed* entry = bucket.front(); entry != nullptr; entry = bucket.Next(*entry)) {
    if (entry->tick_ <= tick) return entry;
  }
  return nullptr;
}

Timed* DeadlineWheel::PopDue(MonoTime now) {
  const int64_t current = now.time_since_epoch() / granularity_;
  // After a long pause one turn of the wheel meets every entry.
  cursor_ = std::max(cursor_, current - static_cast<int64_t>(kBuckets));
  while (cursor_ < current) {
    if (Timed* due = FindDue(buckets_[BucketOf(cursor_ + 1)], current)) {
      due->Unlink();
      return due;
    }
    ++cursor_;
  }
  return nullptr;
}

std::optional<MonoTime> DeadlineWheel::NextLook() const {
  bool any = false;
  for (int64_t tick = cursor_ + 1; tick <= cursor_ + static_cast<int64_t>(kBuckets); ++tick) {
    const Bucket& bucket = buckets_[BucketOf(tick)];
    for (Timed* entry = bucket.front(); entry != nullptr; entry = bucket.Next(*entry)) {
      any = true;
      if (entry->tick_ == tick) return MonoTime(tick * granularity_);
    }
  }
  // All are more than a turn away.
  if (any) return MonoTime((cursor_ + static_cast<int64_t>(kBuckets)) * granularity_);
  return std::nullopt;
}

}  // namespace flotilla::client
