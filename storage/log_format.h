// The frames of the write-ahead log: segment headers and batches. docs/formats.md describes the
// bytes; what batches are filled with is in log_items.h.
//
//   segment file:  [header block][batch][batch]...[footer][rest: zeros, or another life's bytes]
//   batch:         [64 bytes of header][items][zeros up to the next block]
//
// Everything starts on a block boundary, so no write touches a block that holds acknowledged bytes,
// and a reader that lost its way finds the next batch by trying every block. The fields up to the
// checksum and the salt stand at the same place in every version, so that a reader can tell a newer
// format (checksum right, version unknown: refuse) from damage (checksum wrong).
#ifndef FLOTILLA_STORAGE_LOG_FORMAT_H_
#define FLOTILLA_STORAGE_LOG_FORMAT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"

namespace flotilla::storage {

// Names a segment in its stream; counts from 1 and never repeats.
using SegmentNumber = StrongPosition<struct SegmentNumberTag>;

inline constexpr uint64_t kLogBlockBytes = 4096;
inline constexpr size_t kBatchHeaderBytes = 64;
// No batch is larger: the checksum's length is an int.
inline constexpr uint64_t kBatchBytesMax = 1ull << 30;

inline constexpr uint64_t RoundUpToBlock(uint64_t bytes) {
  return (bytes + kLogBlockBytes - 1) / kLogBlockBytes * kLogBlockBytes;
}

struct SegmentHeader {
  NodeId node;
  Incarnation incarnation;
  SegmentNumber number;
  // Differs between the lives of a recycled file: a batch of a former life does not carry it.
  uint64_t salt = 0;
};

// One whole block.
std::string EncodeSegmentHeader(const SegmentHeader& header);
// kDataLoss when damaged, kUnimplemented when another build wrote it.
absl::StatusOr<SegmentHeader> DecodeSegmentHeader(std::string_view block);

enum class BatchKind : uint8_t {
  kItems = 0x31,   // without items it is a marker: it only vouches for the batches before it
  kFooter = 0x32,  // the last of its segment; has no items and repeats the last batch's LSN
};

struct BatchHeader {
  BatchKind kind = BatchKind::kItems;
  uint32_t item_bytes = 0;
  uint32_t item_count = 0;
  Lsn lsn;
  uint64_t salt = 0;
  // All batches up to here had been synced when this one was built.
  Lsn durable_lsn;
  // Segments before this one are not needed, given this batch and those before it.
  SegmentNumber first_segment;
  // How many items before this batch, in the whole stream, brought a replica into being or buried
  // one. Tells after a loss whether groups may be missing that nobody has heard of.
  uint64_t lifecycle_items = 0;
  // How many groups had an item before this batch, in the whole stream; no group is ever without
  // one again. Tells whether a loss has left nothing of one. 0: not said.
  uint64_t groups = 0;

  uint64_t BytesOnDisk() const { return RoundUpToBlock(kBatchHeaderBytes + item_bytes); }
};

// Completes a batch: `batch` holds kBatchHeaderBytes of room and then the items. Fills in the
// header (item_bytes is taken from the size) and pads to the block.
void SealBatch(BatchHeader header, std::string& batch);

struct BatchView {
  BatchHeader header;
  std::string_view items;
};

// The bytes that a batch which starts like this claims to have on disk; nullopt unless it begins
// with the salt. `start` needs kBatchHeaderBytes.
std::optional<uint64_t> ClaimedBatchBytes(std::string_view start, uint64_t salt);
// Checks a batch of ClaimedBatchBytes. kDataLoss when damaged or torn, kUnimplemented when whole
// but of a kind, version or flags that this build does not know.
absl::StatusOr<BatchView> DecodeBatch(std::string_view bytes);

// "segment-0000000000000007.wal"
std::string SegmentFileName(SegmentNumber number);
std::optional<SegmentNumber> ParseSegmentFileName(std::string_view name);
// "spare-0000000000000007.wal": a file that may become a segment; its contents mean nothing.
std::string SpareFileName(SegmentNumber number);
bool IsSpareFileName(std::string_view name);

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_LOG_FORMAT_H_
