#include "storage/leveldb_recovery.h"

#include <charconv>
#include <cstdio>
#include <vector>

#include "base/status_macros.h"
#include "storage/leveldb_manifest.h"

namespace flotilla::storage {
namespace {

constexpr std::string_view kManifestPrefix = "MANIFEST-";

std::optional<uint64_t> ParseNumber(std::string_view digits) {
  uint64_t number = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number);
  if (error != std::errc() || stop != end || digits.empty()) return std::nullopt;
  return number;
}

LevelDBFileName::Kind KindOfSuffix(std::string_view suffix) {
  if (suffix == ".log") return LevelDBFileName::Kind::kLog;
  if (suffix == ".ldb") return LevelDBFileName::Kind::kTable;
  if (suffix == ".dbtmp") return LevelDBFileName::Kind::kTemporary;
  return LevelDBFileName::Kind::kOther;
}

std::string Numbered(const char* format, uint64_t number) {
  char name[64];
  std::snprintf(name, sizeof(name), format, static_cast<unsigned long long>(number));
  return name;
}

// Without CURRENT there is no database; what else lies there must be what an interrupted creation
// leaves: its first MANIFEST and temporary file, never a table.
absl::Status CheckNeverExisted(Disk& disk, const std::string& folder, std::string_view note) {
  if (!note.empty()) return absl::DataLossError(folder + ": the database is gone");
  FLOTILLA_ASSIGN_OR_RETURN(const bool folder_exists, disk.Exists(folder));
  if (!folder_exists) return absl::OkStatus();
  FLOTILLA_ASSIGN_OR_RETURN(const std::vector<std::string> names, disk.List(folder));
  for (const std::string& name : names) {
    if (LevelDBFileName::Parse(name).kind == LevelDBFileName::Kind::kTable) {
      return absl::DataLossError(folder + ": tables without CURRENT");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> ReadCurrent(Disk& disk, const std::string& path) {
  FLOTILLA_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(disk, path));
  if (text.empty() || text.back() != '\n') return absl::DataLossError(path + " is cut short");
  const LevelDBFileName name =
      LevelDBFileName::Parse(std::string_view(text).substr(0, text.size() - 1));
  if (name.kind != LevelDBFileName::Kind::kManifest) {
    return absl::DataLossError(path + " names no MANIFEST");
  }
  return name.number;
}

// kNotFound means that a file is missing that something durable names.
absl::Status MissingIsDataLoss(const absl::Status& status) {
  if (!absl::IsNotFound(status)) return status;
  return absl::DataLossError(status.message());
}

absl::Status CheckTable(Disk& disk, const std::string& path, uint64_t expected_size) {
  FLOTILLA_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, disk.Open(path, OpenMode::kReadOnly));
  FLOTILLA_ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  if (size == expected_size) return absl::OkStatus();
  return absl::DataLossError(path + " has " + std::to_string(size) + " bytes of " +
                             std::to_string(expected_size));
}

absl::StatusOr<FolderState> InspectExisting(Disk& disk, const std::string& folder,
                                            const ManifestPosition& position, TableSizes sizes) {
  FolderState state{.exists = true};
  FLOTILLA_ASSIGN_OR_RETURN(state.manifest_number, ReadCurrent(disk, JoinPath(folder, "CURRENT")));
  if (state.manifest_number < position.number) {
    return absl::DataLossError(folder + ": CURRENT went back to an older MANIFEST");
  }
  // Every open starts a new MANIFEST and syncs its first records before CURRENT names it; LevelDB
  // refuses one without them. So of a newer MANIFEST than the note's nothing more is known.
  const uint64_t synced =
      state.manifest_number == position.number ? position.synced_bytes : uint64_t{0};
  const std::string path = JoinPath(folder, LevelDBManifestName(state.manifest_number));
  FLOTILLA_ASSIGN_OR_RETURN(const std::string manifest, ReadWholeFile(disk, path));
  absl::StatusOr<ManifestContents> contents = ReadManifest(manifest, synced);
  if (!contents.ok()) return Annotate(contents.status(), path);
  state.manifest_bytes = contents->valid_bytes;
  if (sizes == TableSizes::kKnown) return state;
  for (const auto& [number, size] : contents->tables) {
    FLOTILLA_RETURN_IF_ERROR(CheckTable(disk, JoinPath(folder, LevelDBTableName(number)), size));
  }
  return state;
}

}  // namespace

LevelDBFileName LevelDBFileName::Parse(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  if (name.substr(0, kManifestPrefix.size()) == kManifestPrefix) {
    const std::optional<uint64_t> number = ParseNumber(name.substr(kManifestPrefix.size()));
    if (!number.has_value()) return {};
    return {Kind::kManifest, *number};
  }
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos) return {};
  const std::optional<uint64_t> number = ParseNumber(name.substr(0, dot));
  const Kind kind = KindOfSuffix(name.substr(dot));
  if (!number.has_value() || kind == Kind::kOther) return {};
  return {kind, *number};
}

std::string LevelDBManifestName(uint64_t number) { return Numbered("MANIFEST-%06llu", number); }
std::string LevelDBTableName(uint64_t number) { return Numbered("%06llu.ldb", number); }

absl::StatusOr<FolderState> InspectLevelDBFolder(Disk& disk, const std::string& folder,
                                                 std::string_view note, TableSizes sizes) {
  FLOTILLA_ASSIGN_OR_RETURN(const ManifestPosition position, DecodeManifestPosition(note));
  FLOTILLA_ASSIGN_OR_RETURN(const bool exists, disk.Exists(JoinPath(folder, "CURRENT")));
  if (!exists) {
    FLOTILLA_RETURN_IF_ERROR(CheckNeverExisted(disk, folder, note));
    return FolderState{};
  }
  absl::StatusOr<FolderState> state = InspectExisting(disk, folder, position, sizes);
  if (!state.ok()) return MissingIsDataLoss(state.status());
  return state;
}

}  // namespace flotilla::storage
