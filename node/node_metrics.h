// What a node counts about itself. The rest of what /metrics shows is read off Node::Status when
// somebody asks (docs/operations.md).
#ifndef FLOTILLA_NODE_NODE_METRICS_H_
#define FLOTILLA_NODE_NODE_METRICS_H_

#include "base/metrics.h"

namespace flotilla::node {

struct NodeMetrics {
  explicit NodeMetrics(MetricsRegistry& registry);

  Counter& commands_proposed;
  Counter& entries_proposed;
  Counter& entries_applied;
  Counter& leader_changes;
  Counter& writes_forwarded;
  Counter& read_rounds;
  Counter& snapshots_sent;
  Counter& snapshots_installed;
  Counter& snapshots_resumed;
  Counter& snapshot_bytes_sent;
  // From handing a record to the log until it is synced, queueing included.
  Histogram& log_append;
  // From handing entries to the applier until its answer is here.
  Histogram& apply;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_NODE_METRICS_H_
