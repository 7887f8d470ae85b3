#include "base/posix_clock.h"

#include <chrono>

namespace flotilla {

MonoTime PosixClock::Now() const {
  return MonoTime(std::chrono::steady_clock::now().time_since_epoch());
}

WallTime PosixClock::WallNow() const {
  return WallTime(std::chrono::system_clock::now().time_since_epoch());
}

}  // namespace flotilla
