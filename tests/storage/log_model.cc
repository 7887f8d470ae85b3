#include "tests/storage/log_model.h"

#include <algorithm>
#include <sstream>
#include <variant>

#include "base/check.h"

namespace flotilla::storage {

namespace {

void ApplyTo(ModelGroup& group, const AppendRecord& record) {
  if (record.hard_state.has_value()) group.hard_state = *record.hard_state;
  if (record.entries.empty()) return;
  const uint64_t keep = record.entries.front().index - group.snapshot.index.next();
  FLOTILLA_CHECK_LE(keep, group.entries.size());
  group.entries.resize(keep);
  group.entries.insert(group.entries.end(), record.entries.begin(), record.entries.end());
}

void ApplyTo(ModelGroup& group, const CompactRecord& record) {
  const uint64_t drop = record.meta.index - group.snapshot.index;
  FLOTILLA_CHECK_LE(drop, group.entries.size());
  group.entries.erase(group.entries.begin(), group.entries.begin() + static_cast<ptrdiff_t>(drop));
  group.snapshot = record.meta;
  group.engine_note = record.engine_note;
}

void ApplyTo(ModelGroup& group, const SnapshotRecord& record) {
  group.replica = record.replica;
  group.generation = record.generation;
  group.hard_state = record.hard_state;
  group.snapshot = record.meta;
  group.engine_note = record.engine_note;
  group.entries.clear();
}

void ApplyTo(ModelGroup& group, const TombstoneRecord& record) {
  group = {.lowest_allowed = std::max(group.lowest_allowed, record.lowest_allowed)};
}

void DescribeGroup(std::ostream& os, ShardId id, ReplicaId replica, Generation generation,
                   const raft::HardState& hard_state, const raft::SnapshotMeta& snapshot,
                   const std::string& note, const std::vector<raft::Entry>& entries) {
  os << "group " << id << " replica " << replica << " generation " << generation << " term "
     << hard_state.term << " vote " << hard_state.vote << " commit " << hard_state.commit
     << " snapshot " << snapshot.index << "@" << snapshot.term << " of "
     << snapshot.configuration.voters.size() << " note '" << note << "' entries";
  for (const raft::Entry& entry : entries) os << " " << entry.index << "@" << entry.term;
  os << "\n";
}

void DescribeTombstone(std::ostream& os, ShardId id, ReplicaId lowest_allowed) {
  os << "tombstone " << id << " below " << lowest_allowed << "\n";
}

}  // namespace

void LogModel::Apply(ShardId group, const LogRecord& record) {
  std::visit([&](const auto& r) { ApplyTo(groups_[group], r); }, record);
}

std::string LogModel::Describe() const {
  std::ostringstream os;
  for (const auto& [id, group] : groups_) {
    if (group.replica.is_none()) continue;
    DescribeGroup(os, id, group.replica, group.generation, group.hard_state, group.snapshot,
                  group.engine_note, group.entries);
  }
  for (const auto& [id, group] : groups_) {
    if (!group.lowest_allowed.is_none()) DescribeTombstone(os, id, group.lowest_allowed);
  }
  return os.str();
}

std::string Describe(const Recovery& recovery) {
  std::ostringstream os;
  for (const RecoveredGroup& group : recovery.groups) {
    if (group.suspect) os << "SUSPECT ";
    DescribeGroup(os, group.group, group.replica, group.generation, group.hard_state,
                  group.snapshot, group.engine_note, group.entries);
  }
  for (const RecoveredTombstone& tombstone : recovery.tombstones) {
    DescribeTombstone(os, tombstone.group, tombstone.lowest_allowed);
  }
  return os.str();
}

size_t RecordHistory::Add(ShardId group, LogRecord record, bool must_survive_once_acked) {
  records_.push_back({group, std::move(record), must_survive_once_acked});
  return records_.size() - 1;
}

void RecordHistory::Acknowledge(size_t number) {
  if (records_[number].must_survive_once_acked) acked_ = std::max(acked_, number + 1);
}

std::optional<size_t> RecordHistory::FindPrefix(const Recovery& recovery) const {
  const std::string found = storage::Describe(recovery);
  LogModel model = After(acked_);
  for (size_t size = acked_;; ++size) {
    if (model.Describe() == found) return size;
    if (size == records_.size()) return std::nullopt;
    model.Apply(records_[size].group, records_[size].record);
  }
}

void RecordHistory::CutTo(size_t size) {
  records_.resize(size);
  acked_ = size;
}

LogModel RecordHistory::After(size_t size) const {
  LogModel model;
  for (size_t i = 0; i < size; ++i) model.Apply(records_[i].group, records_[i].record);
  return model;
}

}  // namespace flotilla::storage
