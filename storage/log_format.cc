#include "storage/log_format.h"

#include <charconv>
#include <cstring>

#include "base/check.h"
#include "base/coding.h"
#include "base/crc32c.h"
#include "base/status_macros.h"

namespace flotilla::storage {

namespace {

constexpr uint8_t kSegmentKind = 0x30;
constexpr uint8_t kLogFormatVersion = 1;

constexpr size_t kHeaderBytes = 64;
static_assert(kHeaderBytes == kBatchHeaderBytes);
// Of the checksum, which covers all of the header and the items but itself.
constexpr size_t kCrcOffset = 4;
constexpr size_t kItemBytesOffset = 8;
constexpr size_t kSaltOffset = 24;

constexpr std::string_view kSegmentPrefix = "segment-";
constexpr std::string_view kSparePrefix = "spare-";
constexpr std::string_view kSuffix = ".wal";
constexpr size_t kNumberDigits = 16;

uint32_t FrameCrc(std::string_view frame) {
  return ExtendCrc32c(Crc32c(frame.substr(0, kCrcOffset)), frame.substr(kCrcOffset + 4));
}

void PutFrameStart(std::string& out, uint8_t kind) {
  PutFormatHeader(out, kind, kLogFormatVersion);
  PutFixed8(out, 0);
  PutFixed32(out, 0);  // the checksum's place
}

std::string NumberedName(std::string_view prefix, SegmentNumber number) {
  const std::string digits = ToString(number);
  std::string name(prefix);
  if (digits.size() < kNumberDigits) name.append(kNumberDigits - digits.size(), '0');
  return name + digits + std::string(kSuffix);
}

std::optional<SegmentNumber> ParseNumberedName(std::string_view prefix, std::string_view name) {
  if (!name.starts_with(prefix) || !name.ends_with(kSuffix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  name.remove_suffix(kSuffix.size());
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size() || name.size() < kNumberDigits) {
    return std::nullopt;
  }
  return SegmentNumber(number);
}

}  // namespace

std::string EncodeSegmentHeader(const SegmentHeader& header) {
  std::string block;
  block.reserve(kLogBlockBytes);
  PutFrameStart(block, kSegmentKind);
  PutFixed64(block, header.node.value());
  PutFixed64(block, header.number.value());
  PutFixed64(block, header.salt);
  PutFixed64(block, header.incarnation.value());
  block.resize(kHeaderBytes);
  StoreFixed32(block.data() + kCrcOffset, FrameCrc(block));
  block.resize(kLogBlockBytes);
  return block;
}

absl::StatusOr<SegmentHeader> DecodeSegmentHeader(std::string_view block) {
  const std::string_view frame = block.substr(0, kHeaderBytes);
  if (frame.size() < kHeaderBytes || LoadFixed32(frame.data() + kCrcOffset) != FrameCrc(frame)) {
    return absl::DataLossError("segment header is damaged");
  }
  Decoder in(frame);
  FLOTILLA_RETURN_IF_ERROR(ReadFormatHeader(in, kSegmentKind, kLogFormatVersion, "segment header"));
  in.Raw(kCrcOffset + 4 - 3);
  SegmentHeader header;
  header.node = NodeId(in.Fixed64());
  header.number = SegmentNumber(in.Fixed64());
  header.salt = in.Fixed64();
  header.incarnation = Incarnation(in.Fixed64());
  return header;
}

void SealBatch(BatchHeader header, std::string& batch) {
  FLOTILLA_CHECK_GE(batch.size(), kBatchHeaderBytes);
  FLOTILLA_CHECK_LE(batch.size(), kBatchBytesMax);
  std::string start;
  start.reserve(kHeaderBytes);
  PutFrameStart(start, static_cast<uint8_t>(header.kind));
  PutFixed32(start, static_cast<uint32_t>(batch.size() - kBatchHeaderBytes));
  PutFixed32(start, header.item_count);
  PutFixed64(start, header.lsn.value());
  PutFixed64(start, header.salt);
  PutFixed64(start, header.durable_lsn.value());
  PutFixed64(start, header.first_segment.value());
  PutFixed64(start, header.lifecycle_items);
  PutFixed64(start, header.groups);
  start.resize(kHeaderBytes);
  std::memcpy(batch.data(), start.data(), kHeaderBytes);
  StoreFixed32(batch.data() + kCrcOffset, FrameCrc(batch));
  batch.resize(RoundUpToBlock(batch.size()));
}

std::optional<uint64_t> ClaimedBatchBytes(std::string_view start, uint64_t salt) {
  if (start.size() < kBatchHeaderBytes) return std::nullopt;
  if (LoadFixed64(start.data() + kSaltOffset) != salt) return std::nullopt;
  const uint64_t bytes = kBatchHeaderBytes + LoadFixed32(start.data() + kItemBytesOffset);
  if (bytes > kBatchBytesMax) return std::nullopt;
  return RoundUpToBlock(bytes);
}

absl::StatusOr<BatchView> DecodeBatch(std::string_view bytes) {
  if (bytes.size() < kBatchHeaderBytes) return absl::DataLossError("batch is cut short");
  BatchHeader header;
  header.item_bytes = LoadFixed32(bytes.data() + kItemBytesOffset);
  if (bytes.size() - kBatchHeaderBytes < header.item_bytes) {
    return absl::DataLossError("batch is cut short");
  }
  bytes = bytes.substr(0, kBatchHeaderBytes + header.item_bytes);
  if (LoadFixed32(bytes.data() + kCrcOffset) != FrameCrc(bytes)) {
    return absl::DataLossError("batch is damaged");
  }
  Decoder in(bytes);
  const auto kind = static_cast<uint8_t>(bytes.front());
  // A kind that is not known but whole is a newer build's, like a newer version.
  if (kind != static_cast<uint8_t>(BatchKind::kItems) &&
      kind != static_cast<uint8_t>(BatchKind::kFooter)) {
    return absl::UnimplementedError("batch is of unknown kind " + std::to_string(kind));
  }
  FLOTILLA_RETURN_IF_ERROR(ReadFormatHeader(in, kind, kLogFormatVersion, "batch"));
  in.Raw(kItemBytesOffset + 4 - 3);
  header.kind = static_cast<BatchKind>(kind);
  header.item_count = in.Fixed32();
  header.lsn = Lsn(in.Fixed64());
  header.salt = in.Fixed64();
  header.durable_lsn = Lsn(in.Fixed64());
  header.first_segment = SegmentNumber(in.Fixed64());
  header.lifecycle_items = in.Fixed64();
  header.groups = in.Fixed64();
  return BatchView{.header = header, .items = bytes.substr(kBatchHeaderBytes)};
}

std::string SegmentFileName(SegmentNumber number) { return NumberedName(kSegmentPrefix, number); }

std::optional<SegmentNumber> ParseSegmentFileName(std::string_view name) {
  return ParseNumberedName(kSegmentPrefix, name);
}

std::string SpareFileName(SegmentNumber number) { return NumberedName(kSparePrefix, number); }

bool IsSpareFileName(std::string_view name) {
  return ParseNumberedName(kSparePrefix, name).has_value();
}

}  // namespace flotilla::storage
