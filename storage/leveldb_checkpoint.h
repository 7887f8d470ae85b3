// Copies an open LevelDB database without stopping it, by hard links.
#ifndef FLOTILLA_STORAGE_LEVELDB_CHECKPOINT_H_
#define FLOTILLA_STORAGE_LEVELDB_CHECKPOINT_H_

#include <string>

#include "absl/status/statusor.h"
#include "base/disk.h"
#include "storage/leveldb_env.h"
#include "storage/leveldb_manifest.h"

namespace flotilla::storage {

// Makes `folder` a database of its own with what the synced part of the MANIFEST of the database in
// `from` says: that part is copied, the tables that it names are linked, for tables never change.
// Returns the note of the copy, nothing of which but the tables is durable: a database that is
// opened for writing makes a MANIFEST and a CURRENT of its own so.
absl::StatusOr<ManifestPosition> CopyLevelDB(Disk& disk, LevelDBEnv& env, const std::string& from,
                                             const std::string& folder);

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_LEVELDB_CHECKPOINT_H_
