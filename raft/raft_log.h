// The log of one member in memory: every entry after the last compaction, its term and size, and
// how far it is committed and applied. Payloads of applied commands are kept within a byte budget
// and otherwise forgotten (a slow peer's are fetched from disk). Knows nothing of disks: what is
// durable is Persistence's to say. Not thread-safe: owned by the core.
//
//   base        applied      applying     commit          last
//    |  payloads may be gone    |  handed out |               |
//    v            v             v             v               v
//    .------------.-------------.-------------.---------------.
#ifndef FLOTILLA_RAFT_RAFT_LOG_H_
#define FLOTILLA_RAFT_RAFT_LOG_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "raft/types.h"

namespace flotilla::raft {

class RaftLog {
 public:
  // A place in a log. Two logs that contain the same position are equal up to it (log matching).
  struct Position {
    LogIndex index;
    Term term;
  };

  // `base` is what was last compacted or covered by a snapshot; `entries` follow it without a gap.
  // Precondition: base <= applied, and commit lies within the log.
  RaftLog(Position base, std::vector<Entry> entries, LogIndex commit, LogIndex applied,
          size_t cache_bytes);

  Position base() const { return base_; }
  LogIndex first_index() const { return base_.index.next(); }
  LogIndex last_index() const { return base_.index + slots_.size(); }
  Term last_term() const;
  LogIndex commit() const { return commit_; }
  LogIndex applying() const { return applying_; }
  LogIndex applied() const { return applied_; }

  // None outside [first_index - 1, last_index].
  std::optional<Term> TermAt(LogIndex index) const;
  bool Contains(Position position) const { return TermAt(position.index) == position.term; }
  // Whether a log that ends there is at least as complete as this one (Raft thesis 3.6.1).
  bool IsCoveredBy(Position last) const;
  // The highest index, not above `from`, whose term is at most `term`: where logs that differ at
  // `from` may still agree. Never below base. O(log n).
  Position LastWithTermAtMost(LogIndex from, Term term) const;

  // Precondition: the entry follows the last one.
  void Append(Entry entry);
  // Removes the entry at `index` and all after it. Precondition: none of them is committed.
  void TruncateFrom(LogIndex index);
  // Precondition: index <= last_index. Never goes back.
  void CommitTo(LogIndex index);
  // Precondition: index <= applying. Never goes back. Forgets payloads beyond the cache's budget.
  void AppliedTo(LogIndex index);
  // Forgets the payloads of all that is applied, whatever the cache may hold.
  void ForgetApplied();
  // Forgets the entries up to `index` altogether. Precondition: index <= applied.
  void CompactTo(LogIndex index);
  // A snapshot up to `base` has replaced the applied state. What follows it in the log is kept if
  // the log contains `base`, else everything goes. Precondition: base.index > commit.
  void InstallBase(Position base);

  const Entry& At(LogIndex index) const { return SlotAt(index).entry; }
  // Whether the payloads of this entry and all later ones are in memory.
  bool HasPayloadsFrom(LogIndex index) const { return index > evicted_; }
  // Entries from `first` on, up to `last` or until they exceed `max_bytes`, but at least one.
  // Precondition: they are in the log, with payloads.
  std::vector<Entry> Slice(LogIndex first, LogIndex last, size_t max_bytes) const;
  // The next committed entries to hand out for application, none beyond `limit`.
  std::vector<Entry> TakeCommitted(LogIndex limit, size_t max_bytes);
  bool HasCommitted(LogIndex limit) const { return applying_ < std::min(commit_, limit); }

  // Sum of Entry::ByteSize over (after, up_to]; what was forgotten counts as it did when appended.
  uint64_t BytesBetween(LogIndex after, LogIndex up_to) const;

 private:
  struct Slot {
    Entry entry;
    uint64_t end_offset = 0;  // bytes of all entries up to and with this one, since construction
  };

  const Slot& SlotAt(LogIndex index) const;
  uint64_t EndOffset(LogIndex index) const;
  void EvictBeyondCache();
  void EvictNext();

  const size_t cache_bytes_;
  Position base_;
  uint64_t base_offset_ = 0;
  // Slot i holds index base_.index + 1 + i.
  std::deque<Slot> slots_;
  // Invariant: base_.index <= applied_ <= applying_ <= commit_ <= last_index().
  LogIndex commit_;
  LogIndex applying_;
  LogIndex applied_;
  // Command payloads up to here are forgotten. Invariant: evicted_ <= applied_.
  LogIndex evicted_;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_RAFT_RAFT_LOG_H_
