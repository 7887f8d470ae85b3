#include "tests/simulation/sim_clock.h"

#include "base/check.h"

namespace flotilla::simulation {

namespace {

constexpr int64_t kMillion = 1'000'000;

// a * b / c without overflow on the way; rounded up for TrueTimeOf, so that a timer is never early.
Duration Scale(Duration a, int64_t b, int64_t c, int64_t rounding) {
  const __int128 product = static_cast<__int128>(a.count()) * b + rounding;
  return Duration(static_cast<Duration::rep>(product / c));
}

}  // namespace

MonoTime SimClock::Now() const {
  return anchor_mono_ + Scale(world_.now() - anchor_true_, rate_ppm_, kMillion, 0);
}

WallTime SimClock::WallNow() const { return WallTime(Now().time_since_epoch() + wall_offset_); }

void SimClock::SetRate(int64_t rate_ppm) {
  FLOTILLA_CHECK_GT(rate_ppm, 0);
  anchor_mono_ = Now();
  anchor_true_ = world_.now();
  rate_ppm_ = rate_ppm;
}

void SimClock::Reboot(MonoTime start) {
  wall_offset_ += Now() - start;
  anchor_mono_ = start;
  anchor_true_ = world_.now();
}

Duration SimClock::TrueTimeOf(MonoTime when) const {
  if (when <= anchor_mono_) return anchor_true_;
  return anchor_true_ + Scale(when - anchor_mono_, kMillion, rate_ppm_, rate_ppm_ - 1);
}

}  // namespace flotilla::simulation
