#include "storage/durable_folder.h"

#include <string>
#include <vector>

#include "base/status_macros.h"

namespace flotilla::storage {

absl::Status SyncFolderAndParents(Disk& disk, const std::string& folder) {
  FLOTILLA_RETURN_IF_ERROR(disk.SyncDir(folder));
  const std::string parent = ParentFolder(folder);
  FLOTILLA_RETURN_IF_ERROR(disk.SyncDir(parent));
  if (parent == "." || parent == "/") return absl::OkStatus();
  return disk.SyncDir(ParentFolder(parent));
}

absl::Status CreateEmptyFolder(Disk& disk, const std::string& folder) {
  FLOTILLA_ASSIGN_OR_RETURN(const bool exists, disk.Exists(folder));
  if (!exists) return disk.CreateFolder(folder);
  FLOTILLA_ASSIGN_OR_RETURN(const std::vector<std::string> names, disk.List(folder));
  return names.empty() ? absl::OkStatus() : absl::AlreadyExistsError(folder);
}

}  // namespace flotilla::storage
