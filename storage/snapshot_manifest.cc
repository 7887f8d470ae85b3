#include <limits>
#include <utility>

#include "base/coding.h"
#include "base/crc32c.h"
#include "base/status_macros.h"
#include "raft/message_codec.h"
#include "storage/format_kinds.h"
#include "storage/snapshot_files.h"

namespace flotilla::storage {
namespace {

constexpr size_t kReadBytes = 1 << 20;

absl::Status Malformed(std::string_view why) {
  return absl::DataLossError("snapshot manifest: " + std::string(why));
}

// A manifest comes from another machine: its names must stay inside the folder.
bool IsPlainName(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

absl::Status CheckFiles(const std::vector<SnapshotFile>& files) {
  uint64_t left = std::numeric_limits<uint64_t>::max();
  std::string_view previous;
  for (const SnapshotFile& file : files) {
    if (!IsPlainName(file.name)) return Malformed("a file name that is none");
    if (file.name <= previous) return Malformed("file names out of order");
    if (file.size > left) return Malformed("an impossible size");
    left -= file.size;
    previous = file.name;
  }
  return absl::OkStatus();
}

absl::StatusOr<SnapshotFile> Describe(Disk& disk, const std::string& folder,
                                      const std::string& name) {
  FLOTILLA_ASSIGN_OR_RETURN(const std::unique_ptr<File> file,
                            disk.Open(JoinPath(folder, name), OpenMode::kReadOnly));
  SnapshotFile described{.name = name, .size = 0, .crc32c = Crc32c("")};
  while (true) {
    FLOTILLA_ASSIGN_OR_RETURN(const std::string data, file->Read(described.size, kReadBytes));
    if (data.empty()) return described;
    described.size += data.size();
    described.crc32c = ExtendCrc32c(described.crc32c, data);
  }
}

}  // namespace

uint64_t SnapshotManifest::TotalBytes() const {
  uint64_t bytes = 0;
  for (const SnapshotFile& file : files) bytes += file.size;
  return bytes;
}

std::string EncodeSnapshotManifest(const SnapshotManifest& manifest) {
  std::string out;
  PutFormatHeader(out, kSnapshotManifestKind, 1);
  PutVarint(out, manifest.group.value());
  PutString(out, raft::EncodeSnapshotMeta(manifest.meta));
  PutString(out, manifest.engine_note);
  PutVarint(out, manifest.files.size());
  for (const SnapshotFile& file : manifest.files) {
    PutString(out, file.name);
    PutVarint(out, file.size);
    PutFixed32(out, file.crc32c);
  }
  PutFixed32(out, Crc32c(out));
  return out;
}

absl::StatusOr<SnapshotManifest> DecodeSnapshotManifest(std::string_view bytes) {
  Decoder in(bytes);
  // A newer version may end in something else than a checksum: ask for the version first.
  FLOTILLA_RETURN_IF_ERROR(ReadFormatHeader(in, kSnapshotManifestKind, 1, "snapshot manifest"));
  if (in.rest().size() < sizeof(uint32_t)) return Malformed("cut short");
  const std::string_view body = bytes.substr(0, bytes.size() - sizeof(uint32_t));
  if (LoadFixed32(body.data() + body.size()) != Crc32c(body)) return Malformed("wrong checksum");

  in = Decoder(in.rest().substr(0, in.rest().size() - sizeof(uint32_t)));
  SnapshotManifest manifest;
  manifest.group = ShardId(in.Varint());
  const std::string_view meta = in.String();
  manifest.engine_note = std::string(in.String());
  for (uint64_t count = in.Varint(); count > 0 && in.ok(); --count) {
    SnapshotFile file;
    file.name = std::string(in.String());
    file.size = in.Varint();
    file.crc32c = in.Fixed32();
    manifest.files.push_back(std::move(file));
  }
  FLOTILLA_RETURN_IF_ERROR(in.Finish("snapshot manifest"));
  FLOTILLA_ASSIGN_OR_RETURN(manifest.meta, raft::DecodeSnapshotMeta(meta));
  FLOTILLA_RETURN_IF_ERROR(CheckFiles(manifest.files));
  return manifest;
}

SnapshotDescriber::SnapshotDescriber(Disk& disk, std::string folder, ShardId group,
                                     const raft::SnapshotMeta& meta, std::string engine_note)
    : disk_(disk),
      folder_(std::move(folder)),
      manifest_{.group = group, .meta = meta, .engine_note = std::move(engine_note), .files = {}} {}

absl::StatusOr<bool> SnapshotDescriber::DescribeNext() {
  if (!names_.has_value()) {
    FLOTILLA_ASSIGN_OR_RETURN(names_, disk_.List(folder_));
  }
  if (manifest_.files.size() == names_->size()) return false;
  FLOTILLA_ASSIGN_OR_RETURN(SnapshotFile file,
                            Describe(disk_, folder_, (*names_)[manifest_.files.size()]));
  manifest_.files.push_back(std::move(file));
  return true;
}

}  // namespace flotilla::storage
