#include "base/metrics.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <memory>
#include <tuple>
#include <variant>

#include "base/check.h"

namespace flotilla {

void Histogram::Observe(Duration duration) {
  const int64_t nanos = std::max<int64_t>(duration.count(), 0);
  const uint64_t bounds_below = nanos == 0 ? 0 : (nanos - 1) / kFirstBound.count();
  const int bucket = std::min<int>(std::bit_width(bounds_below), kBounds);
  buckets_[bucket].fetch_add(1, std::memory_order_relaxed);
  sum_nanos_.fetch_add(nanos, std::memory_order_relaxed);
}

struct MetricsRegistry::Series {
  std::string_view name;
  std::string_view help;
  MetricLabels labels;
  std::variant<std::unique_ptr<Counter>, std::unique_ptr<Gauge>, std::unique_ptr<Histogram>>
      instrument;
  Series* next = nullptr;

  auto Key() const { return std::tie(name, labels); }
  std::string_view Type() const {
    constexpr std::string_view kTypes[] = {"counter", "gauge", "histogram"};
    return kTypes[instrument.index()];
  }
};

MetricsRegistry::~MetricsRegistry() {
  for (Series* series = head_.load(); series != nullptr;) {
    delete std::exchange(series, series->next);
  }
}

MetricsRegistry::Series& MetricsRegistry::Add(Series* series) {
  Series* head = head_.load(std::memory_order_acquire);
  do {
    for (const Series* other = head; other != nullptr; other = other->next) {
      if (other->name != series->name) continue;
      FLOTILLA_CHECK_MSG(other->labels != series->labels, std::string(series->name));
      FLOTILLA_CHECK_MSG(other->Type() == series->Type(), std::string(series->name));
    }
    series->next = head;
  } while (!head_.compare_exchange_weak(head, series, std::memory_order_acq_rel));
  return *series;
}

Counter& MetricsRegistry::AddCounter(std::string_view name, std::string_view help,
                                     MetricLabels labels) {
  return *std::get<0>(
      Add(new Series{name, help, std::move(labels), std::make_unique<Counter>()}).instrument);
}

Gauge& MetricsRegistry::AddGauge(std::string_view name, std::string_view help,
                                 MetricLabels labels) {
  return *std::get<1>(
      Add(new Series{name, help, std::move(labels), std::make_unique<Gauge>()}).instrument);
}

Histogram& MetricsRegistry::AddHistogram(std::string_view name, std::string_view help,
                                         MetricLabels labels) {
  return *std::get<2>(
      Add(new Series{name, help, std::move(labels), std::make_unique<Histogram>()}).instrument);
}

namespace {

double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// Independent of any locale, shortest form that reads back as the same number.
std::string Number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char buffer[32];
  // Large counts are spelled out: nobody reads 1e+06 in a dashboard's tooltip.
  const bool whole = value == std::floor(value) && std::abs(value) < 1e15;
  const auto end = whole ? std::to_chars(buffer, buffer + sizeof(buffer), int64_t(value)).ptr
                         : std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
  return std::string(buffer, end);
}

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\' || c == '"') escaped += '\\';
    escaped += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return escaped;
}

// Buckets are cumulative in the text format.
void WriteHistogram(PrometheusWriter& writer, const std::string& name, const MetricLabels& labels,
                    const Histogram& histogram) {
  uint64_t count = 0;
  for (int bucket = 0; bucket <= Histogram::kBounds; ++bucket) {
    count += histogram.bucket_count(bucket);
    MetricLabels with_bound = labels;
    with_bound.emplace_back("le", bucket == Histogram::kBounds
                                      ? "+Inf"
                                      : Number(Seconds(Histogram::UpperBound(bucket))));
    writer.Sample(name + "_bucket", with_bound, static_cast<double>(count));
  }
  writer.Sample(name + "_sum", labels, Seconds(histogram.sum()));
  writer.Sample(name + "_count", labels, static_cast<double>(count));
}

}  // namespace

void PrometheusWriter::Family(std::string_view name, std::string_view type, std::string_view help) {
  text_.append("# HELP ").append(name).append(" ").append(help).append("\n");
  text_.append("# TYPE ").append(name).append(" ").append(type).append("\n");
}

void PrometheusWriter::Sample(std::string_view name, const MetricLabels& labels, double value) {
  text_ += name;
  char separator = '{';
  for (const auto& [label, text] : labels) {
    text_.append(1, separator).append(label).append("=\"").append(Escaped(text)).append("\"");
    separator = ',';
  }
  if (!labels.empty()) text_ += '}';
  text_.append(" ").append(Number(value)).append("\n");
}

std::string MetricsRegistry::PrometheusText() const {
  std::vector<const Series*> all;
  for (const Series* series = head_.load(std::memory_order_acquire); series != nullptr;
       series = series->next) {
    all.push_back(series);
  }
  std::sort(all.begin(), all.end(),
            [](const Series* a, const Series* b) { return a->Key() < b->Key(); });

  PrometheusWriter writer;
  std::string_view family;
  for (const Series* series : all) {
    if (series->name != family) writer.Family(series->name, series->Type(), series->help);
    family = series->name;
    if (const auto* counter = std::get_if<0>(&series->instrument)) {
      writer.Sample(series->name, series->labels, static_cast<double>((*counter)->value()));
    } else if (const auto* gauge = std::get_if<1>(&series->instrument)) {
      writer.Sample(series->name, series->labels, (*gauge)->value());
    } else {
      WriteHistogram(writer, std::string(series->name), series->labels,
                     *std::get<2>(series->instrument));
    }
  }
  return writer.Take();
}

}  // namespace flotilla
