// The ordered key-value engine that holds one replica's applied state. Two implementations under
// one contract: LevelDB (storage/leveldb_engine.h) and an ordered map for the simulator
// (storage/map_engine.h), held to it by one model test, crashes included.
//
// The Raft log is the engine's only write-ahead log: a write is *not* durable when Write returns.
// After a crash the engine holds the state after some prefix of the batches, not older than the
// last reported durable point; the owner replays the rest. Because the applied index is part of
// every batch, the state itself says where it stands: Durable() right after opening.
//
// All calls block and belong on a Sequence. Write and Flush belong to one writer; everything else
// may run in parallel with it, on other sequences. Views and iterators go before their engine.
#ifndef FLOTILLA_STORAGE_ENGINE_H_
#define FLOTILLA_STORAGE_ENGINE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"

namespace flotilla::storage {

// Walks rows in key order (bytewise). Views are valid until the next move. After an error Valid()
// is false and status() says why.
class RowIterator {
 public:
  virtual ~RowIterator() = default;
  virtual void Seek(std::string_view key) = 0;         // first row at or after key
  virtual void SeekForPrev(std::string_view key) = 0;  // last row at or before key
  virtual void Next() = 0;
  virtual void Prev() = 0;
  virtual bool Valid() const = 0;
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
  virtual absl::Status status() const = 0;
};

// A state to read from.
class StateReader {
 public:
  virtual ~StateReader() = default;
  // nullopt when the row does not exist. kDataLoss on corruption: the replica must be dropped.
  // Other errors are the disk's and may pass.
  virtual absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const = 0;
  virtual std::unique_ptr<RowIterator> NewIterator() const = 0;
};

// Rows to put and delete, atomically; later operations on a key win. The empty key is the engine's.
class WriteBatch {
 public:
  struct Operation {
    std::string key;
    std::optional<std::string> value;  // nullopt deletes
  };

  void Put(std::string key, std::string value) {
    bytes_ += key.size() + value.size();
    operations_.push_back({std::move(key), std::move(value)});
  }
  void Delete(std::string key) {
    bytes_ += key.size();
    operations_.push_back({std::move(key), std::nullopt});
  }
  // Everything of `later`, after what is here.
  void Append(WriteBatch later) {
    bytes_ += later.bytes_;
    for (Operation& operation : later.operations_) operations_.push_back(std::move(operation));
  }
  // Leaves one operation per key among those from `first` on. `place` is told a position and tells
  // where the first operation on the same key stands: there, or before.
  template <typename Place>
  void Merge(size_t first, Place place) {
    size_t end = first;
    for (size_t from = first; from < operations_.size(); ++from) {
      if (from != end) operations_[end] = std::move(operations_[from]);
      const size_t at = place(end);
      if (at == end) {
        ++end;
        continue;
      }
      Operation& earlier = operations_[at];
      bytes_ -= earlier.key.size() + (earlier.value.has_value() ? earlier.value->size() : 0);
      earlier.value = std::move(operations_[end].value);
    }
    operations_.resize(end);
  }
  void Clear() {
    operations_.clear();
    bytes_ = 0;
  }
  const std::vector<Operation>& operations() const { return operations_; }
  size_t bytes() const { return bytes_; }
  bool empty() const { return operations_.empty(); }

 private:
  std::vector<Operation> operations_;
  size_t bytes_ = 0;
};

// How far the state is proven durable.
struct DurablePoint {
  LogIndex index;
  // What must be remembered durably outside (in the log's CompactRecord) *before* anything relies
  // on `index`, and given back at the next open: for LevelDB the synced length of its MANIFEST.
  std::string note;
};

struct EngineStats {
  uint64_t bytes = 0;           // of all rows, about
  uint64_t memtable_bytes = 0;  // written and not yet durable
  int level0_files = 0;
  bool stalled = false;  // a Write now would wait for compaction: admit less
};

class Engine : public StateReader {
 public:
  // Applies the batch; visible to readers on return. `applied` is the index that it brings the
  // state to, remembered by the engine together with the batch. Indices never decrease; of several
  // batches with one index, the later ones may be missing where that index is reported durable.
  //
  // May wait for compaction. On an error nothing was applied:
  //   kResourceExhausted  the disk is full; the same batch may be tried again later;
  //   kDataLoss           the state is damaged: the replica must be dropped;
  //   else                a background job failed: the engine takes no more writes until it is
  //                       opened again (and the log replayed). Reads go on.
  virtual absl::Status Write(const WriteBatch& batch, LogIndex applied) = 0;

  // A consistent view of the state as of now, unaffected by later writes. Thread-safe.
  virtual absl::StatusOr<std::unique_ptr<StateReader>> OpenView() const = 0;

  // Asks that everything written so far becomes durable soon; only the durable listener tells that
  // it has. May wait for compaction, as Write. Does nothing when all is durable. Errors: as
  // Write's.
  virtual absl::Status Flush() = 0;

  // Called when more has been proven durable. From any thread, also from inside Write. Set before
  // the first Write. A later one takes its place, for what is proven from then on.
  virtual void SetDurableListener(absl::AnyInvocable<void(DurablePoint)> listener) = 0;
  // The point known at open (read from the database), or reported last.
  virtual DurablePoint Durable() const = 0;

  // Copies a durable state, not older than Durable() at the time of the call, into `folder`, which
  // is created unless it is there and empty. What is not flushed is not in it: Flush and wait for
  // the listener before, while writes go on. Returns the note to open it with: through
  // EngineSource::OpenReadOnly, or as an engine of its own. A copy that was never opened as one is
  // gone after a crash, for snapshots need no more; once it is, all but the names of the folder and
  // of its parents is durable. After an error other than kAlreadyExists, what there is of the
  // folder is garbage.
  virtual absl::StatusOr<std::string> Checkpoint(const std::string& folder) = 0;

  virtual EngineStats Stats() const = 0;
};

// Opens engines in folders.
class EngineSource {
 public:
  virtual ~EngineSource() = default;
  // `note` is the DurablePoint::note that the log holds for this folder, empty when none.
  // A missing folder is created empty when `create`, else kNotFound. kDataLoss when damaged: the
  // caller drops the replica, nobody repairs it. kUnimplemented when of a newer format. A folder
  // may be open once.
  virtual absl::StatusOr<std::unique_ptr<Engine>> Open(const std::string& folder,
                                                       std::string_view note, bool create) = 0;
  // The same for what an engine of this source has just made by Checkpoint, which returned the
  // note: a shard waits for it while it is split. What was known of the files when they were copied
  // may be believed.
  virtual absl::StatusOr<std::unique_ptr<Engine>> OpenCopy(const std::string& folder,
                                                           std::string_view note) {
    return Open(folder, note, /*create=*/false);
  }

  // Reads a folder that is open nowhere (a checkpoint) without changing anything in it.
  virtual absl::StatusOr<std::unique_ptr<StateReader>> OpenReadOnly(const std::string& folder,
                                                                    std::string_view note) = 0;
};

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_ENGINE_H_
