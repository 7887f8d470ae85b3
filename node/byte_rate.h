// A limit of bytes per second that several senders share: a token bucket which may be drawn below
// empty once, so that a piece larger than the bucket passes, and the next one pays for it. Who asks
// first goes first.
#ifndef FLOTILLA_NODE_BYTE_RATE_H_
#define FLOTILLA_NODE_BYTE_RATE_H_

#include <cstdint>

#include "base/clock.h"

namespace flotilla::node {

class ByteRate {
 public:
  // After a pause so much may leave at once; enough that a late timer costs no throughput.
  static constexpr Duration kBurst = std::chrono::milliseconds(50);

  // 0: no limit. The clock outlives this.
  ByteRate(uint64_t bytes_per_second, const Clock& clock);

  // Takes so many bytes from the bucket; they may leave at the moment that is returned, which is
  // not before now.
  MonoTime Reserve(uint64_t bytes);

 private:
  const uint64_t bytes_per_second_;
  const Clock& clock_;
  // When all that was taken is paid for; how far that is back is what the bucket holds.
  MonoTime paid_until_;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_BYTE_RATE_H_
