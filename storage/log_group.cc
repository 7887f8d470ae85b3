#include "storage/log_group.h"

#include <algorithm>
#include <utility>

namespace flotilla::storage {

void LogGroup::SetState(GroupState state, Lsn lsn) {
  state_ = std::move(state);
  state_lsn_ = lsn;
}

void LogGroup::Bury(ReplicaId lowest_allowed, Lsn lsn) {
  SetState(GroupState{.lowest_allowed = lowest_allowed}, lsn);
  suspect_ = false;
  DropAll(LogIndex(1));
}

void LogGroup::Put(LogIndex index, const EntryLocation& location) {
  if (index < first_index_ || index > last_index().next()) {
    DropAll(index);
  } else if (index <= last_index()) {
    ++truncations_;
    while (last_index() >= index && has_entries()) {
      entry_bytes_ -= entries_.back().bytes;
      entries_.pop_back();
    }
  }
  entries_.push_back(location);
  entry_bytes_ += location.bytes;
}

void LogGroup::Move(LogIndex index, const EntryLocation& location) {
  EntryLocation& moved = entries_[index - first_index_];
  entry_bytes_ += location.bytes - uint64_t{moved.bytes};
  moved = location;
}

void LogGroup::DropThrough(LogIndex index) {
  while (has_entries() && first_index_ <= index) {
    entry_bytes_ -= entries_.front().bytes;
    entries_.pop_front();
    ++first_index_;
  }
  if (!has_entries()) first_index_ = std::max(first_index_, index.next());
}

void LogGroup::DropAll(LogIndex next) {
  if (has_entries()) ++truncations_;
  entries_.clear();
  entry_bytes_ = 0;
  first_index_ = next;
}

Lsn LogGroup::OldestLsn() const {
  if (!has_entries()) return state_lsn_;
  const Lsn entry = entries_.front().lsn;
  return state_lsn_.is_none() ? entry : std::min(state_lsn_, entry);
}

}  // namespace flotilla::storage
