#include "node/child_draft.h"

#include <utility>
#include <vector>

#include "base/check.h"
#include "base/status_macros.h"
#include "storage/durable_folder.h"

namespace flotilla::node {

absl::Status MakeDurableFolder(Disk& disk, const std::string& folder) {
  FLOTILLA_RETURN_IF_ERROR(disk.RemoveTree(folder));
  FLOTILLA_RETURN_IF_ERROR(disk.CreateFolder(ParentFolder(folder)));
  FLOTILLA_RETURN_IF_ERROR(disk.CreateFolder(folder));
  const absl::Status synced = storage::SyncFolderAndParents(disk, folder);
  // Nobody knows what a sync proves after one that failed (fsyncgate).
  return synced.ok() ? synced : absl::DataLossError(synced.message());
}

absl::StatusOr<std::unique_ptr<ChildDraft>> ChildDraft::Open(
    storage::Engine& parent, ShardId shard, Disk& disk, storage::EngineSource& engines,
    const std::string& folder, absl::AnyInvocable<void()> on_durable) {
  FLOTILLA_RETURN_IF_ERROR(MakeDurableFolder(disk, folder));
  FLOTILLA_ASSIGN_OR_RETURN(const std::string note, parent.Checkpoint(folder));
  std::unique_ptr<ChildDraft> draft(new ChildDraft);
  FLOTILLA_ASSIGN_OR_RETURN(draft->state_.engine, engines.OpenCopy(folder, note));
  FLOTILLA_ASSIGN_OR_RETURN(draft->state_.machine,
                            kv::StateMachine::Load(*draft->state_.engine, shard));
  draft->state_.engine->SetDurableListener(
      [listener = std::move(on_durable)](const storage::DurablePoint&) mutable { listener(); });
  return draft;
}

absl::Status ChildDraft::Follow(std::span<const raft::Entry> entries) {
  const LogIndex applied = state_.machine->applied().index;
  while (!entries.empty() && entries.front().index <= applied) entries = entries.subspan(1);
  while (!entries.empty()) {
    storage::WriteBatch batch;
    std::vector<kv::EntryResult> results;
    FLOTILLA_RETURN_IF_ERROR(state_.machine->Apply(*state_.engine, entries, &batch, &results));
    FLOTILLA_RETURN_IF_ERROR(state_.engine->Write(batch, state_.machine->applied().index));
    entries = entries.subspan(results.size());
  }
  return absl::OkStatus();
}

absl::Status ChildDraft::BecomeChild(const kv::StateMachine& parent) {
  const kv::AppliedState& applied = state_.machine->applied();
  if (applied.index != parent.applied().index) {
    return absl::FailedPreconditionError("the draft is behind");
  }
  // The same entries, applied to the same state.
  FLOTILLA_CHECK(applied == parent.applied());
  state_.machine = parent.MakeChild();
  return state_.engine->Flush();
}

}  // namespace flotilla::node
