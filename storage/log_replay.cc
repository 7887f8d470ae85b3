#include "storage/log_replay.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/status_macros.h"

namespace flotilla::storage {

namespace {

// A configuration's payload is needed to begin with; those of commands are read when asked for.
raft::Entry RecoveredEntry(const EntryFrame& frame) {
  if (frame.kind == raft::EntryKind::kConfiguration) return ToEntry(frame);
  return {.index = frame.index, .term = frame.term, .kind = frame.kind, .payload = nullptr};
}

}  // namespace

RecoveredGroup ToRecovered(ShardId id, const LogGroup& group) {
  const GroupState& state = group.state();
  return {.group = id,
          .replica = state.replica,
          .generation = state.generation,
          .hard_state = state.hard_state,
          .snapshot = state.snapshot,
          .engine_note = state.engine_note,
          .entries = {},
          .suspect = group.suspect()};
}

absl::Status LogReplay::ApplyBatch(const BatchView& batch, std::string_view batch_bytes) {
  const BatchHeader& header = batch.header;
  // The oldest batch says where the count stands, unless it is the very first of the stream.
  if (first_batch_ && !lost_anything()) lifecycle_items_ = header.lifecycle_items;
  first_batch_ = false;
  groups_said_ = std::max(groups_said_, header.groups);
  if (header.lifecycle_items != lifecycle_items_) {
    return absl::DataLossError(
        "acknowledged records before batch " + ToString(header.lsn) +
        " are lost, and replicas were created or removed by them: which ones cannot be told");
  }
  Decoder in(batch.items);
  for (uint32_t i = 0; i < header.item_count; ++i) {
    FLOTILLA_ASSIGN_OR_RETURN(const Item item, DecodeItem(batch_bytes, in));
    Group& group = groups_[item.header.group];
    CheckSequence(item.header, group);
    Apply(item, header.lsn, group);
    if (IsLifecycle(item.header.kind)) ++lifecycle_items_;
  }
  return in.Finish("batch " + ToString(header.lsn));
}

void LogReplay::NoteLoss(Lsn last) { last_lost_ = std::max(last_lost_, last); }

void LogReplay::CheckSequence(const ItemHeader& header, Group& group) const {
  // Where nothing was lost before, a group may begin anywhere: what came earlier was superseded and
  // its segments deleted.
  const bool may_begin = group.log.sequence() == 0 && !lost_anything();
  if (!may_begin && header.sequence != group.log.sequence() + 1) group.gap = true;
  if (ReplacesEverything(header.kind)) group.gap = false;
  group.log.set_sequence(header.sequence);
}

void LogReplay::Apply(const Item& item, Lsn lsn, Group& group) {
  LogGroup& log = group.log;
  group.last_item = lsn;
  if (item.header.kind == ItemKind::kTombstone) {
    log.Bury(item.lowest_allowed, lsn);
    group.entries.clear();
    return;
  }
  if (ReplacesEverything(item.header.kind)) {
    // A suspect replica writes nothing else any more; only its successor is above suspicion.
    log.SetSuspect(item.header.kind == ItemKind::kSuspect);
    log.DropAll(item.state->snapshot.index.next());
    group.entries.clear();
  }
  if (item.state.has_value()) {
    log.SetState(*item.state, lsn);
    log.DropThrough(item.state->snapshot.index);
    while (!group.entries.empty() && group.entries.front().index <= item.state->snapshot.index) {
      group.entries.pop_front();
    }
  }
  log.SetReplica(item.header.replica);
  if (item.hard_state.has_value()) log.SetHardState(*item.hard_state);
  AppendEntries(item, lsn, group);
}

void LogReplay::AppendEntries(const Item& item, Lsn lsn, Group& group) {
  if (item.entries.empty()) return;
  const LogIndex first = item.entries.front().index;
  while (!group.entries.empty() && group.entries.back().index >= first) group.entries.pop_back();
  // A run of which the middle was lost is worth nothing; the group is suspect anyway.
  if (!group.entries.empty() && group.entries.back().index.next() != first) group.entries.clear();
  for (const EntryFrame& frame : item.entries) {
    group.log.Put(frame.index, {.lsn = lsn, .offset = frame.offset, .bytes = frame.bytes});
    group.entries.push_back(RecoveredEntry(frame));
  }
}

void LogReplay::Judge(Group& group) const {
  LogGroup& log = group.log;
  if (!log.alive() || log.suspect()) return;
  const bool nothing_heard_since_loss = lost_anything() && group.last_item <= last_lost_;
  // Neither happens without a loss or a bug; both would be silent losses.
  const bool state_unknown = log.state_lsn().is_none();
  const bool entries_missing = log.first_index() != log.state().snapshot.index.next();
  if (group.gap || nothing_heard_since_loss || state_unknown || entries_missing) {
    log.SetSuspect(true);
  }
}

absl::Status LogReplay::Finish(Recovery* recovery) {
  // Idle ones stand in a single item, which a segment's release has had written again.
  if (groups_.size() < groups_said_) {
    return absl::DataLossError("of " + std::to_string(groups_said_) + " groups only " +
                               std::to_string(groups_.size()) +
                               " are in what is left of the log: which others there were cannot "
                               "be told");
  }
  for (auto& [id, group] : groups_) {
    Judge(group);
    LogGroup& log = group.log;
    const GroupState& state = log.state();
    if (!state.lowest_allowed.is_none()) {
      recovery->tombstones.push_back({.group = id, .lowest_allowed = state.lowest_allowed});
    }
    if (!log.alive()) continue;
    if (log.suspect()) {
      log.DropAll(state.snapshot.index.next());
      group.entries.clear();
    }
    RecoveredGroup& recovered = recovery->groups.emplace_back(ToRecovered(id, log));
    recovered.entries = {group.entries.begin(), group.entries.end()};
    group.entries.clear();
  }
  return absl::OkStatus();
}

std::map<ShardId, LogGroup> LogReplay::TakeGroups() {
  std::map<ShardId, LogGroup> groups;
  for (auto& [id, group] : groups_) groups.emplace_hint(groups.end(), id, std::move(group.log));
  groups_.clear();
  return groups;
}

}  // namespace flotilla::storage
