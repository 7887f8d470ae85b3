// What committed entries mean: a pure function of (state, entry). All that it changes, the applied
// index included, goes into the same WriteBatch (etcd#13766 was not doing so).
//
// One per replica, on the replica's apply sequence; not thread-safe.
#ifndef FLOTILLA_KV_STATE_MACHINE_H_
#define FLOTILLA_KV_STATE_MACHINE_H_

#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "kv/applied_state.h"
#include "kv/result.h"
#include "raft/types.h"
#include "storage/engine.h"

namespace flotilla::kv {

// What became of an entry, whatever its kind.
struct EntryResult {
  LogIndex index;
  Term term;
  std::vector<CommandResult> results;  // one per command of the entry, in order
};

class StateMachine {
 public:
  // The rows of a replica that contains nothing yet.
  static storage::WriteBatch InitialRows(const AppliedState& state);

  // Reads the rows about the replica itself and its sessions; the data is not looked at. Errors as
  // LoadApplied.
  static absl::StatusOr<std::unique_ptr<StateMachine>> Load(const storage::StateReader& state,
                                                            ShardId shard);

  virtual ~StateMachine() = default;

  // Applies consecutive entries, the first at applied().index + 1, and appends to `batch` and
  // `results` (one per entry). `state` is what the last call's batch made of it, so the caller
  // writes the batch before the next call. Stops early, after one entry at least, where the batch
  // would become too large, and behind an entry that splits the shard, whose state the child is
  // made of; what was applied, the results tell.
  //
  // Any error is fatal to the replica, and nothing of `batch` may be written: kDataLoss (damaged
  // state or entry), kUnimplemented (an entry of a newer version).
  virtual absl::Status Apply(const storage::StateReader& state,
                             std::span<const raft::Entry> entries, storage::WriteBatch* batch,
                             std::vector<EntryResult>* results) = 0;

  virtual const AppliedState& applied() const = 0;

  // Of the shard that was just split off: what Load would make of this very state, without reading
  // it. Precondition: applied().StandsAtSplit().
  virtual std::unique_ptr<StateMachine> MakeChild() const = 0;
};

}  // namespace flotilla::kv

#endif  // FLOTILLA_KV_STATE_MACHINE_H_
