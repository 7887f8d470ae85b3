// The world that one LevelDB database lives in: our Disk, clock and background threads, and the
// rules that close LevelDB's crash holes (design brief, section 5):
//
//   - its log goes nowhere, for the Raft log is the write-ahead log; see leveldb_durability.h;
//   - a table and its name are synced before the MANIFEST names it, the MANIFEST and CURRENT and
//     their names before anything relies on them (leveldb#195, #196: LevelDB syncs no folder);
//   - a failed sync is reported once through on_fatal, and nothing is written any more;
//   - a file is unlinked before one of its name is created, so that a table that a checkpoint
//     shares (hard link) is never truncated;
//   - the end of the MANIFEST that a power cut tore is hidden (leveldb_recovery.h);
//   - while a checkpoint is made, no table is removed.
//
// One per open database; thread-safe; outlives it.
#ifndef FLOTILLA_STORAGE_LEVELDB_ENV_H_
#define FLOTILLA_STORAGE_LEVELDB_ENV_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "base/background_pool.h"
#include "base/clock.h"
#include "base/disk.h"
#include "base/mutex.h"
#include "leveldb/env.h"
#include "storage/leveldb_durability.h"
#include "storage/leveldb_manifest.h"
#include "storage/leveldb_recovery.h"

namespace flotilla::storage {

// What a database needs from the node. References outlive it.
struct LevelDBWorld {
  Disk& disk;
  Clock& clock;
  BackgroundPool& pool;
  // A sync failed: the process (or simulated node) must stop. From any thread.
  const std::function<void(const absl::Status&)>& on_fatal;

  // Passes the result of a sync on; a failed one is fatal.
  absl::Status Synced(absl::Status result) const {
    if (!result.ok()) on_fatal(result);
    return result;
  }
};

class LevelDBEnv final : public leveldb::Env {
 public:
  // kReadOnly never changes the folder: what would be written is forgotten.
  enum class Mode { kReadWrite, kReadOnly };
  // More has been proven durable; the MANIFEST is synced up to `position`.
  using DurableListener = std::function<void(WrittenPoint, ManifestPosition position)>;

  LevelDBEnv(const LevelDBWorld& world, std::string folder, Mode mode, FolderState found,
             DurableListener listener);

  // --- What the engine tells and asks.

  // LevelDB is open and contains everything up to `index`.
  void Opened(LogIndex index);
  void BatchReturned(LogIndex index, uint64_t bytes);
  // A copy of what is known: written, durable, in flight.
  LevelDBDurability durability() const;
  // Counts removals of logs and tables: each follows a change of what the tables hold.
  uint64_t removals() const;
  // The MANIFEST in use and how much of it is synced.
  ManifestPosition manifest() const;
  // The first error of the disk, the reason of LevelDB's IOError. OK when there was none.
  absl::Status failure() const;

  // While one exists, tables stay; the last one removes those that LevelDB gave up meanwhile.
  class RemovalPause {
   public:
    explicit RemovalPause(LevelDBEnv& env);
    ~RemovalPause();
    RemovalPause(const RemovalPause&) = delete;
    RemovalPause& operator=(const RemovalPause&) = delete;

   private:
    LevelDBEnv& env_;
  };

  // --- leveldb::Env.

  leveldb::Status NewSequentialFile(const std::string& path,
                                    leveldb::SequentialFile** result) override;
  leveldb::Status NewRandomAccessFile(const std::string& path,
                                      leveldb::RandomAccessFile** result) override;
  leveldb::Status NewWritableFile(const std::string& path, leveldb::WritableFile** result) override;
  bool FileExists(const std::string& path) override;
  leveldb::Status GetChildren(const std::string& folder, std::vector<std::string>* result) override;
  leveldb::Status RemoveFile(const std::string& path) override;
  leveldb::Status CreateDir(const std::string& folder) override;
  leveldb::Status RemoveDir(const std::string& folder) override;
  leveldb::Status GetFileSize(const std::string& path, uint64_t* size) override;
  leveldb::Status RenameFile(const std::string& from, const std::string& to) override;
  leveldb::Status LockFile(const std::string& path, leveldb::FileLock** lock) override;
  leveldb::Status UnlockFile(leveldb::FileLock* lock) override;
  void Schedule(void (*function)(void*), void* argument) override;
  void StartThread(void (*function)(void*), void* argument) override;
  leveldb::Status GetTestDirectory(std::string* path) override;
  leveldb::Status NewLogger(const std::string& path, leveldb::Logger** result) override;
  uint64_t NowMicros() override;
  void SleepForMicroseconds(int micros) override;

 private:
  absl::Status CreateEmptyLog(const std::string& path, uint64_t number);
  absl::Status CreateFresh(const std::string& path, std::unique_ptr<File>* file);
  void LogRemoved(uint64_t number);
  // A file of this name is synced up to `bytes`.
  absl::Status Synced(const std::string& path, uint64_t bytes);
  void Fatal(const absl::Status& status);
  leveldb::Status Remember(const absl::Status& status);
  // Not OK after a fatal error: nothing may change any more.
  absl::Status CheckAlive() const;
  // Counts it. True when it must wait for the end of a checkpoint.
  bool DeferRemoval(const std::string& path);
  void EndRemovalPause();

  const LevelDBWorld world_;
  const std::string folder_;
  const Mode mode_;
  const FolderState found_;
  const DurableListener listener_;

  mutable Mutex mu_;
  LevelDBDurability durability_ ABSL_GUARDED_BY(mu_);
  ManifestPosition manifest_ ABSL_GUARDED_BY(mu_);
  uint64_t removals_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
  bool dead_ ABSL_GUARDED_BY(mu_) = false;
  int removal_pauses_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<std::string> deferred_removals_ ABSL_GUARDED_BY(mu_);
};

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_LEVELDB_ENV_H_
