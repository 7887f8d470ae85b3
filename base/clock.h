// Time, as a port. Deciding code asks a Clock and never the operating system, so that the simulator
// can run it in virtual time and a decorator can skew it.
#ifndef FLOTILLA_BASE_CLOCK_H_
#define FLOTILLA_BASE_CLOCK_H_

#include <chrono>

namespace flotilla {

using Duration = std::chrono::nanoseconds;

// Time since an unspecified start, never going back on one node; not comparable between nodes.
// The only time that timers, deadlines and leases may use.
struct MonoClockTag {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
};
using MonoTime = std::chrono::time_point<MonoClockTag, Duration>;

// Time since the Unix epoch as this node believes it: it may jump by hours in either direction.
// For log lines and for the leader's stamps, which are made monotone in the log.
struct WallClockTag {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
};
using WallTime = std::chrono::time_point<WallClockTag, Duration>;

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonoTime Now() const = 0;
  virtual WallTime WallNow() const = 0;
};

}  // namespace flotilla

#endif  // FLOTILLA_BASE_CLOCK_H_
