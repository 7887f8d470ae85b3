// The engine on LevelDB 1.23, one database per replica, without LevelDB's own log: leveldb_env.h
// says how it survives crashes, leveldb_durability.h how it knows what has.
#ifndef FLOTILLA_STORAGE_LEVELDB_ENGINE_H_
#define FLOTILLA_STORAGE_LEVELDB_ENGINE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "leveldb/write_batch.h"
#include "storage/engine.h"
#include "storage/leveldb_database.h"

namespace flotilla::storage {

struct LevelDBOptions {
  // Of one database. A node's budget is the owner's: it flushes the largest memtable
  // (EngineStats::memtable_bytes) first.
  size_t write_buffer_bytes = 8 << 20;
  size_t table_bytes = 4 << 20;
  int max_open_files = 256;
  // Shared by all databases of a source.
  size_t block_cache_bytes = 128 << 20;
  // Above this the database is reopened, which starts a new MANIFEST.
  uint64_t manifest_bytes_max = 4 << 20;
  // Writes are refused while the disk has less free: compaction needs room to make room.
  uint64_t reserved_disk_bytes = 64 << 20;
};

class LevelDBEngine : public Engine {
 public:
  static absl::StatusOr<std::unique_ptr<Engine>> Open(const LevelDBOptions& options,
                                                      const LevelDBOpener& opener,
                                                      const std::string& folder,
                                                      std::string_view note, bool create,
                                                      TableSizes sizes = TableSizes::kChecked);
  ~LevelDBEngine() override;

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override;
  std::unique_ptr<RowIterator> NewIterator() const override;
  absl::Status Write(const WriteBatch& batch, LogIndex applied) override;
  absl::StatusOr<std::unique_ptr<StateReader>> OpenView() const override;
  absl::Status Flush() override;
  void SetDurableListener(absl::AnyInvocable<void(DurablePoint)> listener) override;
  DurablePoint Durable() const override;
  absl::StatusOr<std::string> Checkpoint(const std::string& folder) override;
  EngineStats Stats() const override;

 private:
  LevelDBEngine(const LevelDBOptions& options, const LevelDBOpener& opener, std::string folder)
      : options_(options), opener_(opener), folder_(std::move(folder)) {}

  absl::Status OpenDatabase(std::string_view note, bool create,
                            TableSizes sizes = TableSizes::kChecked)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_mu_);
  absl::StatusOr<std::shared_ptr<LevelDBDatabase>> database() const;
  void OnDurable(const WrittenPoint& point, const ManifestPosition& position);
  void TellDurable();
  void FillRows(const WriteBatch& batch, LogIndex applied);
  // kResourceExhausted when the disk is nearly full. Asks the disk now and then only.
  absl::Status CheckSpace(size_t batch_bytes);
  absl::Status ReopenWhenManifestIsLarge();
  // False when it cannot be done now: a view is open, or not everything is durable. After an error
  // the database is closed, until OpenAgain.
  absl::StatusOr<bool> Reopen();
  absl::Status OpenAgain();
  // Asked for after every batch, so it is computed only when tables have changed.
  uint64_t TableBytes(LevelDBDatabase& open) const;

  const LevelDBOptions options_;
  const LevelDBOpener& opener_;
  const std::string folder_;

  // The writer's.
  leveldb::WriteBatch rows_;
  LogIndex applied_;
  uint64_t bytes_until_space_check_ = 0;
  uint64_t reopen_at_manifest_bytes_ = 0;

  // Apart from database_mu_, because closing a database waits for a background job that may be
  // about to report.
  mutable Mutex durable_mu_;
  DurablePoint durable_ ABSL_GUARDED_BY(durable_mu_);
  // Shared with a call that is under way.
  std::shared_ptr<absl::AnyInvocable<void(DurablePoint)>> listener_ ABSL_GUARDED_BY(durable_mu_);

  mutable Mutex database_mu_ ABSL_ACQUIRED_BEFORE(durable_mu_);
  mutable uint64_t table_bytes_ ABSL_GUARDED_BY(database_mu_) = 0;
  // LevelDBEnv::removals()
  mutable uint64_t table_bytes_as_of_ ABSL_GUARDED_BY(database_mu_) = UINT64_MAX;
  // An error when the database could not be opened again. The last member: what a background job
  // reports to must still be there while the database closes.
  absl::StatusOr<std::shared_ptr<LevelDBDatabase>> database_ ABSL_GUARDED_BY(database_mu_);
};

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_LEVELDB_ENGINE_H_
