#include "storage/log_write_job.h"

#include <utility>

#include "base/status_macros.h"

namespace flotilla::storage {

namespace {

// The footer is durable before the new segment has its name, and the name before it holds a batch:
// so a segment that has a successor and no footer is damaged, and nothing else (raft-engine#219).
absl::Status Rotate(Disk& disk, Rotation& rotation) {
  if (rotation.old_file != nullptr) {
    std::string footer(kBatchHeaderBytes, '\0');
    SealBatch(rotation.footer, footer);
    FLOTILLA_RETURN_IF_ERROR(rotation.old_file->Write(rotation.footer_offset, footer));
    FLOTILLA_RETURN_IF_ERROR(rotation.old_file->Sync());
    FLOTILLA_RETURN_IF_ERROR(rotation.old_file->Close());
  }
  FLOTILLA_RETURN_IF_ERROR(disk.Rename(rotation.prepared_path, rotation.segment_path));
  return disk.SyncDir(rotation.folder);
}

absl::Status WriteBatch(Disk& disk, WriteJob& job) {
  if (job.rotation.has_value()) FLOTILLA_RETURN_IF_ERROR(Rotate(disk, *job.rotation));
  SealBatch(job.header, job.bytes);
  FLOTILLA_RETURN_IF_ERROR(job.file->Write(job.offset, job.bytes));
  FLOTILLA_RETURN_IF_ERROR(job.file->Sync());
  return job.close_after ? job.file->Close() : absl::OkStatus();
}

}  // namespace

void CarryOut(Disk& disk, WriteJob& job) {
  job.status = WriteBatch(disk, job);
  job.rotation.reset();
}

}  // namespace flotilla::storage
