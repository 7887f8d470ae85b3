// LevelDB's kinds of files over the Disk port.
#ifndef FLOTILLA_STORAGE_LEVELDB_FILES_H_
#define FLOTILLA_STORAGE_LEVELDB_FILES_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "base/disk.h"
#include "leveldb/env.h"

namespace flotilla::storage {

// Reads from the start; sees nothing beyond `visible_bytes`.
class LevelDBSequentialFile : public leveldb::SequentialFile {
 public:
  LevelDBSequentialFile(std::unique_ptr<File> file, uint64_t visible_bytes)
      : file_(std::move(file)), visible_bytes_(visible_bytes) {}

  leveldb::Status Read(size_t n, leveldb::Slice* result, char* scratch) override;
  leveldb::Status Skip(uint64_t n) override;

 private:
  const std::unique_ptr<File> file_;
  const uint64_t visible_bytes_;
  uint64_t offset_ = 0;
};

// Several threads may read at once, as File::Read allows.
class LevelDBRandomAccessFile : public leveldb::RandomAccessFile {
 public:
  explicit LevelDBRandomAccessFile(std::unique_ptr<File> file) : file_(std::move(file)) {}

  leveldb::Status Read(uint64_t offset, size_t n, leveldb::Slice* result,
                       char* scratch) const override;

 private:
  const std::unique_ptr<File> file_;
};

// Who is asked and told about a written file, on the thread that writes.
struct WritableFileEvents {
  // Before every write and sync: not OK when nothing may be written any more.
  std::function<absl::Status()> allowed;
  // After a successful Sync of the first `bytes` bytes; its error is the Sync's.
  std::function<absl::Status(uint64_t bytes)> synced;
  // A Sync or Close failed: what is on the disk is unknown, and it is never tried again.
  std::function<void(const absl::Status&)> sync_failed;
  // A write failed; LevelDB takes the file back or gives up.
  std::function<void(const absl::Status&)> write_failed;
};

// Collects small appends.
class LevelDBWritableFile : public leveldb::WritableFile {
 public:
  LevelDBWritableFile(std::unique_ptr<File> file, WritableFileEvents events)
      : file_(std::move(file)), events_(std::move(events)) {}

  leveldb::Status Append(const leveldb::Slice& data) override;
  leveldb::Status Close() override;
  leveldb::Status Flush() override;
  leveldb::Status Sync() override;

 private:
  absl::Status WriteBuffer();
  absl::Status SyncAll();

  const std::unique_ptr<File> file_;
  const WritableFileEvents events_;
  std::string buffer_;
  uint64_t written_ = 0;
};

// Forgets what is written: LevelDB's own log, which the Raft log replaces.
class LevelDBNullFile : public leveldb::WritableFile {
 public:
  leveldb::Status Append(const leveldb::Slice&) override { return leveldb::Status::OK(); }
  leveldb::Status Close() override { return leveldb::Status::OK(); }
  leveldb::Status Flush() override { return leveldb::Status::OK(); }
  leveldb::Status Sync() override { return leveldb::Status::OK(); }
};

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_LEVELDB_FILES_H_
