#include "node/node_metrics.h"

namespace flotilla::node {

NodeMetrics::NodeMetrics(MetricsRegistry& registry)
    : commands_proposed(registry.AddCounter("flotilla_raft_commands_proposed_total",
                                            "Client commands put into a log by this leader.")),
      entries_proposed(registry.AddCounter("flotilla_raft_entries_proposed_total",
                                           "Log entries that carried them.")),
      entries_applied(registry.AddCounter("flotilla_raft_entries_applied_total",
                                          "Log entries applied by this node's replicas.")),
      leader_changes(registry.AddCounter("flotilla_raft_leader_changes_total",
                                         "Changes of the leader that a replica here noticed.")),
      writes_forwarded(registry.AddCounter("flotilla_router_writes_forwarded_total",
                                           "Writes sent on to another node that leads.")),
      read_rounds(registry.AddCounter(
          "flotilla_raft_read_rounds_total",
          "Read index rounds asked for; one serves many reads, an idle replica asks "
          "for five a second.")),
      snapshots_sent(registry.AddCounter("flotilla_raft_snapshots_sent_total",
                                         "Snapshots that a peer has installed.")),
      snapshots_installed(registry.AddCounter("flotilla_raft_snapshots_installed_total",
                                              "Snapshots of peers made live here.")),
      snapshots_resumed(
          registry.AddCounter("flotilla_raft_snapshots_resumed_total",
                              "Interrupted snapshots that went on where the peer was.")),
      snapshot_bytes_sent(registry.AddCounter("flotilla_raft_snapshot_sent_bytes_total",
                                              "Bytes of snapshots sent, again ones included.")),
      log_append(registry.AddHistogram("flotilla_log_append_seconds",
                                       "From queueing a record until the log has synced it.")),
      apply(registry.AddHistogram("flotilla_apply_seconds",
                                  "From queueing committed entries until they are applied.")) {}

}  // namespace flotilla::node
