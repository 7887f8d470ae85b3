// What engines and snapshots do with folders so that they survive a crash.
#ifndef FLOTILLA_STORAGE_DURABLE_FOLDER_H_
#define FLOTILLA_STORAGE_DURABLE_FOLDER_H_

#include <string>

#include "absl/status/status.h"
#include "base/disk.h"

namespace flotilla::storage {

// Makes the names in `folder`, its own name and its parent's name durable: a replica's folder is
// shards/<shard>/<generation>, and both parts may be new.
absl::Status SyncFolderAndParents(Disk& disk, const std::string& folder);

// Creates it, unless it is there already. kAlreadyExists, nothing changed, when it is not empty.
absl::Status CreateEmptyFolder(Disk& disk, const std::string& folder);

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_DURABLE_FOLDER_H_
