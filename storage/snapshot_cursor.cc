#include "storage/snapshot_cursor.h"

#include "base/check.h"
#include "base/crc32c.h"

namespace flotilla::storage {

void SnapshotCursor::Advance(std::string_view data) {
  FLOTILLA_CHECK_LE(data.size(), left_in_file());
  crc_ = ExtendCrc32c(crc_, data);
  in_file_ += data.size();
}

absl::Status SnapshotCursor::FinishFile() {
  FLOTILLA_CHECK_EQ(left_in_file(), uint64_t{0});
  if (crc_ != file().crc32c) {
    return absl::DataLossError("snapshot file " + file().name + " has a wrong checksum");
  }
  SkipFile();
  return absl::OkStatus();
}

void SnapshotCursor::SkipFile() {
  file_start_ += file().size;
  ++index_;
  in_file_ = 0;
  crc_ = 0;
}

}  // namespace flotilla::storage
