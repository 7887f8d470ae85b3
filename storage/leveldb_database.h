// An open LevelDB database with the world it lives in.
#ifndef FLOTILLA_STORAGE_LEVELDB_DATABASE_H_
#define FLOTILLA_STORAGE_LEVELDB_DATABASE_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "leveldb/db.h"
#include "leveldb/options.h"
#include "storage/leveldb_env.h"

namespace flotilla::storage {

struct LevelDBDatabase {
  LevelDBDatabase(BackgroundPool& shared_pool, std::unique_ptr<LevelDBEnv> its_env)
      : pool(shared_pool), env(std::move(its_env)) {}
  ~LevelDBDatabase();

  BackgroundPool& pool;
  // Outlives db.
  const std::unique_ptr<LevelDBEnv> env;
  std::unique_ptr<leveldb::DB> db;

  // Why LevelDB failed, in our codes: the disk's own error where there was one.
  absl::Status Explain(const leveldb::Status& status) const;
};

// How databases of one source are opened. Outlives them.
struct LevelDBOpener {
  LevelDBWorld world;
  leveldb::Options options;  // all but env and create_if_missing

  // `note`, `create` and errors: as EngineSource::Open. `listener` may be null when read-only.
  absl::StatusOr<std::shared_ptr<LevelDBDatabase>> Open(
      const std::string& folder, LevelDBEnv::Mode mode, std::string_view note, bool create,
      LevelDBEnv::DurableListener listener, TableSizes sizes = TableSizes::kChecked) const;
};

// The engine's own row: the applied index, in every batch, under the empty key, which no owner may
// use and no reader sees. It sorts before all others.
inline constexpr std::string_view kAppliedKey = "";
std::string EncodeAppliedRow(LogIndex index);
absl::StatusOr<LogIndex> DecodeAppliedRow(std::string_view row);

// As of now when `snapshot` is null. Checksums are verified.
leveldb::ReadOptions LevelDBReading(const leveldb::Snapshot* snapshot);

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_LEVELDB_DATABASE_H_
