// How long to wait before the next try: doubling, capped, with jitter, so that a thousand clients
// that failed together do not come back together.
#ifndef FLOTILLA_CLIENT_BACKOFF_H_
#define FLOTILLA_CLIENT_BACKOFF_H_

#include <cstdint>

#include "base/clock.h"
#include "base/random.h"

namespace flotilla::client {

struct BackoffLimits {
  Duration min = std::chrono::milliseconds(10);
  Duration max = std::chrono::milliseconds(500);
};

// Before the try that follows `failures` failed ones (from 1): between half of
// min(max, min * 2^(failures - 1)) and all of it.
Duration BackoffDelay(const BackoffLimits& limits, uint32_t failures, Random& random);

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_BACKOFF_H_
