// What is counted of clients' operations.
#ifndef FLOTILLA_SERVER_REQUEST_METRICS_H_
#define FLOTILLA_SERVER_REQUEST_METRICS_H_

#include <array>

#include "base/metrics.h"
#include "node/request.h"
#include "server/client_operation.h"

namespace flotilla::server {

// Thread-safe.
class RequestMetrics {
 public:
  // `registry` outlives this.
  explicit RequestMetrics(MetricsRegistry& registry);

  void CountAnswer(OperationKind kind, Duration duration, const node::Error& error);
  Gauge& streams() { return streams_; }

 private:
  static constexpr int kReasons = static_cast<int>(node::Reason::kSessionOfParent) + 1;

  std::array<Histogram*, kOperationKinds> seconds_{};
  std::array<Counter*, kReasons> failures_{};
  Gauge& streams_;
};

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_REQUEST_METRICS_H_
