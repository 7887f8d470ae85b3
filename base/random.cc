#include "base/random.h"

#include <bit>
#include <cmath>

#include "base/check.h"

namespace flotilla {

namespace {

uint64_t SplitMix(uint64_t& state) {
  state += 0x9e3779b97f4a7c15;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

Random::Random(uint64_t seed) {
  for (uint64_t& word : state_) word = SplitMix(seed);
}

uint64_t Random::Next() {
  const uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
  const uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

uint64_t Random::Below(uint64_t bound) {
  FLOTILLA_CHECK_GT(bound, uint64_t{0});
  // Values below the threshold would make some results likelier than others: draw again.
  const uint64_t threshold = -bound % bound;
  uint64_t draw = Next();
  while (draw < threshold) draw = Next();
  return draw % bound;
}

uint64_t Random::Between(uint64_t low, uint64_t high) {
  FLOTILLA_CHECK_LE(low, high);
  if (low == 0 && high == UINT64_MAX) return Next();
  return low + Below(high - low + 1);
}

bool Random::Chance(uint64_t numerator, uint64_t denominator) {
  return Below(denominator) < numerator;
}

Duration Random::Exponential(Duration mean) {
  // 53 random bits make a double in (0, 1]; log is correctly rounded enough to replay on one libm.
  const double unit = static_cast<double>((Next() >> 11) + 1) * 0x1.0p-53;
  const double factor = std::fmin(-std::log(unit), 20.0);
  return Duration(static_cast<Duration::rep>(factor * static_cast<double>(mean.count())));
}

Random Random::Split() { return Random(Next()); }

}  // namespace flotilla
