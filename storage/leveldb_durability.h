// Proves how much of a LevelDB database is durable when its own log is thrown away.
//
// LevelDB starts a new log n.log exactly when it starts a new memtable, so all batches whose Write
// had returned before that are in older memtables or in tables. It removes the previous log only
// after the older memtable's table and the MANIFEST that names it are synced. So the removal of the
// log before n.log proves every batch noted at n.log's creation (design brief, section 5).
//
// Neither thread-safe nor blocking; LevelDBEnv guards it.
#ifndef FLOTILLA_STORAGE_LEVELDB_DURABILITY_H_
#define FLOTILLA_STORAGE_LEVELDB_DURABILITY_H_

#include <cstdint>
#include <map>
#include <optional>

#include "base/ids.h"

namespace flotilla::storage {

// How many batches, and bytes in them, since the database was opened, and which applied index the
// last batch set. Batches are counted because several may carry the same index.
struct WrittenPoint {
  uint64_t batches = 0;
  uint64_t bytes = 0;
  LogIndex index;

  friend bool operator==(const WrittenPoint&, const WrittenPoint&) = default;
};

class LevelDBDurability {
 public:
  // The database is open: what it contains, `index`, is durable, and nothing that happened to logs
  // before counts.
  void Opened(LogIndex index);

  // A batch was written: LevelDB's Write has returned.
  void BatchReturned(LogIndex index, uint64_t bytes);

  void LogCreated(uint64_t number);
  // Returns the new durable point when the removal proves more than was known.
  std::optional<WrittenPoint> LogRemoved(uint64_t number);

  WrittenPoint written() const { return written_; }
  WrittenPoint durable() const { return durable_; }
  // A full memtable is being written to a table.
  bool flushing() const { return noted_.size() > 1; }
  // Bytes in the memtable that takes writes.
  uint64_t filling_bytes() const;

 private:
  bool open_ = false;
  WrittenPoint written_;
  // Invariant: durable_.batches <= every noted point's batches <= written_.batches.
  WrittenPoint durable_;
  // For each log that exists: what had been written when it was created.
  std::map<uint64_t, WrittenPoint> noted_;
};

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_LEVELDB_DURABILITY_H_
