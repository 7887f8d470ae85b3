// Where to cut an arc.
#ifndef FLOTILLA_SHARDING_SHARD_SPLIT_H_
#define FLOTILLA_SHARDING_SHARD_SPLIT_H_

#include <optional>

#include "sharding/cluster_view.h"

namespace flotilla::sharding {

// What the two sides of a split should have equally much of.
enum class SplitBy : uint8_t { kBytes, kLoad };

// The first slot of the child that makes the two sides most equal, by the shard's samples, or in
// the middle of the arc where there are none. None when it would not help: the arc is one slot, or
// nearly everything is in one.
std::optional<Slot> SplitPoint(const ShardView& shard, SplitBy by);

}  // namespace flotilla::sharding

#endif  // FLOTILLA_SHARDING_SHARD_SPLIT_H_
