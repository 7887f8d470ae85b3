#include "storage/leveldb_database.h"

#include <utility>

#include "base/coding.h"
#include "base/status_macros.h"
#include "storage/durable_folder.h"
#include "storage/format_kinds.h"
#include "storage/leveldb_recovery.h"
#include "storage/leveldb_status.h"

namespace flotilla::storage {
namespace {

// None when no batch was ever written.
absl::StatusOr<LogIndex> ReadAppliedRow(const LevelDBDatabase& database) {
  std::string row;
  const leveldb::Status found =
      database.db->Get(LevelDBReading(nullptr), ToSlice(kAppliedKey), &row);
  if (found.IsNotFound()) return LogIndex();
  if (!found.ok()) return database.Explain(found);
  return DecodeAppliedRow(row);
}

}  // namespace

std::string EncodeAppliedRow(LogIndex index) {
  std::string row;
  PutFormatHeader(row, kAppliedRowKind, 1);
  PutFixed64(row, index.value());
  return row;
}

absl::StatusOr<LogIndex> DecodeAppliedRow(std::string_view row) {
  Decoder in(row);
  FLOTILLA_RETURN_IF_ERROR(ReadFormatHeader(in, kAppliedRowKind, 1, "applied row"));
  const LogIndex index(in.Fixed64());
  FLOTILLA_RETURN_IF_ERROR(in.Finish("applied row"));
  return index;
}

leveldb::ReadOptions LevelDBReading(const leveldb::Snapshot* snapshot) {
  leveldb::ReadOptions options;
  options.verify_checksums = true;
  options.snapshot = snapshot;
  return options;
}

// LevelDB waits for its background job when it is deleted.
LevelDBDatabase::~LevelDBDatabase() { pool.Settle(); }

absl::Status LevelDBDatabase::Explain(const leveldb::Status& status) const {
  absl::Status ours = FromLevelDB(status);
  if (!absl::IsUnavailable(ours)) return ours;
  const absl::Status failure = env->failure();
  return failure.ok() ? ours : Annotate(failure, StdView(ours.message()));
}

absl::StatusOr<std::shared_ptr<LevelDBDatabase>> LevelDBOpener::Open(
    const std::string& folder, LevelDBEnv::Mode mode, std::string_view note, bool create,
    LevelDBEnv::DurableListener listener, TableSizes sizes) const {
  FLOTILLA_ASSIGN_OR_RETURN(const FolderState found,
                            InspectLevelDBFolder(world.disk, folder, note, sizes));
  if (!found.exists && !create) return absl::NotFoundError(folder + " has no database");
  if (!found.exists) {
    FLOTILLA_RETURN_IF_ERROR(world.disk.CreateFolder(folder));
    FLOTILLA_RETURN_IF_ERROR(world.Synced(SyncFolderAndParents(world.disk, folder)));
  }
  auto database = std::make_shared<LevelDBDatabase>(
      world.pool, std::make_unique<LevelDBEnv>(world, folder, mode, found, std::move(listener)));
  leveldb::Options with_env = options;
  with_env.env = database->env.get();
  with_env.create_if_missing = !found.exists;
  leveldb::DB* db = nullptr;
  const leveldb::Status opened = leveldb::DB::Open(with_env, folder, &db);
  database->db.reset(db);
  if (!opened.ok()) return Annotate(database->Explain(opened), folder);
  world.pool.Settle();
  FLOTILLA_ASSIGN_OR_RETURN(const LogIndex index, ReadAppliedRow(*database));
  database->env->Opened(index);
  return database;
}

}  // namespace flotilla::storage
