#include "storage/map_state_store.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>

#include "base/coding.h"
#include "base/crc32c.h"
#include "base/status_macros.h"
#include "storage/durable_folder.h"
#include "storage/format_kinds.h"

namespace flotilla::storage {
namespace {

constexpr std::string_view kPrefix = "state-";

std::optional<uint64_t> NumberOf(std::string_view name) {
  if (name.substr(0, kPrefix.size()) != kPrefix) return std::nullopt;
  const std::string_view digits = name.substr(kPrefix.size());
  uint64_t number = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

std::string FileName(uint64_t number) { return std::string(kPrefix) + std::to_string(number); }

absl::StatusOr<uint64_t> DecodeNote(std::string_view note) {
  if (note.empty()) return 0;
  Decoder in(note);
  FLOTILLA_RETURN_IF_ERROR(ReadFormatHeader(in, kMapNoteKind, 1, "engine note"));
  const uint64_t number = in.Varint();
  FLOTILLA_RETURN_IF_ERROR(in.Finish("engine note"));
  return number;
}

absl::Status Gone(const std::string& folder) {
  return absl::DataLossError(folder + ": a state that was durable is gone");
}

}  // namespace

std::string EncodeMapState(const MapState& state) {
  std::string out;
  PutFormatHeader(out, kMapStateKind, 1);
  PutFixed64(out, state.applied.value());
  PutVarint(out, state.rows.size());
  for (const auto& [key, value] : state.rows) {
    PutString(out, key);
    PutString(out, value);
  }
  PutFixed32(out, Crc32c(out));
  return out;
}

absl::StatusOr<MapState> DecodeMapState(std::string_view bytes) {
  if (bytes.size() < sizeof(uint32_t)) return absl::DataLossError("map state is cut short");
  const std::string_view body = bytes.substr(0, bytes.size() - sizeof(uint32_t));
  if (LoadFixed32(bytes.data() + body.size()) != Crc32c(body)) {
    return absl::DataLossError("map state has a wrong checksum");
  }
  Decoder in(body);
  FLOTILLA_RETURN_IF_ERROR(ReadFormatHeader(in, kMapStateKind, 1, "map state"));
  MapState state;
  state.applied = LogIndex(in.Fixed64());
  for (uint64_t count = in.Varint(); count > 0 && in.ok(); --count) {
    std::string key(in.String());
    std::string value(in.String());
    state.rows.emplace_back(std::move(key), std::move(value));
  }
  FLOTILLA_RETURN_IF_ERROR(in.Finish("map state"));
  return state;
}

std::string MapStateStore::Note() const {
  std::string note;
  PutFormatHeader(note, kMapNoteKind, 1);
  PutVarint(note, number_);
  return note;
}

std::string MapStateStore::Path(uint64_t number) const {
  return JoinPath(folder_, FileName(number));
}

absl::Status MapStateStore::Synced(absl::Status result) {
  if (!result.ok()) on_fatal_(result);
  return result;
}

absl::StatusOr<std::vector<uint64_t>> MapStateStore::ListNumbers() {
  std::vector<uint64_t> numbers;
  FLOTILLA_ASSIGN_OR_RETURN(const bool exists, disk_.Exists(folder_));
  if (!exists) return numbers;
  FLOTILLA_ASSIGN_OR_RETURN(const std::vector<std::string> names, disk_.List(folder_));
  for (const std::string& name : names) {
    if (const std::optional<uint64_t> number = NumberOf(name)) numbers.push_back(*number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

absl::StatusOr<MapState> MapStateStore::Load(uint64_t number) {
  FLOTILLA_ASSIGN_OR_RETURN(const std::string bytes, ReadWholeFile(disk_, Path(number)));
  absl::StatusOr<MapState> state = DecodeMapState(bytes);
  if (!state.ok()) return Annotate(state.status(), Path(number));
  number_ = number;
  return state;
}

absl::StatusOr<MapState> MapStateStore::Read(std::string_view note) {
  FLOTILLA_ASSIGN_OR_RETURN(const uint64_t vouched, DecodeNote(note));
  FLOTILLA_ASSIGN_OR_RETURN(std::vector<uint64_t> numbers, ListNumbers());
  if (vouched > 0 && (numbers.empty() || numbers.back() < vouched)) return Gone(folder_);
  if (numbers.empty()) return absl::NotFoundError(folder_ + " has no state");
  absl::StatusOr<MapState> newest = Load(numbers.back());
  const bool torn = absl::IsDataLoss(newest.status()) && numbers.back() > vouched;
  if (!torn) return newest;
  // Each file is durable before the next is begun, so one at most is torn.
  numbers.pop_back();
  if (!numbers.empty()) return Load(numbers.back());
  if (vouched > 0) return Gone(folder_);
  return absl::NotFoundError(folder_ + " has no state");
}

absl::StatusOr<MapState> MapStateStore::Open(std::string_view note, bool create) {
  absl::StatusOr<MapState> state = Read(note);
  if (absl::IsNotFound(state.status()) && create) {
    FLOTILLA_RETURN_IF_ERROR(Create());
    return MapState{};
  }
  FLOTILLA_RETURN_IF_ERROR(state.status());
  FLOTILLA_RETURN_IF_ERROR(Settle());
  return state;
}

absl::Status MapStateStore::Create() {
  FLOTILLA_RETURN_IF_ERROR(disk_.CreateFolder(folder_));
  FLOTILLA_RETURN_IF_ERROR(Synced(SyncFolderAndParents(disk_, folder_)));
  return Save(MapState{});
}

// A killed process may have left a file that is readable, but only in the page cache.
absl::Status MapStateStore::Settle() {
  FLOTILLA_ASSIGN_OR_RETURN(const std::unique_ptr<File> file,
                            disk_.Open(Path(number_), OpenMode::kReadWrite));
  FLOTILLA_RETURN_IF_ERROR(Synced(file->Sync()));
  FLOTILLA_RETURN_IF_ERROR(Synced(disk_.SyncDir(folder_)));
  FLOTILLA_ASSIGN_OR_RETURN(const std::vector<uint64_t> numbers, ListNumbers());
  for (uint64_t number : numbers) {
    if (number != number_) FLOTILLA_RETURN_IF_ERROR(disk_.Remove(Path(number)));
  }
  return absl::OkStatus();
}

absl::Status MapStateStore::Save(const MapState& state) {
  const uint64_t previous = number_;
  const std::string path = Path(previous + 1);
  absl::Status removed = disk_.Remove(path);
  if (!removed.ok() && !absl::IsNotFound(removed)) return removed;
  {
    FLOTILLA_ASSIGN_OR_RETURN(const std::unique_ptr<File> file,
                              disk_.Open(path, OpenMode::kCreate));
    FLOTILLA_RETURN_IF_ERROR(file->Write(0, EncodeMapState(state)));
    FLOTILLA_RETURN_IF_ERROR(Synced(file->Sync()));
    FLOTILLA_RETURN_IF_ERROR(Synced(file->Close()));
  }
  FLOTILLA_RETURN_IF_ERROR(Synced(disk_.SyncDir(folder_)));
  number_ = previous + 1;
  // If it stays, the next open removes it.
  if (previous > 0) disk_.Remove(Path(previous)).IgnoreError();
  return absl::OkStatus();
}

absl::Status MapStateStore::CopyTo(const std::string& folder) {
  FLOTILLA_RETURN_IF_ERROR(CreateEmptyFolder(disk_, folder));
  FLOTILLA_RETURN_IF_ERROR(disk_.Link(Path(number_), JoinPath(folder, FileName(number_))));
  return Synced(disk_.SyncDir(folder));
}

}  // namespace flotilla::storage
