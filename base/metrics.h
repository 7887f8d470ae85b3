// Counters, gauges and histograms that cost an atomic addition where they are used, and a registry
// that writes all of them as Prometheus text. docs/operations.md lists every name.
//
// Code on the hot path keeps the reference that the registry gave it. Everything here is
// thread-safe, without locks.
#ifndef FLOTILLA_BASE_METRICS_H_
#define FLOTILLA_BASE_METRICS_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace flotilla {

// Only ever grows; its name ends in _total.
class Counter {
 public:
  void Add(uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

class Gauge {
 public:
  void Set(double value) { value_.store(value, std::memory_order_relaxed); }
  void Add(double delta) { value_.fetch_add(delta, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

// Durations, in buckets that double from 10 microseconds to about 10 seconds. Its name ends in
// _seconds.
class Histogram {
 public:
  static constexpr int kBounds = 21;
  // The upper bound of a bucket, itself included; the bucket at kBounds has none.
  static constexpr Duration UpperBound(int bucket) { return kFirstBound * (int64_t{1} << bucket); }

  // A negative duration counts as 0.
  void Observe(Duration duration);

  // Observations in one bucket alone, bucket in [0, kBounds].
  uint64_t bucket_count(int bucket) const {
    return buckets_[bucket].load(std::memory_order_relaxed);
  }
  Duration sum() const { return Duration(sum_nanos_.load(std::memory_order_relaxed)); }

 private:
  static constexpr Duration kFirstBound = std::chrono::microseconds(10);

  std::array<std::atomic<uint64_t>, kBounds + 1> buckets_{};
  std::atomic<int64_t> sum_nanos_{0};
};

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

// Owns instruments for as long as it lives; none is ever removed, so that series never restart.
// Adding is meant for start-up and rare events (a new peer), not for every request.
class MetricsRegistry {
 public:
  MetricsRegistry() = default;
  ~MetricsRegistry();
  MetricsRegistry(const MetricsRegistry&) = delete;
  MetricsRegistry& operator=(const MetricsRegistry&) = delete;

  // `name` and `help` must be string literals. The same name with other labels is another series of
  // the same family; the same name and labels twice are a programming error.
  Counter& AddCounter(std::string_view name, std::string_view help, MetricLabels labels = {});
  Gauge& AddGauge(std::string_view name, std::string_view help, MetricLabels labels = {});
  Histogram& AddHistogram(std::string_view name, std::string_view help, MetricLabels labels = {});

  // All instruments in the Prometheus text format, version 0.0.4, sorted by name and labels.
  std::string PrometheusText() const;

 private:
  struct Series;
  Series& Add(Series* series);

  // A list that only grows at its head, so that readers need no lock.
  std::atomic<Series*> head_{nullptr};
};

// For numbers that are not instruments but read off a status when somebody asks. Samples of one
// family must follow each other, its name and help first.
class PrometheusWriter {
 public:
  void Family(std::string_view name, std::string_view type, std::string_view help);
  void Sample(std::string_view name, const MetricLabels& labels, double value);
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

}  // namespace flotilla

#endif  // FLOTILLA_BASE_METRICS_H_
