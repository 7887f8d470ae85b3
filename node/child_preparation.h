// What a replica does for the child of a split before the split comes: on its executor, the way of
// one draft (node/child_draft.h) from its beginning to the split, or to where it is dropped.
//
//   Want --> begun --> flushed --> opened --> follows --> at the split --> durable --> Take
#ifndef FLOTILLA_NODE_CHILD_PREPARATION_H_
#define FLOTILLA_NODE_CHILD_PREPARATION_H_

#include <functional>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/ids.h"
#include "node/applier.h"
#include "node/child_draft.h"
#include "node/replica_context.h"

namespace flotilla::node {

// Lives and dies with the applier, on its executor.
class ChildPreparation {
 public:
  // `damaged` is called when the disk, or the state, turns out to be bad (kDataLoss).
  using Damaged = std::function<void(const absl::Status&)>;
  ChildPreparation(ShardId shard, Applier& applier, ReplicaContext& context, Damaged damaged);

  // Has a draft made of the shard's state in this version, unless one is on its way or has failed.
  // Asked again and again while a split is wanted; when nobody asks any more the draft is dropped.
  void Want(ShardId child, uint64_t shard_version);
  // Nothing is to be waited for: the draft goes along with the state, there will be none, or it has
  // been waited for long enough.
  bool IsSettled(ShardId child) const;
  // The state must be durable so far before the draft can be opened; none when it waits for no
  // flush.
  std::optional<LogIndex> AwaitsFlush() const;
  void Flushed();
  void Tick();
  void Drop();

  // After everything that was applied: `draft` is null, unless both it and the state stand at a
  // split now.
  void OnSplit(std::unique_ptr<ChildDraft> draft);
  // The draft stands at the split, is meant for this child, and is on its way to be durable.
  bool IsFlushing(ShardId child) const;
  struct Ready {
    Generation generation;
    Applier::Child child;
  };
  // None while it is not durable up to the split, at `index`.
  std::optional<Ready> Take(ShardId child, LogIndex index);

 private:
  enum class Stage { kBeginning, kFlushing, kOpening, kFollowing, kAtSplit, kFailed };
  struct Draft {
    ShardId child;
    Generation generation;
    MonoTime waited_for_until;  // by the split
    Stage stage = Stage::kBeginning;
    LogIndex flush_upto;  // kFlushing
    MonoTime drop_at;     // nobody wants it any more, or it does not become durable
    std::unique_ptr<ChildDraft> at_split;  // set exactly in kAtSplit
  };

  bool Is(Generation generation) const {
    return draft_.has_value() && draft_->generation == generation;
  }
  void OnOpened(Generation generation, const absl::Status& opened);
  MonoTime Now() const { return context_.env.clock.Now(); }

  const ShardId shard_;
  Applier& applier_;
  ReplicaContext& context_;
  const Damaged damaged_;
  std::optional<Draft> draft_;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_CHILD_PREPARATION_H_
