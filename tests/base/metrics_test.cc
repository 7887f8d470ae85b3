#include "base/metrics.h"

#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace flotilla {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

TEST(Counter, LosesNothingUnderConcurrentAdditions) {
  Counter counter;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10'000; ++i) counter.Add();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), 40'000u);
}

TEST(Gauge, GoesUpAndDown) {
  Gauge gauge;
  gauge.Set(5);
  gauge.Add(-7.5);
  EXPECT_EQ(gauge.value(), -2.5);
}

TEST(Histogram, CountsAnObservationInTheFirstBucketWhoseBoundIsNotBelowIt) {
  Histogram histogram;
  histogram.Observe(microseconds(10));
  histogram.Observe(microseconds(10) + Duration(1));
  histogram.Observe(microseconds(20));
  histogram.Observe(microseconds(40));
  EXPECT_EQ(histogram.bucket_count(0), 1u);
  EXPECT_EQ(histogram.bucket_count(1), 2u);
  EXPECT_EQ(histogram.bucket_count(2), 1u);
  EXPECT_EQ(histogram.sum(), microseconds(80) + Duration(1));
}

TEST(Histogram, CountsWhatIsBeyondTheLastBoundAndWhatIsNegative) {
  Histogram histogram;
  histogram.Observe(Histogram::UpperBound(Histogram::kBounds - 1));
  histogram.Observe(seconds(100'000));
  histogram.Observe(milliseconds(-5));
  EXPECT_EQ(histogram.bucket_count(Histogram::kBounds - 1), 1u);
  EXPECT_EQ(histogram.bucket_count(Histogram::kBounds), 1u);
  EXPECT_EQ(histogram.bucket_count(0), 1u);
  EXPECT_EQ(histogram.sum(), Histogram::UpperBound(Histogram::kBounds - 1) + seconds(100'000));
}

TEST(MetricsRegistry, WritesFamiliesOnceWithAllTheirSeries) {
  MetricsRegistry registry;
  registry.AddCounter("b_total", "Bees.", {{"kind", "worker"}}).Add(3);
  registry.AddGauge("a", "Ants.").Set(0.5);
  registry.AddCounter("b_total", "Bees.", {{"kind", "drone"}}).Add(1'000'000);
  EXPECT_EQ(registry.PrometheusText(),
            "# HELP a Ants.\n# TYPE a gauge\na 0.5\n"
            "# HELP b_total Bees.\n# TYPE b_total counter\n"
            "b_total{kind=\"drone\"} 1000000\nb_total{kind=\"worker\"} 3\n");
}

TEST(MetricsRegistry, WritesHistogramsCumulatively) {
  MetricsRegistry registry;
  Histogram& histogram = registry.AddHistogram("h_seconds", "H.");
  histogram.Observe(microseconds(15));
  histogram.Observe(seconds(1000));
  const std::string text = registry.PrometheusText();
  EXPECT_THAT(text, HasSubstr("# TYPE h_seconds histogram\n"));
  EXPECT_THAT(text, HasSubstr("h_seconds_bucket{le=\"1e-05\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("h_seconds_bucket{le=\"2e-05\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("h_seconds_bucket{le=\"+Inf\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("h_seconds_sum 1000.000015\n"));
  EXPECT_THAT(text, HasSubstr("h_seconds_count 2\n"));
}

TEST(MetricsRegistry, EscapesLabels) {
  MetricsRegistry registry;
  registry.AddGauge("g", "G.", {{"path", "a\\b\"c\nd"}});
  EXPECT_THAT(registry.PrometheusText(), HasSubstr("g{path=\"a\\\\b\\\"c\\nd\"} 0\n"));
}

TEST(MetricsRegistry, AddsWhileOthersReadAndAdd) {
  MetricsRegistry registry;
  std::thread reader([&] {
    for (int i = 0; i < 200; ++i) registry.PrometheusText();
  });
  std::thread other([&] {
    for (int i = 0; i < 200; ++i) registry.AddGauge("g", "G.", {{"other", std::to_string(i)}});
  });
  for (int i = 0; i < 200; ++i) registry.AddGauge("g", "G.", {{"one", std::to_string(i)}});
  reader.join();
  other.join();
  EXPECT_THAT(registry.PrometheusText(), HasSubstr("g{one=\"199\"} 0\n"));
  EXPECT_THAT(registry.PrometheusText(), HasSubstr("g{other=\"0\"} 0\n"));
}

TEST(MetricsRegistryDeathTest, RefusesTheSameSeriesTwice) {
  MetricsRegistry registry;
  registry.AddGauge("g", "G.", {{"a", "1"}});
  EXPECT_DEATH(registry.AddGauge("g", "G.", {{"a", "1"}}), "g");
}

TEST(MetricsRegistryDeathTest, RefusesOneNameWithTwoTypes) {
  MetricsRegistry registry;
  registry.AddGauge("g", "G.");
  EXPECT_DEATH(registry.AddCounter("g", "G.", {{"a", "1"}}), "g");
}

}  // namespace
}  // namespace flotilla
