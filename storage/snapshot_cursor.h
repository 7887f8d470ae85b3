// A position in the concatenation of a snapshot's files, with the checksum of the file so far.
#ifndef FLOTILLA_STORAGE_SNAPSHOT_CURSOR_H_
#define FLOTILLA_STORAGE_SNAPSHOT_CURSOR_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace flotilla::storage {

struct SnapshotFile {
  std::string name;
  uint64_t size = 0;
  uint32_t crc32c = 0;

  friend bool operator==(const SnapshotFile&, const SnapshotFile&) = default;
};

class SnapshotCursor {
 public:
  explicit SnapshotCursor(std::vector<SnapshotFile> files) : files_(std::move(files)) {}

  // Stands behind the last file.
  bool AtEnd() const { return index_ == files_.size(); }
  const SnapshotFile& file() const { return files_[index_]; }
  // In the concatenation.
  uint64_t offset() const { return file_start_ + in_file_; }
  uint64_t offset_in_file() const { return in_file_; }
  uint64_t left_in_file() const { return file().size - in_file_; }

  void Rewind() { *this = SnapshotCursor(std::move(files_)); }
  // Takes the file's next bytes. Precondition: not more than left_in_file().
  void Advance(std::string_view data);
  // Goes to the next file. Precondition: left_in_file() == 0. kDataLoss when the checksum differs.
  absl::Status FinishFile();
  void SkipFile();

 private:
  std::vector<SnapshotFile> files_;
  size_t index_ = 0;
  uint64_t file_start_ = 0;
  uint64_t in_file_ = 0;
  uint32_t crc_ = 0;
};

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_SNAPSHOT_CURSOR_H_
