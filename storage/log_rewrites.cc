#include "storage/log_rewrites.h"

#include <utility>

#include "base/check.h"

namespace flotilla::storage {

void Rewrites::Begin(ShardId group, Lsn last_entry, Task durable) {
  auto [found, is_new] = rewrites_.try_emplace(group);
  Rewrite& rewrite = found->second;
  if (is_new) {
    rewrite.id = next_id_++;
    rewrite.last_entry = last_entry;
  }
  rewrite.durable.push_back(std::move(durable));
}

std::vector<Rewrites::Ready> Rewrites::TakeReady(Lsn durable_lsn) {
  std::vector<Ready> ready;
  for (auto& [group, rewrite] : rewrites_) {
    if (rewrite.given_out || rewrite.last_entry > durable_lsn) continue;
    rewrite.given_out = true;
    ready.push_back({.group = group, .id = rewrite.id});
  }
  return ready;
}

void Rewrites::OnAppend(ShardId group, const std::vector<raft::Entry>& entries) {
  const auto found = rewrites_.find(group);
  if (found == rewrites_.end() || entries.empty()) return;
  std::map<LogIndex, raft::Entry>& appended = found->second.appended;
  appended.erase(appended.lower_bound(entries.front().index), appended.end());
  for (const raft::Entry& entry : entries) appended.emplace(entry.index, entry);
}

bool Rewrites::IsCurrent(Ready rewrite) const {
  const auto found = rewrites_.find(rewrite.group);
  return found != rewrites_.end() && found->second.id == rewrite.id;
}

std::vector<raft::Entry> Rewrites::Merge(Ready rewrite, std::vector<raft::Entry> read,
                                         const LogGroup& log) const {
  const std::map<LogIndex, raft::Entry>& appended = rewrites_.at(rewrite.group).appended;
  std::vector<raft::Entry> entries;
  for (LogIndex index = log.first_index(); index <= log.last_index(); ++index) {
    const auto overlay = appended.find(index);
    if (overlay != appended.end()) {
      entries.push_back(overlay->second);
      continue;
    }
    // Appended entries end the log, so what is older than the first of them was there at the start.
    FLOTILLA_CHECK(!read.empty() && index >= read.front().index && index <= read.back().index);
    entries.push_back(std::move(read[index - read.front().index]));
  }
  return entries;
}

std::vector<Task> Rewrites::Finish(ShardId group) {
  const auto found = rewrites_.find(group);
  if (found == rewrites_.end()) return {};
  std::vector<Task> durable = std::move(found->second.durable);
  rewrites_.erase(found);
  return durable;
}

}  // namespace flotilla::storage
