// Keys on either side of the middle of the ring, for tests that cut a shard there.
#ifndef FLOTILLA_TESTS_SUPPORT_RING_HALVES_H_
#define FLOTILLA_TESTS_SUPPORT_RING_HALVES_H_

#include <string>

#include "sharding/slot.h"

namespace flotilla::tests {

inline constexpr sharding::Slot kMiddle{8192};

// The n-th key of the lower half, or of the upper one.
inline std::string KeyIn(bool upper, int n) {
  for (int i = 0;; ++i) {
    std::string key = "key" + std::to_string(i);
    if ((sharding::SlotOf(key) >= kMiddle) == upper && n-- == 0) return key;
  }
}
inline std::string Lower(int n = 0) { return KeyIn(false, n); }
inline std::string Upper(int n = 0) { return KeyIn(true, n); }

}  // namespace flotilla::tests

#endif  // FLOTILLA_TESTS_SUPPORT_RING_HALVES_H_
