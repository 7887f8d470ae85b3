// Where a replica's state stands: the rows about the replica itself.
#ifndef FLOTILLA_KV_APPLIED_STATE_H_
#define FLOTILLA_KV_APPLIED_STATE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/ids.h"
#include "kv/limits.h"
#include "raft/types.h"
#include "sharding/shard_descriptor.h"
#include "storage/engine.h"

namespace flotilla::kv {

// A shard that this one was a part of, up to and with the entry at `split` of that shard's log.
struct ShardOrigin {
  ShardId parent;
  LogIndex split;

  friend bool operator==(const ShardOrigin&, const ShardOrigin&) = default;
};

// What became of a shard's upper half at one entry of its log.
struct ShardSplit {
  LogIndex index;
  sharding::ShardDescriptor child;

  friend bool operator==(const ShardSplit&, const ShardSplit&) = default;
};

struct AppliedState {
  LogIndex index;
  Term term;
  // The greatest stamp of an applied entry; never goes back.
  WallTime log_time{};
  // Log time as sessions count it: however far the log time jumps from one entry to the next, this
  // goes on by a tenth of SessionLimits::idle_expiry at most. Without that, one leader whose wall
  // clock is an hour ahead, or the first write after an outage, would end every session at once.
  Duration session_time{0};
  uint64_t revision = 0;  // the newest version given out; only grows

  raft::Configuration configuration;  // as of index
  LogIndex configuration_index;
  sharding::ShardDescriptor descriptor;
  Limits limits;
  SessionLimits session_limits;
  // From the nearest on. Sessions that were registered there before the split are known here.
  std::vector<ShardOrigin> origins;
  // The newest. A replica whose state stands exactly there makes its replica of the child out of
  // that state before it applies anything more.
  std::optional<ShardSplit> last_split;
  // Rows that the shard no longer owns may be there from this row key on; nullopt: nowhere.
  std::optional<std::string> sweep_from;
  // Of a shard that was split: when all is swept, its data is no more than this. What sweeps have
  // kept so far, and the bytes of all entries since the split. An engine's own figure still counts
  // for long what the other half has, and would have the shard split again and again.
  std::optional<uint64_t> owned_bytes_max;

  bool StandsAtSplit() const { return last_split.has_value() && last_split->index == index; }
  // What the child of that split begins with. Precondition: StandsAtSplit().
  AppliedState ChildState() const;
  // Of a child that has applied nothing yet: the rows are still its parent's.
  bool IsNewborn() const { return !origins.empty() && origins.front().split == index; }
  raft::SnapshotMeta Meta() const { return {index, term, configuration, configuration_index}; }
  friend bool operator==(const AppliedState&, const AppliedState&) = default;
};

// The state of `shard` as of a view or a checkpoint. A state that is the parent's, exactly at the
// split that made the shard, is read as the child's first (AppliedState::ChildState); the child's
// first batch makes it so. kDataLoss when the rows are missing, malformed or another shard's,
// kUnimplemented when a newer build wrote them.
absl::StatusOr<AppliedState> LoadApplied(const storage::StateReader& state, ShardId shard);

}  // namespace flotilla::kv

#endif  // FLOTILLA_KV_APPLIED_STATE_H_
