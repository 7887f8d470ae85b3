#include "client/backoff.h"

#include <algorithm>

namespace flotilla::client {

Duration BackoffDelay(const BackoffLimits& limits, uint32_t failures, Random& random) {
  const uint32_t doublings = std::min(failures == 0 ? 0 : failures - 1, uint32_t{20});
  const Duration full = std::min(limits.max, limits.min * (int64_t{1} << doublings));
  const auto half = static_cast<uint64_t>(full.count()) / 2;
  return Duration(static_cast<Duration::rep>(half + random.Between(0, half)));
}

}  // namespace flotilla::client
