// What a shard owns, as of one state of it. Part of the replicated state: the shard's own log is
// the truth about its arc and version; every directory of shards is a copy that may lag.
#ifndef FLOTILLA_SHARDING_SHARD_DESCRIPTOR_H_
#define FLOTILLA_SHARDING_SHARD_DESCRIPTOR_H_

#include <cstdint>

#include "base/ids.h"
#include "sharding/slot.h"

namespace flotilla::sharding {

struct ShardDescriptor {
  ShardId shard;
  Arc arc;
  // Grows with every change of the arc. Requests name the version that they were routed by.
  uint64_t version = 1;

  friend bool operator==(const ShardDescriptor&, const ShardDescriptor&) = default;
};

}  // namespace flotilla::sharding

#endif  // FLOTILLA_SHARDING_SHARD_DESCRIPTOR_H_
