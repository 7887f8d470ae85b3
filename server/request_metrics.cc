#include "server/request_metrics.h"

#include <string>

namespace flotilla::server {

RequestMetrics::RequestMetrics(MetricsRegistry& registry)
    : streams_(registry.AddGauge("flotilla_pipeline_streams", "Open Pipeline streams.")) {
  for (int i = static_cast<int>(OperationKind::kGet); i < kOperationKinds; ++i) {
    seconds_[i] = &registry.AddHistogram(
        "flotilla_request_seconds", "From an operation's arrival to its answer.",
        {{"op", std::string(ToString(static_cast<OperationKind>(i)))}});
  }
  for (int i = 0; i < kReasons; ++i) {
    failures_[i] = &registry.AddCounter(
        "flotilla_request_failures_total", "Operations that were answered by an error.",
        {{"reason", std::string(node::ToString(static_cast<node::Reason>(i)))}});
  }
}

void RequestMetrics::CountAnswer(OperationKind kind, Duration duration, const node::Error& error) {
  Histogram* const seconds = seconds_[static_cast<size_t>(kind)];
  if (seconds != nullptr) seconds->Observe(duration);
  if (!error.ok()) failures_[static_cast<size_t>(error.reason)]->Add();
}

}  // namespace flotilla::server
