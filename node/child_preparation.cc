#include "node/child_preparation.h"

#include <chrono>
#include <utility>

namespace flotilla::node {

namespace {

// Who prepares a split asks several times a second.
constexpr Duration kKept = std::chrono::seconds(5);
// Bulk work of others may be in the way of opening a draft for minutes.
constexpr Duration kWaitedFor = std::chrono::seconds(3);
// An engine whose flush has failed says nothing.
constexpr Duration kFlushLimit = std::chrono::seconds(1);

}  // namespace

ChildPreparation::ChildPreparation(ShardId shard, Applier& applier, ReplicaContext& context,
                                   Damaged damaged)
    : shard_(shard), applier_(applier), context_(context), damaged_(std::move(damaged)) {}

void ChildPreparation::Want(ShardId child, uint64_t shard_version) {
  if (draft_.has_value() && draft_->child != child) Drop();
  if (draft_.has_value()) {
    if (draft_->stage != Stage::kAtSplit) draft_->drop_at = Now() + kKept;
    return;
  }
  const Generation generation = context_.NewGeneration();
  draft_ = {.child = child,
            .generation = generation,
            .waited_for_until = Now() + kWaitedFor,
            .drop_at = Now() + kKept};
  if (context_.options.child_draft_bytes == 0) {
    draft_->stage = Stage::kFailed;
    return;
  }
  applier_.BeginDraft(generation, shard_version, context_.folder.GenerationPath(child, generation),
                      context_.options.child_draft_bytes, [this, generation](LogIndex applied) {
                        if (!Is(generation)) return;
                        draft_->stage = Stage::kFlushing;
                        draft_->flush_upto = applied;
                        context_.touch(shard_);
                      });
}

bool ChildPreparation::IsSettled(ShardId child) const {
  if (!draft_.has_value() || draft_->child != child) return false;
  return draft_->stage >= Stage::kFollowing || Now() >= draft_->waited_for_until;
}

std::optional<LogIndex> ChildPreparation::AwaitsFlush() const {
  if (!draft_.has_value() || draft_->stage != Stage::kFlushing) return std::nullopt;
  return draft_->flush_upto;
}

void ChildPreparation::Flushed() {
  draft_->stage = Stage::kOpening;
  applier_.OpenDraft(
      draft_->generation, context_.env.disk, context_.env.engines,
      [touch = context_.touch, shard = shard_] { touch(shard); },
      [this, generation = draft_->generation](const absl::Status& opened) {
        OnOpened(generation, opened);
      });
}

void ChildPreparation::OnOpened(Generation generation, const absl::Status& opened) {
  const bool is_wanted = Is(generation);
  if (is_wanted) draft_->stage = opened.ok() ? Stage::kFollowing : Stage::kFailed;
  if (!is_wanted || !opened.ok()) applier_.DropDraft(generation, nullptr, context_.env.disk);
  context_.touch(shard_);
  // Nobody knows what a sync proves after one that failed, so it must not pass for tried and done.
  if (absl::IsDataLoss(opened)) damaged_(opened);
}

void ChildPreparation::Tick() {
  if (draft_.has_value() && Now() >= draft_->drop_at) Drop();
}

void ChildPreparation::Drop() {
  if (!draft_.has_value()) return;
  Draft dropped = *std::exchange(draft_, std::nullopt);
  if (dropped.stage == Stage::kFailed) return;  // and gone
  if (dropped.stage == Stage::kOpening) return applier_.CancelDraft(dropped.generation);
  applier_.DropDraft(dropped.generation, std::move(dropped.at_split), context_.env.disk);
}

void ChildPreparation::OnSplit(std::unique_ptr<ChildDraft> draft) {
  if (draft == nullptr) return;
  if (!draft_.has_value() || draft_->stage != Stage::kFollowing) {
    applier_.CloseDraft(std::move(draft));  // it was dropped meanwhile
    return;
  }
  draft_->stage = Stage::kAtSplit;
  draft_->at_split = std::move(draft);
  draft_->drop_at = Now() + kFlushLimit;
}

bool ChildPreparation::IsFlushing(ShardId child) const {
  return draft_.has_value() && draft_->child == child && draft_->stage == Stage::kAtSplit;
}

std::optional<ChildPreparation::Ready> ChildPreparation::Take(ShardId child, LogIndex index) {
  if (!IsFlushing(child)) return std::nullopt;
  storage::DurablePoint durable = draft_->at_split->durable();
  if (durable.index < index) return std::nullopt;
  Draft taken = *std::exchange(draft_, std::nullopt);
  applier_.DraftBecameChild(taken.generation);
  return Ready{.generation = taken.generation,
               .child = {.state = taken.at_split->TakeState(), .note = std::move(durable.note)}};
}

}  // namespace flotilla::node
