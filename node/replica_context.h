// What the replicas of one node share. Outlives them.
#ifndef FLOTILLA_NODE_REPLICA_CONTEXT_H_
#define FLOTILLA_NODE_REPLICA_CONTEXT_H_

#include <functional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/disk.h"
#include "base/executor.h"
#include "base/logger.h"
#include "node/data_folder.h"
#include "node/forwarder.h"
#include "node/node.h"
#include "node/node_metrics.h"
#include "node/outbox.h"
#include "node/snapshot_limits.h"
#include "storage/engine.h"
#include "storage/log.h"

namespace flotilla::node {

struct ReplicaStart;

struct ReplicaContext {
  const NodeOptions& options;
  NodeEnvironment& env;
  const DataFolder& folder;
  storage::Log& log;
  Outbox& outbox;
  Forwarder& forwarder;
  NodeMetrics& metrics;
  SnapshotLimits& snapshots;
  // The replica has something to do: it gets its Turn before the node's loop ends its own.
  std::function<void(ShardId)> touch;
  // The advertised client address of a node, empty when unknown.
  std::function<std::string(NodeId)> client_address;
  // The disk that a node has now, none when the node is unknown.
  std::function<Incarnation(NodeId)> incarnation;
  // This replica is no longer part of its group: drop it, and never run one as old again.
  std::function<void(ShardId, ReplicaId)> removed;
  // Whether a replica of the shard is here, was here, or never may be: none is to be made.
  std::function<bool(ShardId, ReplicaId)> is_settled;
  // Names a child's first state in the log and runs it; with `campaign` it asks for votes at once.
  // Runs the parent, which waits for it, when it is there. Dropped when another one is on its way.
  std::function<void(ReplicaStart start, ShardId parent, bool campaign)> run_child;
  // In the background; what fails goes at the next start.
  std::function<void(std::string folder)> remove_folder;
  // This replica has stopped itself; it says why. Reported once.
  std::function<void(ShardId, ReplicaId)> failed;
  // Drawn at random at start, then counted up: names snapshot transfers.
  uint64_t next_transfer = 1;
  // Less than NodeOptions::disk_reserve_bytes is free.
  bool disk_low = false;
  // No replica that rests flushes before.
  MonoTime next_rest_flush{};
  // Counted up over all groups: a folder's name is never used twice in one life of the process.
  Generation next_generation{1};
  Generation NewGeneration() { return std::exchange(next_generation, next_generation.next()); }
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_REPLICA_CONTEXT_H_
