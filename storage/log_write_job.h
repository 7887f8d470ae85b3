// One trip to the disk: a batch, written and synced, and where it begins a new segment everything
// that must be durable before. Blocking; on the log's sequence.
#ifndef FLOTILLA_STORAGE_LOG_WRITE_JOB_H_
#define FLOTILLA_STORAGE_LOG_WRITE_JOB_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "base/disk.h"
#include "storage/log_format.h"

namespace flotilla::storage {

// Takes a prepared file into use, after the segment before it was closed.
struct Rotation {
  std::unique_ptr<File> old_file;  // null for the first segment of a process
  BatchHeader footer;
  uint64_t footer_offset = 0;

  std::string folder;
  std::string prepared_path;
  std::string segment_path;
};

struct WriteJob {
  std::optional<Rotation> rotation;
  File* file = nullptr;
  uint64_t offset = 0;
  BatchHeader header;
  std::string bytes;         // as SealBatch takes them
  bool close_after = false;  // the last batch of a process

  absl::Status status;
};

// Fills in job.status. Whatever is not OK is fatal to the log.
void CarryOut(Disk& disk, WriteJob& job);

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_LOG_WRITE_JOB_H_
