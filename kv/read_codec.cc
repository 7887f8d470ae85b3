// Read requests and results to bytes and back. Layout: docs/formats.md, "Read request".
#include <limits>
#include <utility>

#include "base/coding.h"
#include "base/status_macros.h"
#include "kv/arc_codec.h"
#include "kv/formats.h"
#include "kv/read.h"

namespace flotilla::kv {

namespace {

constexpr std::string_view kRequestName = "read request";
constexpr std::string_view kResultName = "read result";

enum class ReadKind : uint8_t { kGet = 1, kBatchGet = 2, kScanPage = 3 };

enum ScanFlag : uint8_t {
  kReverse = 1 << 0,
  kKeysOnly = 1 << 1,
  kCountOnly = 1 << 2,
  kOfSlots = 1 << 3
};
constexpr uint8_t kAllScanFlags = kReverse | kKeysOnly | kCountOnly | kOfSlots;

enum ResultFlag : uint8_t { kWrongShard = 1 << 0, kHasResumeKey = 1 << 1, kHasArc = 1 << 2 };
constexpr uint8_t kAllResultFlags = kWrongShard | kHasResumeKey | kHasArc;

std::string TakeString(Decoder& in) { return std::string(in.String()); }

uint32_t TakeUint32(Decoder& in) {
  const uint64_t value = in.Varint();
  if (value > std::numeric_limits<uint32_t>::max()) in.Fail();
  return static_cast<uint32_t>(value);
}

struct OperationEncoder {
  std::string& out;

  void operator()(const Get& get) const {
    PutFixed8(out, static_cast<uint8_t>(ReadKind::kGet));
    PutString(out, get.key);
  }
  void operator()(const BatchGet& get) const {
    PutFixed8(out, static_cast<uint8_t>(ReadKind::kBatchGet));
    PutVarint(out, get.keys.size());
    for (const std::string& key : get.keys) PutString(out, key);
  }
  void operator()(const ScanPage& page) const {
    PutFixed8(out, static_cast<uint8_t>(ReadKind::kScanPage));
    PutString(out, page.from);
    PutString(out, page.to);
    PutVarint(out, page.max_rows);
    PutVarint(out, page.max_bytes);
    uint8_t flags = 0;
    if (page.reverse) flags |= kReverse;
    if (page.keys_only) flags |= kKeysOnly;
    if (page.count_only) flags |= kCountOnly;
    if (page.slots.has_value()) flags |= kOfSlots;
    PutFixed8(out, flags);
    PutVarint(out, page.shard_version);
    if (page.slots.has_value()) PutArc(out, *page.slots);
  }
};

BatchGet TakeBatchGet(Decoder& in) {
  BatchGet get;
  const uint64_t count = in.Varint();
  for (uint64_t i = 0; in.ok() && i < count; ++i) get.keys.push_back(TakeString(in));
  return get;
}

ScanPage TakeScanPage(Decoder& in) {
  ScanPage page{.from = TakeString(in),
                .to = TakeString(in),
                .max_rows = TakeUint32(in),
                .max_bytes = in.Varint()};
  const uint8_t flags = in.Fixed8();
  if ((flags & ~kAllScanFlags) != 0) in.Fail();
  page.reverse = (flags & kReverse) != 0;
  page.keys_only = (flags & kKeysOnly) != 0;
  page.count_only = (flags & kCountOnly) != 0;
  page.shard_version = in.Varint();
  if ((flags & kOfSlots) != 0) page.slots = TakeArc(in);
  return page;
}

void PutRow(std::string& out, const std::optional<Row>& row) {
  PutFixed8(out, row.has_value() ? 1 : 0);
  if (!row.has_value()) return;
  PutString(out, row->key);
  PutString(out, row->value);
  PutVarint(out, row->version);
  PutVarint(out, row->created_version);
}

std::optional<Row> TakeRow(Decoder& in) {
  const uint8_t present = in.Fixed8();
  if (present > 1) in.Fail();
  if (present != 1) return std::nullopt;
  return Row{.key = TakeString(in),
             .value = TakeString(in),
             .version = in.Varint(),
             .created_version = in.Varint()};
}

}  // namespace

std::string EncodeReadRequest(const ReadRequest& request) {
  std::string out;
  PutFormat(out, Format::kReadRequest);
  PutVarint(out, request.keyspace);
  std::visit(OperationEncoder{out}, request.operation);
  return out;
}

absl::StatusOr<ReadRequest> DecodeReadRequest(std::string_view bytes) {
  Decoder in(bytes);
  FLOTILLA_RETURN_IF_ERROR(ReadFormat(in, Format::kReadRequest, kRequestName));
  ReadRequest request{.keyspace = TakeUint32(in), .operation = Get{}};
  switch (static_cast<ReadKind>(in.Fixed8())) {
    case ReadKind::kGet:
      request.operation = Get{.key = TakeString(in)};
      break;
    case ReadKind::kBatchGet:
      request.operation = TakeBatchGet(in);
      break;
    case ReadKind::kScanPage:
      request.operation = TakeScanPage(in);
      break;
    default:
      in.Fail();
  }
  FLOTILLA_RETURN_IF_ERROR(in.Finish(kRequestName));
  return request;
}

std::string EncodeReadResult(const ReadResult& result) {
  size_t size = 64;
  for (const std::optional<Row>& row : result.rows) {
    if (row.has_value()) size += row->key.size() + row->value.size() + 32;
  }
  std::string out;
  out.reserve(size);
  PutFormat(out, Format::kReadResult);
  uint8_t flags = 0;
  if (result.wrong_shard) flags |= kWrongShard;
  if (result.resume_key.has_value()) flags |= kHasResumeKey;
  if (result.arc.has_value()) flags |= kHasArc;
  PutFixed8(out, flags);
  PutVarint(out, result.applied.value());
  PutVarint(out, result.revision);
  PutVarint(out, result.shard_version);
  PutVarint(out, result.count);
  if (result.resume_key.has_value()) PutString(out, *result.resume_key);
  if (result.arc.has_value()) PutArc(out, *result.arc);
  PutVarint(out, result.rows.size());
  for (const std::optional<Row>& row : result.rows) PutRow(out, row);
  return out;
}

absl::StatusOr<ReadResult> DecodeReadResult(std::string_view bytes) {
  Decoder in(bytes);
  FLOTILLA_RETURN_IF_ERROR(ReadFormat(in, Format::kReadResult, kResultName));
  ReadResult result;
  const uint8_t flags = in.Fixed8();
  if ((flags & ~kAllResultFlags) != 0) in.Fail();
  result.wrong_shard = (flags & kWrongShard) != 0;
  result.applied = LogIndex(in.Varint());
  result.revision = in.Varint();
  result.shard_version = in.Varint();
  result.count = in.Varint();
  if ((flags & kHasResumeKey) != 0) result.resume_key = TakeString(in);
  if ((flags & kHasArc) != 0) result.arc = TakeArc(in);
  const uint64_t count = in.Varint();
  for (uint64_t i = 0; in.ok() && i < count; ++i) result.rows.push_back(TakeRow(in));
  FLOTILLA_RETURN_IF_ERROR(in.Finish(kResultName));
  return result;
}

}  // namespace flotilla::kv
