// Errors across the border to LevelDB, whose Status has fewer codes than ours.
#ifndef FLOTILLA_STORAGE_LEVELDB_STATUS_H_
#define FLOTILLA_STORAGE_LEVELDB_STATUS_H_

#include <string_view>

#include "absl/status/status.h"
#include "leveldb/slice.h"
#include "leveldb/status.h"

namespace flotilla::storage {

// kNotFound and kDataLoss keep their meaning; everything else becomes an IOError.
leveldb::Status ToLevelDB(const absl::Status& status);
// An IOError becomes kUnavailable; whoever knows better (LevelDBEnv::failure) says better.
absl::Status FromLevelDB(const leveldb::Status& status);

inline leveldb::Slice ToSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
inline std::string_view ToView(const leveldb::Slice& slice) { return {slice.data(), slice.size()}; }

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_LEVELDB_STATUS_H_
