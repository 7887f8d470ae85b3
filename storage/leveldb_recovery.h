// Looks at a LevelDB folder before LevelDB does, and decides what a crash explains and what is
// damage. LevelDB itself would take a cut MANIFEST for its end, and find a short table only when it
// reads it.
#ifndef FLOTILLA_STORAGE_LEVELDB_RECOVERY_H_
#define FLOTILLA_STORAGE_LEVELDB_RECOVERY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/disk.h"

namespace flotilla::storage {

// What LevelDB puts into its folder.
struct LevelDBFileName {
  enum class Kind { kLog, kTable, kManifest, kTemporary, kOther };
  Kind kind = Kind::kOther;
  uint64_t number = 0;

  // Of a path or a bare name.
  static LevelDBFileName Parse(std::string_view path);
};
std::string LevelDBManifestName(uint64_t number);
std::string LevelDBTableName(uint64_t number);

struct FolderState {
  // CURRENT exists, so there is a database.
  bool exists = false;
  // The MANIFEST that CURRENT names, and how many of its bytes LevelDB may see.
  uint64_t manifest_number = 0;
  uint64_t manifest_bytes = 0;
};

// Whether the sizes of all tables are looked up. There may be thousands.
enum class TableSizes { kChecked, kKnown };

// `note` is what the last compaction of the Raft log remembered (DurablePoint::note), empty when
// none. kDataLoss when the folder lacks anything that was synced: a file, a table's full size, a
// record of the MANIFEST. A folder whose creation was interrupted does not exist.
absl::StatusOr<FolderState> InspectLevelDBFolder(Disk& disk, const std::string& folder,
                                                 std::string_view note,
                                                 TableSizes sizes = TableSizes::kChecked);

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_LEVELDB_RECOVERY_H_
