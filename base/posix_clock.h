// The operating system's clocks.
#ifndef FLOTILLA_BASE_POSIX_CLOCK_H_
#define FLOTILLA_BASE_POSIX_CLOCK_H_

#include "base/clock.h"

namespace flotilla {

class PosixClock : public Clock {
 public:
  MonoTime Now() const override;
  WallTime WallNow() const override;
};

}  // namespace flotilla

#endif  // FLOTILLA_BASE_POSIX_CLOCK_H_
