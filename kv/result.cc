#include "kv/result.h"

#include <limits>
#include <string>

#include "base/coding.h"
#include "base/status_macros.h"
#include "kv/arc_codec.h"
#include "kv/formats.h"

namespace flotilla::kv {

namespace {

constexpr std::string_view kName = "command result";

// Which fields follow, in this order. Most results have none but a version.
enum Field : uint64_t {
  kHasValue = 1 << 0,
  kHasNested = 1 << 1,
  kHasFailedOperation = 1 << 2,
  kHasDeleted = 1 << 3,
  kHasNextKey = 1 << 4,
  kHasSessionToken = 1 << 5,
  kConditionsHeld = 1 << 6,  // no bytes of its own
  kReplayed = 1 << 7,        // no bytes of its own
  kHasArc = 1 << 8,
  kAllFields = (1 << 9) - 1,
};

uint64_t FieldsOf(const CommandResult& result) {
  uint64_t fields = 0;
  if (result.value.has_value()) fields |= kHasValue;
  if (!result.nested.empty()) fields |= kHasNested;
  if (result.failed_operation.has_value()) fields |= kHasFailedOperation;
  if (result.deleted != 0) fields |= kHasDeleted;
  if (!result.next_key.empty()) fields |= kHasNextKey;
  if (!result.session_token.empty()) fields |= kHasSessionToken;
  if (result.conditions_held) fields |= kConditionsHeld;
  if (result.replayed) fields |= kReplayed;
  if (result.arc.has_value()) fields |= kHasArc;
  return fields;
}

void PutBody(std::string& out, const CommandResult& result) {
  const uint64_t fields = FieldsOf(result);
  PutFixed8(out, static_cast<uint8_t>(result.code));
  PutVarint(out, fields);
  PutVarint(out, result.version);
  if ((fields & kHasValue) != 0) PutString(out, *result.value);
  if ((fields & kHasNested) != 0) {
    PutVarint(out, result.nested.size());
    for (const CommandResult& nested : result.nested) PutBody(out, nested);
  }
  if ((fields & kHasFailedOperation) != 0) PutVarint(out, *result.failed_operation);
  if ((fields & kHasDeleted) != 0) PutVarint(out, result.deleted);
  if ((fields & kHasNextKey) != 0) PutString(out, result.next_key);
  if ((fields & kHasSessionToken) != 0) PutString(out, result.session_token);
  if ((fields & kHasArc) != 0) PutArc(out, *result.arc);
}

enum class Level { kTop, kNested };

CommandResult TakeBody(Decoder& in, Level level) {
  CommandResult result;
  const uint8_t code = in.Fixed8();
  if (code > static_cast<uint8_t>(ResultCode::kShardChanging)) in.Fail();
  result.code = static_cast<ResultCode>(code);
  const uint64_t fields = in.Varint();
  // Only operations of a batch nest, and those have no operations of their own.
  if ((fields & ~uint64_t{kAllFields}) != 0) in.Fail();
  if (level == Level::kNested && (fields & kHasNested) != 0) in.Fail();
  if (!in.ok()) return result;
  result.version = in.Varint();
  if ((fields & kHasValue) != 0) result.value = std::string(in.String());
  if ((fields & kHasNested) != 0) {
    const uint64_t count = in.Varint();
    if (count > in.rest().size()) in.Fail();
    for (uint64_t i = 0; in.ok() && i < count; ++i) {
      result.nested.push_back(TakeBody(in, Level::kNested));
    }
  }
  if ((fields & kHasFailedOperation) != 0) {
    const uint64_t position = in.Varint();
    if (position > std::numeric_limits<uint32_t>::max()) in.Fail();
    result.failed_operation = static_cast<uint32_t>(position);
  }
  if ((fields & kHasDeleted) != 0) result.deleted = in.Varint();
  if ((fields & kHasNextKey) != 0) result.next_key = std::string(in.String());
  if ((fields & kHasSessionToken) != 0) result.session_token = std::string(in.String());
  if ((fields & kHasArc) != 0) result.arc = TakeArc(in);
  result.conditions_held = (fields & kConditionsHeld) != 0;
  result.replayed = (fields & kReplayed) != 0;
  return result;
}

}  // namespace

std::string_view ToString(ResultCode code) {
  switch (code) {
    case ResultCode::kOk:
      return "ok";
    case ResultCode::kNotFound:
      return "not found";
    case ResultCode::kCompareFailed:
      return "compare failed";
    case ResultCode::kNotANumber:
      return "not a number";
    case ResultCode::kOverflow:
      return "overflow";
    case ResultCode::kTooLarge:
      return "too large";
    case ResultCode::kSessionUnknown:
      return "session unknown";
    case ResultCode::kSequenceForgotten:
      return "sequence forgotten";
    case ResultCode::kWindowFull:
      return "window full";
    case ResultCode::kWrongShard:
      return "wrong shard";
    case ResultCode::kInvalid:
      return "invalid";
    case ResultCode::kEntryFull:
      return "entry full";
    case ResultCode::kSessionOfParent:
      return "session of a parent shard";
    case ResultCode::kShardChanging:
      return "shard changing";
  }
  return "unknown";
}

bool IsRecorded(ResultCode code) { return code <= ResultCode::kTooLarge; }

std::string EncodeResult(const CommandResult& result) {
  std::string out;
  PutFormat(out, Format::kResult);
  PutBody(out, result);
  return out;
}

absl::StatusOr<CommandResult> DecodeResult(std::string_view bytes) {
  Decoder in(bytes);
  FLOTILLA_RETURN_IF_ERROR(ReadFormat(in, Format::kResult, kName));
  CommandResult result = TakeBody(in, Level::kTop);
  FLOTILLA_RETURN_IF_ERROR(in.Finish(kName));
  return result;
}

}  // namespace flotilla::kv
