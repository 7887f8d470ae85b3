// The child of a split to come: a copy of the parent's state, made while the split is prepared,
// that goes on applying what the parent applies. At the split it stands where the parent stands, is
// open, and lacks no more than one small flush of being durable, so nothing is copied while clients
// wait.
//
// It is never needed: without one, or when anything about it fails, the child is made of the
// parent's state as that stands at the split.
#ifndef FLOTILLA_NODE_CHILD_DRAFT_H_
#define FLOTILLA_NODE_CHILD_DRAFT_H_

#include <memory>
#include <span>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/disk.h"
#include "base/ids.h"
#include "kv/applied_state.h"
#include "node/replica_state.h"
#include "raft/types.h"
#include "storage/engine.h"

namespace flotilla::node {

// Makes the folder, or empties it; afterwards it is there also after a crash.
absl::Status MakeDurableFolder(Disk& disk, const std::string& folder);

// All calls block, but for durable(), and belong on sequences; one at a time.
class ChildDraft {
 public:
  // A copy of what `parent`, the engine of `shard`, has durably. `on_durable` is called, from any
  // thread, whenever more of the copy is durable.
  static absl::StatusOr<std::unique_ptr<ChildDraft>> Open(storage::Engine& parent, ShardId shard,
                                                          Disk& disk,
                                                          storage::EngineSource& engines,
                                                          const std::string& folder,
                                                          absl::AnyInvocable<void()> on_durable);

  // Applies those of the entries that the copy does not have yet. After an error it is of no use.
  absl::Status Follow(std::span<const raft::Entry> entries);

  // Precondition: `parent` stands at the split. An error if the copy stands elsewhere; if not it is
  // being flushed, and applies nothing more.
  absl::Status BecomeChild(const kv::StateMachine& parent);

  // To follow now would mean to wait.
  bool IsStalled() const { return state_.engine->Stats().stalled; }
  // Thread-safe.
  storage::DurablePoint durable() const { return state_.engine->Durable(); }
  // Once: after BecomeChild, when all of it is durable.
  ReplicaState TakeState() { return std::move(state_); }

 private:
  ChildDraft() = default;

  ReplicaState state_;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_CHILD_DRAFT_H_
