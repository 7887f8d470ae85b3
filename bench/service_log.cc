#include "bench/service_log.h"

#include <algorithm>
#include <cstdio>

#include "flotilla/kv_client.h"

namespace flotilla::bench {

namespace {

constexpr size_t kSlots = 16384;

double Seconds(MonoTime time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

int64_t WholeSeconds(MonoTime time) {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

}  // namespace

ServiceLog::ServiceLog(size_t arcs, Duration shortest_gap)
    : arcs_(arcs), shortest_gap_(shortest_gap) {}

size_t ServiceLog::ArcOf(std::string_view key) const { return HashSlot(key) * arcs_ / kSlots; }

void ServiceLog::Open() {
  const MonoTime now = clock_.Now();
  MutexLock lock(mu_);
  open_ = true;
  last_.assign(arcs_, now);
  second_ = WholeSeconds(now);
}

void ServiceLog::Acknowledged(size_t arc) {
  const MonoTime now = clock_.Now();
  MutexLock lock(mu_);
  if (!open_) return;
  EndSeconds(now);
  EndGap(arc, now);
  ++acked_;
}

void ServiceLog::Close() {
  const MonoTime now = clock_.Now();
  MutexLock lock(mu_);
  open_ = false;
  EndSeconds(now);
  for (size_t arc = 0; arc < last_.size(); ++arc) EndGap(arc, now);
  std::fflush(stdout);
}

// Answers of different threads may come in a little out of order.
void ServiceLog::EndGap(size_t arc, MonoTime now) {
  MonoTime& last = last_[arc];
  if (now - last >= shortest_gap_) {
    std::printf("{\"arc\":%zu,\"from\":%.4f,\"to\":%.4f}\n", arc, Seconds(last), Seconds(now));
  }
  last = std::max(last, now);
}

void ServiceLog::EndSeconds(MonoTime now) {
  for (; second_ < WholeSeconds(now); ++second_) {
    std::printf("{\"second\":%lld,\"acked\":%llu}\n", static_cast<long long>(second_),
                static_cast<unsigned long long>(acked_));
    acked_ = 0;
    std::fflush(stdout);
  }
}

}  // namespace flotilla::bench
