// What all snapshots of one node share, so that they leave room for the rest of its work: how many
// are under way, and how many bytes leave per second.
#ifndef FLOTILLA_NODE_SNAPSHOT_LIMITS_H_
#define FLOTILLA_NODE_SNAPSHOT_LIMITS_H_

#include "node/byte_rate.h"
#include "node/node.h"
#include "node/transfer_slots.h"

namespace flotilla::node {

struct SnapshotLimits {
  SnapshotLimits(const NodeOptions& options, const NodeEnvironment& env)
      : sends(options.snapshot_max_sends, env.executor),
        receives(options.snapshot_max_receives, env.executor),
        sent_bytes(options.snapshot_bytes_per_second, env.clock) {}

  TransferSlots sends;
  TransferSlots receives;
  ByteRate sent_bytes;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_SNAPSHOT_LIMITS_H_
