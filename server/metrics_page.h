// /metrics: all instruments, what the node says of itself, and what the system says of the process.
#ifndef FLOTILLA_SERVER_METRICS_PAGE_H_
#define FLOTILLA_SERVER_METRICS_PAGE_H_

#include <string>

#include "base/metrics.h"
#include "server/status_board.h"

namespace flotilla::server {

// Prometheus text. From any thread.
std::string MetricsPage(const MetricsRegistry& registry, const StatusBoard& board);

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_METRICS_PAGE_H_
