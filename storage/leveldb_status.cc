#include "storage/leveldb_status.h"

#include <string>

#include "base/status_macros.h"

namespace flotilla::storage {

leveldb::Status ToLevelDB(const absl::Status& status) {
  const leveldb::Slice message = ToSlice(StdView(status.message()));
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return leveldb::Status::OK();
    case absl::StatusCode::kNotFound:
      return leveldb::Status::NotFound(message);
    case absl::StatusCode::kDataLoss:
      return leveldb::Status::Corruption(message);
    default:
      return leveldb::Status::IOError(message);
  }
}

absl::Status FromLevelDB(const leveldb::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const std::string message = status.ToString();
  if (status.IsNotFound()) return absl::NotFoundError(message);
  if (status.IsCorruption()) return absl::DataLossError(message);
  // A comparator or a format that this build does not know, or a folder without a database.
  if (status.IsInvalidArgument() || status.IsNotSupportedError()) {
    return absl::DataLossError(message);
  }
  return absl::UnavailableError(message);
}

}  // namespace flotilla::storage
