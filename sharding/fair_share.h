// How evenly things that cannot be divided, replicas or leaders, are spread by weight: the method
// of Webster and Sainte-Lague, which parliaments use for seats. With equal weights it ends with
// numbers that differ by one at most.
#ifndef FLOTILLA_SHARDING_FAIR_SHARE_H_
#define FLOTILLA_SHARDING_FAIR_SHARE_H_

#include <cstdint>

namespace flotilla::sharding {

struct Share {
  uint64_t count = 0;
  uint64_t weight = 0;
};

// Whether `a` would have less of its share than `b`, if each got one more.
inline bool IsNextBefore(const Share& a, const Share& b) {
  return (2 * a.count + 1) * b.weight < (2 * b.count + 1) * a.weight;
}

// Whether one unit that goes from one to the other makes the whole more even: the sum of
// count^2 / weight falls. Never both ways. A weight of 0 gives all away and takes nothing.
inline bool MakesMoreEven(const Share& from, const Share& to) {
  if (from.count == 0) return false;
  return (2 * from.count - 1) * to.weight > (2 * to.count + 1) * from.weight;
}

// Whether that leaves it exactly as even: the two just swap their surplus.
inline bool LeavesAsEven(const Share& from, const Share& to) {
  if (from.count == 0) return false;
  return (2 * from.count - 1) * to.weight == (2 * to.count + 1) * from.weight;
}

}  // namespace flotilla::sharding

#endif  // FLOTILLA_SHARDING_FAIR_SHARE_H_
