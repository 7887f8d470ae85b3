// Where a replica's state stands: the rows about the replica itself.
#ifndef FLOTILLA_KV_APPLIED_STATE_H_
#define FLOTILLA_KV_APPLIED_STATE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/ids.h"
#include "kv/limits.h"
#include "raft/types.h"
#include "sharding/shard_descriptor.h"
#include "storage/engine.h"

namespace flotilla::kv {

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

  raft::SnapshotMeta Meta() const { return {index, term, configuration, configuration_index}; }
  friend bool operator==(const AppliedState&, const AppliedState&) = default;
};

// As of a view or a checkpoint. kDataLoss when the rows are missing or malformed, kUnimplemented
// when a newer build wrote them.
absl::StatusOr<AppliedState> LoadApplied(const storage::StateReader& state);

}  // namespace flotilla::kv

#endif  // FLOTILLA_KV_APPLIED_STATE_H_
