// Randomness, as a value that is passed in: xoshiro256++ seeded through splitmix64, with our own
// bounded draws, because the distributions of <random> differ between standard libraries and a seed
// must replay everywhere. Not for secrets.
#ifndef FLOTILLA_BASE_RANDOM_H_
#define FLOTILLA_BASE_RANDOM_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace flotilla {

class Random {
 public:
  explicit Random(uint64_t seed);

  uint64_t Next();
  // Uniform in [0, bound). Precondition: bound > 0.
  uint64_t Below(uint64_t bound);
  // Uniform in [low, high], both included. Precondition: low <= high.
  uint64_t Between(uint64_t low, uint64_t high);
  // True with probability numerator / denominator.
  bool Chance(uint64_t numerator, uint64_t denominator);
  // Exponentially distributed with this mean, at most 20 means.
  Duration Exponential(Duration mean);
  // A generator of its own: what one stream draws does not shift another.
  Random Split();

  template <typename T>
  const T& Pick(const std::vector<T>& from) {
    return from[Below(from.size())];
  }
  template <typename T>
  void Shuffle(std::vector<T>& values) {
    for (size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[Below(i)]);
  }

 private:
  std::array<uint64_t, 4> state_;
};

}  // namespace flotilla

#endif  // FLOTILLA_BASE_RANDOM_H_
