// Reads LevelDB's MANIFEST, the log of edits that says which tables make up the database, as far as
// durability needs it: how much of the file is sound, and which tables it names. The layout is
// LevelDB 1.23's (its doc/log_format.md and db/version_edit.cc).
#ifndef FLOTILLA_STORAGE_LEVELDB_MANIFEST_H_
#define FLOTILLA_STORAGE_LEVELDB_MANIFEST_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace flotilla::storage {

// A length of a MANIFEST that is known to be synced. Encoded, it is the note of a DurablePoint
// (docs/formats.md). An empty note is {0, 0}: nothing is known.
struct ManifestPosition {
  uint64_t number = 0;
  uint64_t synced_bytes = 0;

  friend bool operator==(const ManifestPosition&, const ManifestPosition&) = default;
};
std::string EncodeManifestPosition(const ManifestPosition& position);
absl::StatusOr<ManifestPosition> DecodeManifestPosition(std::string_view note);

struct ManifestContents {
  uint64_t valid_bytes = 0;             // the end of the last whole record
  std::map<uint64_t, uint64_t> tables;  // number -> size, as of valid_bytes
};

// Reads what of `bytes` is sound. An invalid end is left out when it is one record that starts at
// or after `synced_bytes`, for that may be a write that a power cut tore: LevelDB syncs each record
// before it writes the next. All other damage is kDataLoss.
absl::StatusOr<ManifestContents> ReadManifest(std::string_view bytes, uint64_t synced_bytes);

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_LEVELDB_MANIFEST_H_
