// A snapshot as it travels: the files of a checkpoint folder, in chunks with checksums, behind a
// manifest that names them. Blocking; on a Sequence of kind kBulk.
//
// An error, kOutOfRange apart, ends the transfer: a received folder is then garbage, and neither
// repaired nor synced again.
#ifndef FLOTILLA_STORAGE_SNAPSHOT_FILES_H_
#define FLOTILLA_STORAGE_SNAPSHOT_FILES_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/disk.h"
#include "raft/types.h"
#include "storage/snapshot_cursor.h"

namespace flotilla::storage {

// Durable and wire format (docs/formats.md).
struct SnapshotManifest {
  ShardId group;
  raft::SnapshotMeta meta;
  std::string engine_note;          // what EngineSource::Open needs for the received folder
  std::vector<SnapshotFile> files;  // names ascend

  uint64_t TotalBytes() const;

  friend bool operator==(const SnapshotManifest&, const SnapshotManifest&) = default;
};
std::string EncodeSnapshotManifest(const SnapshotManifest& manifest);
// kDataLoss when malformed, as by a name that leads out of its folder; kUnimplemented when newer.
absl::StatusOr<SnapshotManifest> DecodeSnapshotManifest(std::string_view bytes);

// Lists and checksums a checkpoint folder, file by file: for a large one that takes long, and other
// work wants to get in between.
class SnapshotDescriber {
 public:
  // The note is that of Engine::Checkpoint.
  SnapshotDescriber(Disk& disk, std::string folder, ShardId group, const raft::SnapshotMeta& meta,
                    std::string engine_note);
  // Reads the next file; false when there is none left, and the manifest is whole.
  absl::StatusOr<bool> DescribeNext();
  const SnapshotManifest& manifest() const { return manifest_; }

 private:
  Disk& disk_;
  const std::string folder_;
  std::optional<std::vector<std::string>> names_;  // listed by the first call
  SnapshotManifest manifest_;
};

// A piece of the concatenation of all files, in manifest order.
struct SnapshotChunk {
  uint64_t offset = 0;
  std::string data;
  uint32_t crc32c = 0;  // of data
};

class SnapshotReader {
 public:
  SnapshotReader(Disk& disk, std::string folder, const SnapshotManifest& manifest);
  // At most `max_bytes` (at least 1) at `offset`, all of one file; empty data at the end. Checks
  // each file's checksum when its last byte is read: kDataLoss when the disk changed underneath.
  // Reading on is cheap; an offset elsewhere in a file reads that file from its start.
  absl::StatusOr<SnapshotChunk> Read(uint64_t offset, size_t max_bytes);

 private:
  absl::Status Seek(uint64_t offset);
  // Exactly the next bytes of the file.
  absl::StatusOr<std::string> Take(uint64_t size);

  Disk& disk_;
  const std::string folder_;
  SnapshotCursor cursor_;
  std::unique_ptr<File> open_file_;  // the cursor's, once it was read from
};

// Builds a folder from chunks, which it accepts only in order: what it has of a repeated chunk is
// ignored, a gap is kOutOfRange. Each file is checked and synced when it is whole.
class SnapshotWriter {
 public:
  SnapshotWriter(Disk& disk, std::string folder, const SnapshotManifest& manifest);
  // Creates the folder, empty: what an earlier attempt left is removed.
  absl::Status Start();
  // kDataLoss when a checksum differs, of the chunk or of a file that it completes.
  absl::Status Write(const SnapshotChunk& chunk);
  // Makes the folder and its name durable; until then it is garbage that a restart deletes.
  // kFailedPrecondition when bytes are missing.
  absl::Status Finish();
  uint64_t written() const { return written_; }

 private:
  // Creates, completes and leaves files as far as the bytes so far allow.
  absl::Status AdvanceFiles();
  absl::Status WriteToFile(std::string_view data);

  Disk& disk_;
  const std::string folder_;
  SnapshotCursor cursor_;
  std::unique_ptr<File> open_file_;
  uint64_t written_ = 0;
};

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_SNAPSHOT_FILES_H_
