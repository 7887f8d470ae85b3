#include "storage/leveldb_engine.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/check.h"
#include "base/status_macros.h"
#include "storage/leveldb_checkpoint.h"
#include "storage/leveldb_reader.h"
#include "storage/leveldb_status.h"

namespace flotilla::storage {
namespace {

// Where LevelDB begins to slow writes down (db/dbformat.h, kL0_SlowdownWritesTrigger).
constexpr int kLevel0SlowdownFiles = 8;

// Above every key that an owner can make, for keys are bounded.
const std::string& TopKey() {
  static const std::string kKey(64, '\xff');
  return kKey;
}

int Level0Files(leveldb::DB& db) {
  std::string text;
  int files = 0;
  FLOTILLA_CHECK(db.GetProperty("leveldb.num-files-at-level0", &text));
  std::from_chars(text.data(), text.data() + text.size(), files);
  return files;
}

// After a failed background job LevelDB refuses writes for good. A full disk must not sound as if
// the same call could succeed later: only CheckSpace's refusal means that.
absl::Status FailedInBackground(const absl::Status& status) {
  if (!absl::IsResourceExhausted(status)) return status;
  return absl::UnavailableError("the engine must be opened again: " +
                                std::string(StdView(status.message())));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> LevelDBEngine::Open(const LevelDBOptions& options,
                                                            const LevelDBOpener& opener,
                                                            const std::string& folder,
                                                            std::string_view note, bool create,
                                                            TableSizes sizes) {
  std::unique_ptr<LevelDBEngine> engine(new LevelDBEngine(options, opener, folder));
  MutexLock lock(engine->database_mu_);
  FLOTILLA_RETURN_IF_ERROR(engine->OpenDatabase(note, create, sizes));
  return engine;
}

LevelDBEngine::~LevelDBEngine() {
  MutexLock lock(database_mu_);
  FLOTILLA_CHECK_MSG(!database_.ok() || database_->use_count() == 1,
                     "views and iterators must go before their engine");
}

absl::Status LevelDBEngine::OpenDatabase(std::string_view note, bool create, TableSizes sizes) {
  database_ = opener_.Open(
      folder_, LevelDBEnv::Mode::kReadWrite, note, create,
      [this](WrittenPoint point, ManifestPosition position) { OnDurable(point, position); }, sizes);
  FLOTILLA_RETURN_IF_ERROR(database_.status());
  const LevelDBEnv& env = *(*database_)->env;
  const ManifestPosition position = env.manifest();
  applied_ = env.durability().durable().index;
  {
    MutexLock lock(durable_mu_);
    durable_ = {.index = applied_, .note = EncodeManifestPosition(position)};
  }
  reopen_at_manifest_bytes_ = position.synced_bytes + options_.manifest_bytes_max;
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<LevelDBDatabase>> LevelDBEngine::database() const {
  MutexLock lock(database_mu_);
  return database_;
}

// --- Reading.

absl::StatusOr<std::optional<std::string>> LevelDBEngine::Get(std::string_view key) const {
  FLOTILLA_ASSIGN_OR_RETURN(const std::shared_ptr<LevelDBDatabase> open, database());
  return GetRow(*open, nullptr, key);
}

std::unique_ptr<RowIterator> LevelDBEngine::NewIterator() const {
  const absl::StatusOr<std::shared_ptr<LevelDBDatabase>> open = database();
  return open.ok() ? NewRowIterator(*open, nullptr) : NewFailedRowIterator(open.status());
}

absl::StatusOr<std::unique_ptr<StateReader>> LevelDBEngine::OpenView() const {
  FLOTILLA_ASSIGN_OR_RETURN(std::shared_ptr<LevelDBDatabase> open, database());
  return std::make_unique<LevelDBView>(std::move(open));
}

// --- Writing.

void LevelDBEngine::FillRows(const WriteBatch& batch, LogIndex applied) {
  rows_.Clear();
  for (const WriteBatch::Operation& operation : batch.operations()) {
    FLOTILLA_CHECK_MSG(operation.key != kAppliedKey, "the empty key is the engine's");
    if (operation.value.has_value()) {
      rows_.Put(operation.key, *operation.value);
    } else {
      rows_.Delete(operation.key);
    }
  }
  rows_.Put(ToSlice(kAppliedKey), EncodeAppliedRow(applied));
}

absl::Status LevelDBEngine::Write(const WriteBatch& batch, LogIndex applied) {
  FLOTILLA_CHECK_GE(applied, applied_);
  FLOTILLA_RETURN_IF_ERROR(CheckSpace(batch.bytes()));
  FLOTILLA_RETURN_IF_ERROR(ReopenWhenManifestIsLarge());
  FLOTILLA_ASSIGN_OR_RETURN(const std::shared_ptr<LevelDBDatabase> open, database());
  FillRows(batch, applied);
  const leveldb::Status written = open->db->Write(leveldb::WriteOptions(), &rows_);
  open->pool.Settle();
  if (!written.ok()) return FailedInBackground(open->Explain(written));
  open->env->BatchReturned(applied, rows_.ApproximateSize());
  applied_ = applied;
  return absl::OkStatus();
}

// LevelDB's CompactRange waits for the running compaction, and while it waits for its turn behind a
// Write it is forgotten (BuildBatchGroup takes it along). What it does first is this: a null batch
// forces a new memtable. On the writer's own sequence it can neither wait long nor be forgotten.
absl::Status LevelDBEngine::Flush() {
  FLOTILLA_ASSIGN_OR_RETURN(const std::shared_ptr<LevelDBDatabase> open, database());
  const LevelDBDurability known = open->env->durability();
  if (known.durable().batches == known.written().batches) return absl::OkStatus();
  const leveldb::Status started = open->db->Write(leveldb::WriteOptions(), nullptr);
  open->pool.Settle();
  return FailedInBackground(open->Explain(started));
}

absl::Status LevelDBEngine::CheckSpace(size_t batch_bytes) {
  if (batch_bytes < bytes_until_space_check_) {
    bytes_until_space_check_ -= batch_bytes;
    return absl::OkStatus();
  }
  bytes_until_space_check_ = 0;
  FLOTILLA_ASSIGN_OR_RETURN(const uint64_t free, opener_.world.disk.FreeBytes(folder_));
  if (free < options_.reserved_disk_bytes) {
    return absl::ResourceExhaustedError("the disk is full: " + std::to_string(free) +
                                        " bytes free, " +
                                        std::to_string(options_.reserved_disk_bytes) + " needed");
  }
  bytes_until_space_check_ = options_.write_buffer_bytes / 4;
  return absl::OkStatus();
}

// --- Durability.

void LevelDBEngine::SetDurableListener(absl::AnyInvocable<void(DurablePoint)> listener) {
  auto shared = std::make_shared<absl::AnyInvocable<void(DurablePoint)>>(std::move(listener));
  MutexLock lock(durable_mu_);
  listener_ = std::move(shared);
}

DurablePoint LevelDBEngine::Durable() const {
  MutexLock lock(durable_mu_);
  return durable_;
}

void LevelDBEngine::OnDurable(const WrittenPoint& point, const ManifestPosition& position) {
  {
    MutexLock lock(durable_mu_);
    durable_ = {.index = point.index, .note = EncodeManifestPosition(position)};
  }
  TellDurable();
}

void LevelDBEngine::TellDurable() {
  std::shared_ptr<absl::AnyInvocable<void(DurablePoint)>> listener;
  DurablePoint durable;
  {
    MutexLock lock(durable_mu_);
    listener = listener_;
    durable = durable_;
  }
  if (listener != nullptr) (*listener)(std::move(durable));
}

absl::StatusOr<std::string> LevelDBEngine::Checkpoint(const std::string& folder) {
  FLOTILLA_ASSIGN_OR_RETURN(const std::shared_ptr<LevelDBDatabase> open, database());
  FLOTILLA_ASSIGN_OR_RETURN(const ManifestPosition position,
                            CopyLevelDB(opener_.world.disk, *open->env, folder_, folder));
  return EncodeManifestPosition(position);
}

// --- A MANIFEST only grows while the database is open.

absl::Status LevelDBEngine::ReopenWhenManifestIsLarge() {
  {
    const absl::StatusOr<std::shared_ptr<LevelDBDatabase>> found = database();
    if (!found.ok()) return OpenAgain();
    LevelDBDatabase* const open = found->get();
    if (open->env->manifest().synced_bytes < reopen_at_manifest_bytes_) return absl::OkStatus();
    // What is in memtables would be lost.
    FLOTILLA_RETURN_IF_ERROR(Flush());
    const LevelDBDurability known = open->env->durability();
    if (known.durable().batches < known.written().batches) {
      // Returns when there is no old memtable left, or when it could not be written.
      const leveldb::Slice top = TopKey();
      open->db->CompactRange(&top, &top);
    }
  }
  FLOTILLA_ASSIGN_OR_RETURN(const bool reopened, Reopen());
  if (reopened) TellDurable();
  return absl::OkStatus();
}

absl::StatusOr<bool> LevelDBEngine::Reopen() {
  // Held all the time, so that no view is opened meanwhile.
  MutexLock lock(database_mu_);
  const LevelDBDurability known = (*database_)->env->durability();
  const bool all_durable = known.durable().batches == known.written().batches;
  if (!all_durable || database_->use_count() > 1) return false;
  table_bytes_as_of_ = UINT64_MAX;
  database_ = absl::UnavailableError("the database is closed");
  // Only now: the job that made everything durable may have reported while it closed.
  FLOTILLA_RETURN_IF_ERROR(OpenDatabase(Durable().note, /*create=*/false));
  return true;
}

// What was missing when it was closed, space or a descriptor, may be there now. Nothing is lost:
// all was durable then.
absl::Status LevelDBEngine::OpenAgain() {
  {
    MutexLock lock(database_mu_);
    FLOTILLA_RETURN_IF_ERROR(OpenDatabase(Durable().note, /*create=*/false));
  }
  TellDurable();
  return absl::OkStatus();
}

uint64_t LevelDBEngine::TableBytes(LevelDBDatabase& open) const {
  const uint64_t removals = open.env->removals();
  MutexLock lock(database_mu_);
  if (table_bytes_as_of_ != removals) {
    const leveldb::Range everything(leveldb::Slice(), TopKey());
    open.db->GetApproximateSizes(&everything, 1, &table_bytes_);
    table_bytes_as_of_ = removals;
  }
  return table_bytes_;
}

EngineStats LevelDBEngine::Stats() const {
  EngineStats stats;
  const absl::StatusOr<std::shared_ptr<LevelDBDatabase>> open = database();
  if (!open.ok()) return stats;
  const LevelDBDurability known = (*open)->env->durability();
  stats.memtable_bytes = known.written().bytes - known.durable().bytes;
  stats.bytes = TableBytes(**open) + stats.memtable_bytes;
  stats.level0_files = Level0Files(*(*open)->db);
  const bool memtables_full =
      known.flushing() && known.filling_bytes() > options_.write_buffer_bytes * 3 / 4;
  stats.stalled = memtables_full || stats.level0_files >= kLevel0SlowdownFiles;
  return stats;
}

}  // namespace flotilla::storage
