#include "storage/leveldb_manifest.h"

#include <algorithm>
#include <vector>

#include "base/coding.h"
#include "base/crc32c.h"
#include "base/status_macros.h"
#include "storage/format_kinds.h"

namespace flotilla::storage {
namespace {

constexpr size_t kBlockSize = 32768;
constexpr size_t kHeaderSize = 7;  // masked CRC32C, length, type

enum FragmentType : uint8_t { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

struct Fragment {
  uint8_t type = 0;
  std::string_view data;
};

// LevelDB stores checksums masked, because it computes checksums over data that holds checksums.
uint32_t MaskedCrc(std::string_view data) {
  const uint32_t crc = Crc32c(data);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

// Walks the fragments of a log file; a bad fragment makes the rest of its block unreadable.
class FragmentReader {
 public:
  explicit FragmentReader(std::string_view bytes) : bytes_(bytes) {}

  bool AtEnd() {
    SkipBlockTrailer();
    return offset_ >= bytes_.size();
  }
  uint64_t offset() const { return offset_; }

  // False when what stands here is no sound fragment; then stands at the next block.
  bool Next(Fragment* fragment) {
    const std::string_view rest = bytes_.substr(offset_, BlockLeft());
    if (rest.size() >= kHeaderSize) {
      const size_t length = static_cast<uint8_t>(rest[4]) | static_cast<uint8_t>(rest[5]) << 8;
      const std::string_view checked = rest.substr(6, 1 + length);
      if (checked.size() == 1 + length && LoadFixed32(rest.data()) == MaskedCrc(checked)) {
        *fragment = {static_cast<uint8_t>(rest[6]), checked.substr(1)};
        offset_ += kHeaderSize + length;
        return fragment->type >= kFull && fragment->type <= kLast;
      }
    }
    offset_ = std::min<uint64_t>(offset_ + BlockLeft(), bytes_.size());
    return false;
  }

 private:
  size_t BlockLeft() const { return kBlockSize - offset_ % kBlockSize; }
  // A header never straddles blocks: fewer bytes than one are zero filling.
  void SkipBlockTrailer() {
    if (BlockLeft() < kHeaderSize) offset_ += BlockLeft();
  }

  const std::string_view bytes_;
  uint64_t offset_ = 0;
};

bool StartsRecord(const Fragment& fragment) {
  return fragment.type == kFull || fragment.type == kFirst;
}

// Whether a record starts later in the file, so that a damaged one was not the last.
bool AnotherRecordStarts(FragmentReader& reader) {
  Fragment fragment;
  while (!reader.AtEnd()) {
    if (reader.Next(&fragment) && StartsRecord(fragment)) return true;
  }
  return false;
}

enum class RecordEnd { kWhole, kTorn, kDamaged };

// What a record that is not whole means depends on whether another one was written after it.
RecordEnd TornOrDamaged(FragmentReader& reader) {
  return AnotherRecordStarts(reader) ? RecordEnd::kDamaged : RecordEnd::kTorn;
}

RecordEnd NextRecord(FragmentReader& reader, std::string* record) {
  Fragment fragment;
  if (!reader.Next(&fragment)) return TornOrDamaged(reader);
  if (!StartsRecord(fragment)) return RecordEnd::kDamaged;
  record->assign(fragment.data);
  if (fragment.type == kFull) return RecordEnd::kWhole;
  while (!reader.AtEnd()) {
    if (!reader.Next(&fragment)) return TornOrDamaged(reader);
    if (StartsRecord(fragment)) return RecordEnd::kDamaged;
    record->append(fragment.data);
    if (fragment.type == kLast) return RecordEnd::kWhole;
  }
  return RecordEnd::kTorn;
}

// The tags of an edit (LevelDB's db/version_edit.cc).
enum EditTag : uint64_t {
  kComparator = 1,
  kLogNumber = 2,
  kNextFileNumber = 3,
  kLastSequence = 4,
  kCompactPointer = 5,
  kDeletedFile = 6,
  kNewFile = 7,
  kPrevLogNumber = 9,
};

void ApplyNewFile(Decoder& in, std::map<uint64_t, uint64_t>& tables) {
  in.Varint();  // level
  const uint64_t number = in.Varint();
  const uint64_t size = in.Varint();
  in.String();  // smallest key
  in.String();  // largest key
  if (in.ok()) tables[number] = size;
}

void ApplyDeletedFile(Decoder& in, std::vector<uint64_t>& deleted) {
  in.Varint();  // level
  deleted.push_back(in.Varint());
}

absl::Status ApplyEdit(std::string_view record, std::map<uint64_t, uint64_t>& tables) {
  Decoder in(record);
  std::vector<uint64_t> deleted;
  std::map<uint64_t, uint64_t> added;
  while (in.ok() && !in.done()) {
    switch (in.Varint()) {
      case kComparator:
        in.String();
        break;
      case kLogNumber:
      case kNextFileNumber:
      case kLastSequence:
      case kPrevLogNumber:
        in.Varint();
        break;
      case kCompactPointer:
        in.Varint();
        in.String();
        break;
      case kDeletedFile:
        ApplyDeletedFile(in, deleted);
        break;
      case kNewFile:
        ApplyNewFile(in, added);
        break;
      default:
        in.Fail();
    }
  }
  // A table that moves to another level is deleted and added by one edit.
  for (uint64_t number : deleted) tables.erase(number);
  tables.merge(added);
  return in.Finish("MANIFEST record");
}

}  // namespace

std::string EncodeManifestPosition(const ManifestPosition& position) {
  std::string note;
  PutFormatHeader(note, kManifestPositionKind, 1);
  PutVarint(note, position.number);
  PutVarint(note, position.synced_bytes);
  return note;
}

absl::StatusOr<ManifestPosition> DecodeManifestPosition(std::string_view note) {
  if (note.empty()) return ManifestPosition{};
  Decoder in(note);
  FLOTILLA_RETURN_IF_ERROR(ReadFormatHeader(in, kManifestPositionKind, 1, "engine note"));
  ManifestPosition position;
  position.number = in.Varint();
  position.synced_bytes = in.Varint();
  FLOTILLA_RETURN_IF_ERROR(in.Finish("engine note"));
  return position;
}

absl::StatusOr<ManifestContents> ReadManifest(std::string_view bytes, uint64_t synced_bytes) {
  ManifestContents contents;
  FragmentReader reader(bytes);
  std::string record;
  while (!reader.AtEnd()) {
    const RecordEnd end = NextRecord(reader, &record);
    if (end == RecordEnd::kTorn) break;
    if (end == RecordEnd::kDamaged) {
      return absl::DataLossError("damaged record inside the MANIFEST, after byte " +
                                 std::to_string(contents.valid_bytes));
    }
    FLOTILLA_RETURN_IF_ERROR(ApplyEdit(record, contents.tables));
    contents.valid_bytes = reader.offset();
  }
  if (contents.valid_bytes < synced_bytes) {
    return absl::DataLossError("MANIFEST is sound for " + std::to_string(contents.valid_bytes) +
                               " bytes, but " + std::to_string(synced_bytes) + " were synced");
  }
  return contents;
}

}  // namespace flotilla::storage
