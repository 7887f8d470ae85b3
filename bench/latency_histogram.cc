#include "bench/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace flotilla::bench {

// Values below 2^(kPrecisionBits + 1) have a bucket each; every doubling beyond has
// 2^kPrecisionBits buckets, told apart by the bits behind the highest.
size_t LatencyHistogram::BucketOf(uint64_t nanoseconds) {
  const int shift =
      std::max(0, static_cast<int>(std::bit_width(nanoseconds)) - (kPrecisionBits + 1));
  const size_t bucket =
      (static_cast<size_t>(shift) << kPrecisionBits) + static_cast<size_t>(nanoseconds >> shift);
  return std::min(bucket, kBuckets - 1);
}

uint64_t LatencyHistogram::UpperBound(size_t bucket) {
  const size_t linear = size_t{2} << kPrecisionBits;
  if (bucket < linear) return bucket;
  const size_t shift = (bucket >> kPrecisionBits) - 1;
  const uint64_t mantissa = bucket - (shift << kPrecisionBits);
  return ((mantissa + 1) << shift) - 1;
}

void LatencyHistogram::Record(Duration latency) {
  const uint64_t nanoseconds = static_cast<uint64_t>(std::max<int64_t>(0, latency.count()));
  buckets_[BucketOf(nanoseconds)].fetch_add(1, std::memory_order_relaxed);
}

uint64_t LatencyHistogram::count() const {
  uint64_t sum = 0;
  for (const auto& bucket : buckets_) sum += bucket.load(std::memory_order_relaxed);
  return sum;
}

Duration LatencyHistogram::Percentile(double share) const {
  const auto rank = static_cast<uint64_t>(std::ceil(share * static_cast<double>(count())));
  uint64_t seen = 0;
  for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
    const uint64_t here = buckets_[bucket].load(std::memory_order_relaxed);
    seen += here;
    if (here > 0 && seen >= rank) return Duration(UpperBound(bucket));
  }
  return Duration::zero();
}

}  // namespace flotilla::bench
