#include "raft/raft_log.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "base/check.h"

namespace flotilla::raft {

RaftLog::RaftLog(Position base, std::vector<Entry> entries, LogIndex commit, LogIndex applied,
                 size_t cache_bytes)
    : cache_bytes_(cache_bytes),
      base_(base),
      commit_(std::max(commit, applied)),
      applying_(applied),
      applied_(applied),
      evicted_(base.index) {
  FLOTILLA_CHECK_LE(base.index, applied);
  LogIndex last_without_payload = base.index;
  for (Entry& entry : entries) {
    const bool has_payload = entry.kind != EntryKind::kCommand || entry.payload != nullptr;
    if (!has_payload) last_without_payload = entry.index;
    Append(std::move(entry));
  }
  FLOTILLA_CHECK_LE(last_without_payload, applied);
  // Acknowledged entries that are gone from the log would be lost again by going on.
  FLOTILLA_CHECK_LE(commit_, last_index());
  while (evicted_ < last_without_payload) EvictNext();
  EvictBeyondCache();
}

Term RaftLog::last_term() const { return slots_.empty() ? base_.term : slots_.back().entry.term; }

std::optional<Term> RaftLog::TermAt(LogIndex index) const {
  if (index == base_.index) return base_.term;
  if (index < base_.index || index > last_index()) return std::nullopt;
  return SlotAt(index).entry.term;
}

bool RaftLog::IsCoveredBy(Position last) const {
  if (last.term != last_term()) return last.term > last_term();
  return last.index >= last_index();
}

RaftLog::Position RaftLog::LastWithTermAtMost(LogIndex from, Term term) const {
  if (from <= base_.index || slots_.empty()) return base_;
  const auto end =
      slots_.begin() + static_cast<std::ptrdiff_t>(std::min(from, last_index()) - base_.index);
  // Terms never decrease along a log.
  const auto above = std::upper_bound(slots_.begin(), end, term,
                                      [](Term t, const Slot& slot) { return t < slot.entry.term; });
  if (above == slots_.begin()) return base_;
  const Entry& entry = std::prev(above)->entry;
  return {entry.index, entry.term};
}

void RaftLog::Append(Entry entry) {
  FLOTILLA_CHECK_EQ(entry.index, last_index().next());
  FLOTILLA_CHECK_GE(entry.term, last_term());
  const uint64_t end_offset = EndOffset(last_index()) + entry.ByteSize();
  slots_.push_back({std::move(entry), end_offset});
}

void RaftLog::TruncateFrom(LogIndex index) {
  FLOTILLA_CHECK_GT(index, commit_);
  FLOTILLA_CHECK_LE(index, last_index());
  slots_.erase(slots_.begin() + static_cast<std::ptrdiff_t>(index - first_index()), slots_.end());
}

void RaftLog::CommitTo(LogIndex index) {
  FLOTILLA_CHECK_LE(index, last_index());
  commit_ = std::max(commit_, index);
}

void RaftLog::AppliedTo(LogIndex index) {
  FLOTILLA_CHECK_LE(index, applying_);
  applied_ = std::max(applied_, index);
  EvictBeyondCache();
}

void RaftLog::CompactTo(LogIndex index) {
  FLOTILLA_CHECK_LE(index, applied_);
  if (index <= base_.index) return;
  const Position base{index, SlotAt(index).entry.term};
  base_offset_ = EndOffset(index);
  slots_.erase(slots_.begin(), slots_.begin() + static_cast<std::ptrdiff_t>(index - base_.index));
  base_ = base;
  evicted_ = std::max(evicted_, index);
}

void RaftLog::InstallBase(Position base) {
  FLOTILLA_CHECK_GT(base.index, commit_);
  if (Contains(base)) {
    base_offset_ = EndOffset(base.index);
    slots_.erase(slots_.begin(),
                 slots_.begin() + static_cast<std::ptrdiff_t>(base.index - base_.index));
  } else {
    base_offset_ = EndOffset(last_index());
    slots_.clear();
  }
  base_ = base;
  commit_ = applying_ = applied_ = evicted_ = base.index;
}

std::vector<Entry> RaftLog::Slice(LogIndex first, LogIndex last, size_t max_bytes) const {
  FLOTILLA_CHECK_LE(first, last);
  FLOTILLA_CHECK_LE(last, last_index());
  FLOTILLA_CHECK_GE(first, first_index());
  FLOTILLA_CHECK_GT(first, evicted_);
  const auto begin = slots_.begin() + static_cast<std::ptrdiff_t>(first - first_index());
  const auto end = begin + static_cast<std::ptrdiff_t>(last - first + 1);
  const uint64_t start = EndOffset(first.prev());
  const uint64_t budget_end = start + std::min<uint64_t>(max_bytes, UINT64_MAX - start);
  const auto over_budget =
      std::upper_bound(begin + 1, end, budget_end,
                       [](uint64_t budget, const Slot& slot) { return budget < slot.end_offset; });
  std::vector<Entry> entries;
  entries.reserve(static_cast<size_t>(over_budget - begin));
  for (auto slot = begin; slot != over_budget; ++slot) entries.push_back(slot->entry);
  return entries;
}

std::vector<Entry> RaftLog::TakeCommitted(LogIndex limit, size_t max_bytes) {
  if (!HasCommitted(limit)) return {};
  std::vector<Entry> entries = Slice(applying_.next(), std::min(commit_, limit), max_bytes);
  applying_ = entries.back().index;
  return entries;
}

uint64_t RaftLog::BytesBetween(LogIndex after, LogIndex up_to) const {
  FLOTILLA_CHECK_LE(after, up_to);
  return EndOffset(up_to) - EndOffset(after);
}

const RaftLog::Slot& RaftLog::SlotAt(LogIndex index) const {
  FLOTILLA_CHECK_GT(index, base_.index);
  FLOTILLA_CHECK_LE(index, last_index());
  return slots_[index - base_.index - 1];
}

uint64_t RaftLog::EndOffset(LogIndex index) const {
  return index == base_.index ? base_offset_ : SlotAt(index).end_offset;
}

void RaftLog::EvictBeyondCache() {
  const uint64_t applied_end = EndOffset(applied_);
  while (evicted_ < applied_ && applied_end - EndOffset(evicted_) > cache_bytes_) EvictNext();
}

void RaftLog::ForgetApplied() {
  while (evicted_ < applied_) EvictNext();
}

void RaftLog::EvictNext() {
  ++evicted_;
  Entry& entry = slots_[evicted_ - base_.index - 1].entry;
  if (entry.kind == EntryKind::kCommand) entry.payload = nullptr;
}

}  // namespace flotilla::raft
