#include "storage/snapshot_files.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/status_macros.h"
#include "storage/durable_folder.h"

namespace flotilla::storage {
namespace {

// What is read at once only to catch up with a checksum.
constexpr uint64_t kCatchUpBytes = 1 << 20;

}  // namespace

// --- Reading.

SnapshotReader::SnapshotReader(Disk& disk, std::string folder, const SnapshotManifest& manifest)
    : disk_(disk), folder_(std::move(folder)), cursor_(manifest.files) {}

absl::StatusOr<std::string> SnapshotReader::Take(uint64_t size) {
  if (open_file_ == nullptr) {
    FLOTILLA_ASSIGN_OR_RETURN(
        open_file_, disk_.Open(JoinPath(folder_, cursor_.file().name), OpenMode::kReadOnly));
  }
  FLOTILLA_ASSIGN_OR_RETURN(std::string data, open_file_->Read(cursor_.offset_in_file(), size));
  if (data.size() < size) {
    return absl::DataLossError("snapshot file " + cursor_.file().name + " became shorter");
  }
  cursor_.Advance(data);
  return data;
}

absl::Status SnapshotReader::Seek(uint64_t offset) {
  if (offset == cursor_.offset()) return absl::OkStatus();
  cursor_.Rewind();
  open_file_.reset();
  while (!cursor_.AtEnd() && offset >= cursor_.offset() + cursor_.file().size) cursor_.SkipFile();
  while (offset > cursor_.offset()) {
    if (cursor_.AtEnd()) return absl::OutOfRangeError("offset behind the end of the snapshot");
    const uint64_t step = std::min(offset - cursor_.offset(), kCatchUpBytes);
    FLOTILLA_RETURN_IF_ERROR(Take(step).status());
  }
  return absl::OkStatus();
}

absl::StatusOr<SnapshotChunk> SnapshotReader::Read(uint64_t offset, size_t max_bytes) {
  FLOTILLA_CHECK_GT(max_bytes, size_t{0});
  FLOTILLA_RETURN_IF_ERROR(Seek(offset));
  SnapshotChunk chunk{.offset = offset, .data = {}, .crc32c = 0};
  while (!cursor_.AtEnd() && chunk.data.empty()) {
    const uint64_t size = std::min<uint64_t>(max_bytes, cursor_.left_in_file());
    FLOTILLA_ASSIGN_OR_RETURN(chunk.data, Take(size));
    if (cursor_.left_in_file() > 0) break;
    FLOTILLA_RETURN_IF_ERROR(cursor_.FinishFile());
    open_file_.reset();
  }
  chunk.crc32c = Crc32c(chunk.data);
  return chunk;
}

// --- Writing.

SnapshotWriter::SnapshotWriter(Disk& disk, std::string folder, const SnapshotManifest& manifest)
    : disk_(disk), folder_(std::move(folder)), cursor_(manifest.files) {}

absl::Status SnapshotWriter::Start() {
  FLOTILLA_RETURN_IF_ERROR(disk_.RemoveTree(folder_));
  FLOTILLA_RETURN_IF_ERROR(disk_.CreateFolder(folder_));
  return AdvanceFiles();
}

absl::Status SnapshotWriter::AdvanceFiles() {
  while (!cursor_.AtEnd()) {
    if (open_file_ == nullptr) {
      FLOTILLA_ASSIGN_OR_RETURN(
          open_file_, disk_.Open(JoinPath(folder_, cursor_.file().name), OpenMode::kCreate));
    }
    if (cursor_.left_in_file() > 0) return absl::OkStatus();
    FLOTILLA_RETURN_IF_ERROR(cursor_.FinishFile());
    FLOTILLA_RETURN_IF_ERROR(open_file_->Sync());
    FLOTILLA_RETURN_IF_ERROR(open_file_->Close());
    open_file_.reset();
  }
  return absl::OkStatus();
}

absl::Status SnapshotWriter::WriteToFile(std::string_view data) {
  FLOTILLA_RETURN_IF_ERROR(open_file_->Write(cursor_.offset_in_file(), data));
  cursor_.Advance(data);
  written_ += data.size();
  return AdvanceFiles();
}

absl::Status SnapshotWriter::Write(const SnapshotChunk& chunk) {
  if (chunk.offset > written_) return absl::OutOfRangeError("a chunk before this one is missing");
  if (Crc32c(chunk.data) != chunk.crc32c) {
    return absl::DataLossError("a snapshot chunk has a wrong checksum");
  }
  const uint64_t known = written_ - chunk.offset;
  if (known >= chunk.data.size()) return absl::OkStatus();
  std::string_view rest = std::string_view(chunk.data).substr(known);
  while (!rest.empty()) {
    if (cursor_.AtEnd()) return absl::DataLossError("more bytes than the snapshot has");
    const size_t size = std::min<uint64_t>(rest.size(), cursor_.left_in_file());
    FLOTILLA_RETURN_IF_ERROR(WriteToFile(rest.substr(0, size)));
    rest.remove_prefix(size);
  }
  return absl::OkStatus();
}

absl::Status SnapshotWriter::Finish() {
  if (!cursor_.AtEnd()) return absl::FailedPreconditionError("the snapshot is not complete");
  return SyncFolderAndParents(disk_, folder_);
}

}  // namespace flotilla::storage
