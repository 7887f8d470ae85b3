#include "storage/leveldb_files.h"

#include <algorithm>
#include <cstring>

#include "absl/status/statusor.h"
#include "base/status_macros.h"
#include "storage/leveldb_status.h"

namespace flotilla::storage {
namespace {

constexpr size_t kWriteBufferBytes = 64 << 10;

leveldb::Status ReadInto(const File& file, uint64_t offset, size_t n, leveldb::Slice* result,
                         char* scratch) {
  absl::StatusOr<std::string> data = file.Read(offset, n);
  if (!data.ok()) return ToLevelDB(data.status());
  std::memcpy(scratch, data->data(), data->size());
  *result = leveldb::Slice(scratch, data->size());
  return leveldb::Status::OK();
}

}  // namespace

leveldb::Status LevelDBSequentialFile::Read(size_t n, leveldb::Slice* result, char* scratch) {
  const uint64_t left = visible_bytes_ - std::min(visible_bytes_, offset_);
  leveldb::Status status =
      ReadInto(*file_, offset_, static_cast<size_t>(std::min<uint64_t>(n, left)), result, scratch);
  if (status.ok()) offset_ += result->size();
  return status;
}

leveldb::Status LevelDBSequentialFile::Skip(uint64_t n) {
  offset_ += n;
  return leveldb::Status::OK();
}

leveldb::Status LevelDBRandomAccessFile::Read(uint64_t offset, size_t n, leveldb::Slice* result,
                                              char* scratch) const {
  return ReadInto(*file_, offset, n, result, scratch);
}

absl::Status LevelDBWritableFile::WriteBuffer() {
  FLOTILLA_RETURN_IF_ERROR(events_.allowed());
  if (buffer_.empty()) return absl::OkStatus();
  absl::Status status = file_->Write(written_, buffer_);
  if (!status.ok()) {
    events_.write_failed(status);
    return status;
  }
  written_ += buffer_.size();
  buffer_.clear();
  return absl::OkStatus();
}

leveldb::Status LevelDBWritableFile::Append(const leveldb::Slice& data) {
  buffer_.append(data.data(), data.size());
  return buffer_.size() < kWriteBufferBytes ? leveldb::Status::OK() : Flush();
}

leveldb::Status LevelDBWritableFile::Flush() { return ToLevelDB(WriteBuffer()); }

absl::Status LevelDBWritableFile::SyncAll() {
  FLOTILLA_RETURN_IF_ERROR(WriteBuffer());
  absl::Status status = file_->Sync();
  if (status.ok()) status = events_.synced(written_);
  if (!status.ok()) events_.sync_failed(status);
  return status;
}

leveldb::Status LevelDBWritableFile::Sync() { return ToLevelDB(SyncAll()); }

leveldb::Status LevelDBWritableFile::Close() {
  absl::Status status = WriteBuffer();
  if (status.ok()) {
    status = file_->Close();
    if (!status.ok()) events_.sync_failed(status);
  }
  return ToLevelDB(status);
}

}  // namespace flotilla::storage
