#include "storage/durable_folder.h"

#include "base/status_macros.h"

namespace flotilla::storage {

absl::Status SyncFolderAndParents(Disk& disk, const std::string& folder) {
  FLOTILLA_RETURN_IF_ERROR(disk.SyncDir(folder));
  const std::string parent = ParentFolder(folder);
  FLOTILLA_RETURN_IF_ERROR(disk.SyncDir(parent));
  if (parent == "." || parent == "/") return absl::OkStatus();
  return disk.SyncDir(ParentFolder(parent));
}

}  // namespace flotilla::storage
