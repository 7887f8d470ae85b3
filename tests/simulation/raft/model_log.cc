#include "tests/simulation/raft/model_log.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace flotilla::simulation {

std::optional<Link> GroupLog::LinkAt(LogIndex index) const {
  if (index == base.index) return base_link;
  if (index < base.index || index > last_index()) return std::nullopt;
  return entries[index - base.index - 1].link;
}

const raft::Entry* GroupLog::EntryAt(LogIndex index) const {
  if (index <= base.index || index > last_index()) return nullptr;
  return &entries[index - base.index - 1].entry;
}

void GroupLog::Append(const std::vector<LoggedEntry>& added) {
  if (added.empty()) return;
  const LogIndex first = added.front().entry.index;
  FLOTILLA_CHECK_GT(first, base.index);
  FLOTILLA_CHECK_LE(first, last_index().next());
  entries.resize(first - base.index - 1);
  entries.insert(entries.end(), added.begin(), added.end());
}

void GroupLog::Compact(const raft::SnapshotMeta& meta, Link link) {
  FLOTILLA_CHECK_LE(meta.index, last_index());
  if (meta.index <= base.index) return;
  entries.erase(entries.begin(), entries.begin() + static_cast<ptrdiff_t>(meta.index - base.index));
  base = meta;
  base_link = link;
}

void GroupLog::Install(const raft::SnapshotMeta& meta, Link link) {
  if (meta.index > base.index && LinkAt(meta.index) == link) {
    Compact(meta, link);
  } else {
    entries.clear();
    base = meta;
    base_link = link;
  }
  engine_durable = meta.index;
}

void ModelLog::Write(ShardId group, Change change, Task durable) {
  change(current_[group]);
  pending_.push_back({.group = group, .change = std::move(change), .durable = std::move(durable)});
}

std::vector<Task> ModelLog::Complete(size_t count) {
  std::vector<Task> callbacks;
  for (; count > 0; --count) {
    Pending& pending = pending_.front();
    pending.change(durable_[pending.group]);
    callbacks.push_back(std::move(pending.durable));
    pending_.pop_front();
  }
  return callbacks;
}

void ModelLog::FlushEngine(ShardId group, LogIndex index) {
  for (auto* log : {&current_[group], &durable_[group]}) {
    log->engine_durable = std::max(log->engine_durable, index);
  }
}

void ModelLog::Crash(Random& random) {
  for (uint64_t kept = random.Below(pending_.size() + 1); kept > 0; --kept) {
    pending_.front().change(durable_[pending_.front().group]);
    pending_.pop_front();
  }
  pending_.clear();
  current_ = durable_;
}

const GroupLog* ModelLog::Durable(ShardId group) const {
  const auto it = durable_.find(group);
  return it == durable_.end() ? nullptr : &it->second;
}

std::vector<ShardId> ModelLog::Groups() const {
  std::vector<ShardId> groups;
  for (const auto& [group, log] : current_) groups.push_back(group);
  return groups;
}

void ModelLog::Format(ShardId group, const GroupLog& log) {
  current_[group] = log;
  durable_[group] = log;
}

}  // namespace flotilla::simulation
