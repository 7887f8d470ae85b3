#include "node/byte_rate.h"

#include <algorithm>

namespace flotilla::node {

ByteRate::ByteRate(uint64_t bytes_per_second, const Clock& clock)
    : bytes_per_second_(bytes_per_second), clock_(clock), paid_until_(clock.Now() - kBurst) {}

MonoTime ByteRate::Reserve(uint64_t bytes) {
  const MonoTime now = clock_.Now();
  if (bytes_per_second_ == 0) return now;
  // The bucket holds no more than a burst, however long nobody took anything.
  paid_until_ = std::max(paid_until_, now - kBurst);
  const MonoTime leave_at = std::max(paid_until_, now);
  // A chunk is far smaller than what would overflow here, 16 GiB.
  constexpr uint64_t kNanosPerSecond = 1'000'000'000;
  paid_until_ += Duration(bytes * kNanosPerSecond / bytes_per_second_);
  return leave_at;
}

}  // namespace flotilla::node
