#include "bench/latency_histogram.h"

#include <memory>
#include <vector>

#include <gtest/gtest.h>

namespace flotilla::bench {
namespace {

using std::chrono::nanoseconds;

// Heap: the buckets are large.
std::unique_ptr<LatencyHistogram> HistogramOf(const std::vector<Duration>& latencies) {
  auto histogram = std::make_unique<LatencyHistogram>();
  for (const Duration latency : latencies) histogram->Record(latency);
  return histogram;
}

TEST(LatencyHistogram, IsZeroWhenNothingWasRecorded) {
  EXPECT_EQ(LatencyHistogram().Percentile(0.99), Duration::zero());
}

TEST(LatencyHistogram, ShortDurationsAreExact) {
  for (int64_t value = 0; value < 256; ++value) {
    EXPECT_EQ(HistogramOf({nanoseconds(value)})->Percentile(1), nanoseconds(value));
  }
}

TEST(LatencyHistogram, EveryDurationIsReportedAtMostOnePercentTooHigh) {
  for (int64_t value = 1; value < (int64_t{1} << 38); value = value * 9 / 8 + 1) {
    const int64_t reported = HistogramOf({nanoseconds(value)})->Percentile(1).count();
    EXPECT_GE(reported, value);
    EXPECT_LE(static_cast<double>(reported), static_cast<double>(value) * 1.01) << value;
  }
}

TEST(LatencyHistogram, APercentileIsTheLeastBoundForItsShare) {
  std::vector<Duration> latencies(98, nanoseconds(10));
  latencies.push_back(nanoseconds(20));
  latencies.push_back(nanoseconds(30));
  const auto histogram = HistogramOf(latencies);
  EXPECT_EQ(histogram->count(), 100);
  EXPECT_EQ(histogram->Percentile(0.98), nanoseconds(10));
  EXPECT_EQ(histogram->Percentile(0.99), nanoseconds(20));
  EXPECT_EQ(histogram->Percentile(1), nanoseconds(30));
}

TEST(LatencyHistogram, WhatIsOutOfRangeIsCountedAtItsEnds) {
  const auto histogram = HistogramOf({nanoseconds(-5), std::chrono::hours(1)});
  EXPECT_EQ(histogram->Percentile(0.5), Duration::zero());
  EXPECT_GT(histogram->Percentile(1), std::chrono::minutes(9));
}

}  // namespace
}  // namespace flotilla::bench
