#include "kv/limits_codec.h"

#include <limits>

namespace flotilla::kv {

namespace {

uint32_t TakeUint32(Decoder& in) {
  const uint64_t value = in.Varint();
  if (value > std::numeric_limits<uint32_t>::max()) in.Fail();
  return static_cast<uint32_t>(value);
}

}  // namespace

void PutLimits(std::string& out, const Limits& limits) {
  PutVarint(out, limits.max_key_bytes);
  PutVarint(out, limits.max_value_bytes);
  PutVarint(out, limits.max_command_bytes);
  PutVarint(out, limits.max_operations);
  PutVarint(out, limits.max_delete_range);
  PutVarint(out, limits.max_batch_get);
  PutVarint(out, limits.max_page_rows);
  PutVarint(out, limits.max_page_bytes);
}

Limits TakeLimits(Decoder& in) {
  Limits limits;
  limits.max_key_bytes = in.Varint();
  limits.max_value_bytes = in.Varint();
  limits.max_command_bytes = in.Varint();
  limits.max_operations = in.Varint();
  limits.max_delete_range = in.Varint();
  limits.max_batch_get = in.Varint();
  limits.max_page_rows = in.Varint();
  limits.max_page_bytes = in.Varint();
  return limits;
}

void PutSessionLimits(std::string& out, const SessionLimits& limits) {
  PutVarint(out, limits.max_sessions);
  PutVarint(out, limits.max_results_per_session);
  PutVarint(out, limits.max_bytes_per_session);
  PutVarint(out, limits.max_bytes);
  PutVarint(out, static_cast<uint64_t>(limits.idle_expiry.count()));
}

SessionLimits TakeSessionLimits(Decoder& in) {
  SessionLimits limits;
  limits.max_sessions = TakeUint32(in);
  limits.max_results_per_session = TakeUint32(in);
  limits.max_bytes_per_session = in.Varint();
  limits.max_bytes = in.Varint();
  const uint64_t nanoseconds = in.Varint();
  if (nanoseconds > static_cast<uint64_t>(Duration::max().count())) in.Fail();
  limits.idle_expiry = in.ok() ? Duration(static_cast<int64_t>(nanoseconds)) : Duration(0);
  return limits;
}

}  // namespace flotilla::kv
