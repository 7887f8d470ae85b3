// Reads a segment file front to back, through a window, and finds the next batch after damage.
// Blocking; for recovery and for the printer. Changes nothing.
#ifndef FLOTILLA_STORAGE_LOG_SEGMENT_READER_H_
#define FLOTILLA_STORAGE_LOG_SEGMENT_READER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/disk.h"
#include "storage/log_format.h"

namespace flotilla::storage {

// A batch in the window; valid until the next read.
struct FoundBatch {
  uint64_t offset = 0;
  BatchView view;
  std::string_view bytes;

  uint64_t End() const { return offset + view.header.BytesOnDisk(); }
};

class SegmentReader {
 public:
  // Errors: as of the disk; kUnimplemented when a newer build wrote the header. A damaged header is
  // no error: see header().
  static absl::StatusOr<SegmentReader> Open(Disk& disk, const std::string& path);

  // kDataLoss when damaged: without the salt nothing in the file can be told from leftovers.
  const absl::StatusOr<SegmentHeader>& header() const { return header_; }
  uint64_t file_bytes() const { return file_bytes_; }

  // The batch at `offset`, a multiple of the block; nullopt when there is no whole one.
  // kUnimplemented when there is a whole one that this build does not know.
  absl::StatusOr<std::optional<FoundBatch>> BatchAt(uint64_t offset);
  // The first whole batch at or after `offset` of an LSN of at least `at_least`.
  absl::StatusOr<std::optional<FoundBatch>> NextBatch(uint64_t offset, Lsn at_least);
  // What the start of a batch at `offset` claims to span although it is not whole; 0 when nothing
  // there looks like the start of a batch.
  absl::StatusOr<uint64_t> TornBytesAt(uint64_t offset);

 private:
  explicit SegmentReader(std::unique_ptr<File> file) : file_(std::move(file)) {}

  // Up to `size` bytes, less only at the end of the file. Valid until the next call.
  absl::StatusOr<std::string_view> Window(uint64_t offset, uint64_t size);

  std::unique_ptr<File> file_;
  uint64_t file_bytes_ = 0;
  absl::StatusOr<SegmentHeader> header_ = SegmentHeader();
  std::string window_;
  uint64_t window_offset_ = 0;
};

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_LOG_SEGMENT_READER_H_
