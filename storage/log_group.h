// What the log keeps in memory about one group: its state, and where each live entry lies. The same
// class is filled by recovery and kept up to date by the writer. A plain value; not thread-safe.
#ifndef FLOTILLA_STORAGE_LOG_GROUP_H_
#define FLOTILLA_STORAGE_LOG_GROUP_H_

#include <cstdint>
#include <deque>

#include "base/ids.h"
#include "storage/log_items.h"

namespace flotilla::storage {

// Where an entry's frame lies: in which batch, and where in it. 16 bytes for every live entry.
struct EntryLocation {
  Lsn lsn;
  uint32_t offset = 0;
  uint32_t bytes = 0;
};

class LogGroup {
 public:
  // --- All but the entries. ----------------------------------------------------------------------

  const GroupState& state() const { return state_; }
  bool alive() const { return !state_.replica.is_none(); }
  // Records of this replica were lost; see Recovery.
  bool suspect() const { return suspect_; }
  // Of the newest item; 0 before the first.
  uint64_t sequence() const { return sequence_; }
  uint64_t NextSequence() { return ++sequence_; }
  void set_sequence(uint64_t sequence) { sequence_ = sequence; }

  // A new state, written as a whole in batch `lsn`. Entries are not touched.
  void SetState(GroupState state, Lsn lsn);
  void SetHardState(const raft::HardState& hard_state) { state_.hard_state = hard_state; }
  void SetReplica(ReplicaId replica) { state_.replica = replica; }
  // Nothing remains but the lowest allowed replica id.
  void Bury(ReplicaId lowest_allowed, Lsn lsn);
  void SetSuspect(bool suspect) { suspect_ = suspect; }
  // The same state was written again.
  void MoveState(Lsn lsn) { state_lsn_ = lsn; }
  // The batch that holds the state; none while it is unknown (only during recovery).
  Lsn state_lsn() const { return state_lsn_; }

  // --- Entries: an unbroken run [first_index, last_index]. ---------------------------------------

  bool has_entries() const { return !entries_.empty(); }
  // Of the next entry to come when there are none.
  LogIndex first_index() const { return first_index_; }
  LogIndex last_index() const { return (first_index_ + entries_.size()).prev(); }
  uint64_t entry_bytes() const { return entry_bytes_; }
  // Precondition: first_index <= index <= last_index.
  const EntryLocation& At(LogIndex index) const { return entries_[index - first_index_]; }

  // Forgets `index` and all after it, then appends it. An index that leaves a gap begins a new run.
  void Put(LogIndex index, const EntryLocation& location);
  // The same entry was written again. Precondition: as for At.
  void Move(LogIndex index, const EntryLocation& location);
  void DropThrough(LogIndex index);
  // The run goes on at `next`.
  void DropAll(LogIndex next);
  // Counts how often entries were overwritten or dropped at the end: what was read before may not
  // be in the log any more.
  uint64_t truncations() const { return truncations_; }

  // The oldest batch that holds something of this group that is still needed; none when there is
  // nothing.
  Lsn OldestLsn() const;

 private:
  GroupState state_;
  bool suspect_ = false;
  uint64_t sequence_ = 0;
  Lsn state_lsn_;
  // Invariant: LSNs do not decrease along the run, for an overwritten entry takes its successors
  // with it.
  std::deque<EntryLocation> entries_;
  LogIndex first_index_{1};
  uint64_t entry_bytes_ = 0;
  uint64_t truncations_ = 0;
};

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_LOG_GROUP_H_
