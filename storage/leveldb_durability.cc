#include "storage/leveldb_durability.h"

#include "base/check.h"

namespace flotilla::storage {

void LevelDBDurability::Opened(LogIndex index) {
  FLOTILLA_CHECK(!open_);
  open_ = true;
  written_.index = durable_.index = index;
  for (auto& [number, point] : noted_) point = durable_;
}

void LevelDBDurability::BatchReturned(LogIndex index, uint64_t bytes) {
  FLOTILLA_CHECK_GE(index, written_.index);
  ++written_.batches;
  written_.bytes += bytes;
  written_.index = index;
}

void LevelDBDurability::LogCreated(uint64_t number) { noted_[number] = written_; }

std::optional<WrittenPoint> LevelDBDurability::LogRemoved(uint64_t number) {
  noted_.erase(number);
  if (!open_) return std::nullopt;
  const auto next = noted_.upper_bound(number);
  // Every log is older than the one that is being written, which is never removed.
  FLOTILLA_CHECK(next != noted_.end());
  if (next->second.batches <= durable_.batches) return std::nullopt;
  durable_ = next->second;
  return durable_;
}

uint64_t LevelDBDurability::filling_bytes() const {
  return noted_.empty() ? 0 : written_.bytes - noted_.rbegin()->second.bytes;
}

}  // namespace flotilla::storage
