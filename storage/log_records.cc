#include "storage/log_records.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/check.h"
#include "storage/log_items.h"

namespace flotilla::storage {

namespace {

// An item in the making; done when it goes out of scope.
class ItemInBatch {
 public:
  ItemInBatch(ItemKind kind, ShardId id, LogGroup& group, BatchQueue& queue)
      : kind_(kind), is_first_(group.sequence() == 0), queue_(queue), batch_(queue.Open()) {
    began_ = BeginItem({.kind = kind,
                        .group = id,
                        .sequence = group.NextSequence(),
                        .replica = group.state().replica},
                       batch_.bytes);
  }
  ~ItemInBatch() {
    EndItem(began_, batch_.bytes);
    queue_.CountItem(IsLifecycle(kind_), is_first_);
  }
  ItemInBatch(const ItemInBatch&) = delete;
  ItemInBatch& operator=(const ItemInBatch&) = delete;

  Lsn lsn() const { return batch_.lsn; }
  std::string& bytes() { return batch_.bytes; }

 private:
  const ItemKind kind_;
  const bool is_first_;
  BatchQueue& queue_;
  PendingBatch& batch_;
  size_t began_ = 0;
};

EntryLocation PutEntry(ShardId id, const raft::Entry& entry, ItemInBatch& item) {
  const auto offset = static_cast<uint32_t>(item.bytes().size());
  const uint32_t bytes = PutEntryFrame(id, entry, item.bytes());
  return {.lsn = item.lsn(), .offset = offset, .bytes = bytes};
}

// The state of the group is `state` from now on, written as a whole.
void PutState(ItemKind kind, ShardId id, GroupState state, LogGroup& group, BatchQueue& queue) {
  // First the state, for the item's header names the new replica.
  group.SetState(std::move(state), queue.Open().lsn);
  ItemInBatch item(kind, id, group, queue);
  PutGroupState(group.state(), item.bytes());
}

void CheckRunning(const LogGroup& group) {
  FLOTILLA_CHECK_MSG(group.alive(), "no replica of the group was created");
  FLOTILLA_CHECK_MSG(!group.suspect(), "a suspect replica may not go on");
}

}  // namespace

void WriteAppend(ShardId id, const AppendRecord& record, LogGroup& group, BatchQueue& queue) {
  CheckRunning(group);
  LogIndex next = group.last_index().next();
  if (!record.entries.empty()) {
    FLOTILLA_CHECK_GT(record.entries.front().index, group.state().snapshot.index);
    FLOTILLA_CHECK_LE(record.entries.front().index, next);
    next = record.entries.front().index;
  }
  FLOTILLA_CHECK(record.must_sync || record.entries.empty());
  for (const raft::Entry& entry : record.entries) {
    FLOTILLA_CHECK_EQ(entry.index, next);
    ++next;
  }
  if (record.hard_state.has_value()) group.SetHardState(*record.hard_state);
  ItemInBatch item(ItemKind::kAppend, id, group, queue);
  PutHardState(record.hard_state, item.bytes());
  PutVarint(item.bytes(), record.entries.size());
  for (const raft::Entry& entry : record.entries) group.Put(entry.index, PutEntry(id, entry, item));
}

void WriteCompact(ShardId id, CompactRecord record, LogGroup& group, BatchQueue& queue) {
  CheckRunning(group);
  FLOTILLA_CHECK_GE(record.meta.index, group.state().snapshot.index);
  FLOTILLA_CHECK_LE(record.meta.index, group.last_index());
  GroupState state = group.state();
  state.snapshot = std::move(record.meta);
  state.engine_note = std::move(record.engine_note);
  group.DropThrough(state.snapshot.index);
  PutState(ItemKind::kCompact, id, std::move(state), group, queue);
}

void WriteSnapshot(ShardId id, SnapshotRecord record, LogGroup& group, BatchQueue& queue) {
  const bool created = record.replica != group.state().replica;
  FLOTILLA_CHECK(!record.replica.is_none());
  FLOTILLA_CHECK_GE(record.replica, group.state().lowest_allowed);
  if (!created) CheckRunning(group);
  GroupState state{.replica = record.replica,
                   .lowest_allowed = group.state().lowest_allowed,
                   .generation = record.generation,
                   .hard_state = record.hard_state,
                   .snapshot = std::move(record.meta),
                   .engine_note = std::move(record.engine_note)};
  group.DropAll(state.snapshot.index.next());
  group.SetSuspect(false);
  PutState(created ? ItemKind::kReplicaCreated : ItemKind::kSnapshot, id, std::move(state), group,
           queue);
}

void WriteTombstone(ShardId id, const TombstoneRecord& record, LogGroup& group, BatchQueue& queue) {
  const ReplicaId lowest = std::max(record.lowest_allowed, group.state().lowest_allowed);
  ItemInBatch item(ItemKind::kTombstone, id, group, queue);
  PutVarint(item.bytes(), lowest.value());
  group.Bury(lowest, item.lsn());
}

void WriteRewrite(ShardId id, const std::vector<raft::Entry>& entries, LogGroup& group,
                  BatchQueue& queue) {
  if (!group.alive()) {
    return WriteTombstone(id, {.lowest_allowed = group.state().lowest_allowed}, group, queue);
  }
  if (group.suspect()) return PutState(ItemKind::kSuspect, id, group.state(), group, queue);
  FLOTILLA_CHECK_EQ(entries.size(), group.last_index().next() - group.first_index());
  group.MoveState(queue.Open().lsn);
  ItemInBatch item(ItemKind::kRewrite, id, group, queue);
  PutGroupState(group.state(), item.bytes());
  PutVarint(item.bytes(), entries.size());
  for (const raft::Entry& entry : entries) group.Move(entry.index, PutEntry(id, entry, item));
}

}  // namespace flotilla::storage
