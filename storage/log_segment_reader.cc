#include "storage/log_segment_reader.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"

namespace flotilla::storage {

namespace {

constexpr uint64_t kWindowBytes = 1 << 20;

}  // namespace

absl::StatusOr<SegmentReader> SegmentReader::Open(Disk& disk, const std::string& path) {
  FLOTILLA_ASSIGN_OR_RETURN(std::unique_ptr<File> file, disk.Open(path, OpenMode::kReadOnly));
  SegmentReader reader(std::move(file));
  FLOTILLA_ASSIGN_OR_RETURN(reader.file_bytes_, reader.file_->Size());
  FLOTILLA_ASSIGN_OR_RETURN(const std::string_view block, reader.Window(0, kLogBlockBytes));
  reader.header_ = DecodeSegmentHeader(block);
  if (!reader.header_.ok() && !absl::IsDataLoss(reader.header_.status())) {
    return Annotate(reader.header_.status(), path);
  }
  return reader;
}

absl::StatusOr<std::string_view> SegmentReader::Window(uint64_t offset, uint64_t size) {
  const bool inside = offset >= window_offset_ && offset + size <= window_offset_ + window_.size();
  if (!inside) {
    FLOTILLA_ASSIGN_OR_RETURN(window_, file_->Read(offset, std::max(size, kWindowBytes)));
    window_offset_ = offset;
  }
  return std::string_view(window_).substr(offset - window_offset_, size);
}

absl::StatusOr<std::optional<FoundBatch>> SegmentReader::BatchAt(uint64_t offset) {
  if (!header_.ok() || offset >= file_bytes_) return std::nullopt;
  FLOTILLA_ASSIGN_OR_RETURN(const std::string_view start, Window(offset, kBatchHeaderBytes));
  const std::optional<uint64_t> claimed = ClaimedBatchBytes(start, header_->salt);
  if (!claimed.has_value() || *claimed > file_bytes_ - offset) return std::nullopt;
  FLOTILLA_ASSIGN_OR_RETURN(const std::string_view bytes, Window(offset, *claimed));
  absl::StatusOr<BatchView> view = DecodeBatch(bytes);
  if (absl::IsDataLoss(view.status())) return std::nullopt;
  if (!view.ok()) return view.status();
  return FoundBatch{.offset = offset, .view = *view, .bytes = bytes};
}

absl::StatusOr<std::optional<FoundBatch>> SegmentReader::NextBatch(uint64_t offset, Lsn at_least) {
  for (; offset < file_bytes_; offset += kLogBlockBytes) {
    FLOTILLA_ASSIGN_OR_RETURN(std::optional<FoundBatch> found, BatchAt(offset));
    // An older batch is an image of the log inside somebody's value.
    if (found.has_value() && found->view.header.lsn >= at_least) return found;
  }
  return std::nullopt;
}

absl::StatusOr<uint64_t> SegmentReader::TornBytesAt(uint64_t offset) {
  if (!header_.ok() || offset >= file_bytes_) return 0;
  FLOTILLA_ASSIGN_OR_RETURN(const std::string_view start, Window(offset, kBatchHeaderBytes));
  return std::min(ClaimedBatchBytes(start, header_->salt).value_or(0), file_bytes_ - offset);
}

}  // namespace flotilla::storage
