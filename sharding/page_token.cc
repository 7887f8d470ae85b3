#include "sharding/page_token.h"

#include "base/coding.h"
#include "base/crc32c.h"

namespace flotilla::sharding {
namespace {

constexpr uint8_t kPageTokenKind = 'K';
constexpr uint8_t kPageTokenVersion = 1;

}  // namespace

uint32_t RangeFingerprint(std::string_view start_key, std::string_view end_key, bool reverse) {
  std::string range;
  PutString(range, start_key);
  PutString(range, end_key);
  PutFixed8(range, reverse ? 1 : 0);
  return Crc32c(range);
}

std::string EncodePageToken(uint32_t range_fingerprint, std::string_view resume_key) {
  std::string token;
  PutFormatHeader(token, kPageTokenKind, kPageTokenVersion);
  PutFixed32(token, range_fingerprint);
  PutString(token, resume_key);
  return token;
}

absl::StatusOr<std::string> DecodePageToken(std::string_view token, uint32_t range_fingerprint) {
  Decoder in(token);
  if (!ReadFormatHeader(in, kPageTokenKind, kPageTokenVersion, "page token").ok()) {
    return absl::InvalidArgumentError("the page token is malformed or from a newer server");
  }
  const uint32_t fingerprint = in.Fixed32();
  const std::string_view key = in.String();
  if (!in.Finish("page token").ok() || key.empty()) {
    return absl::InvalidArgumentError("the page token is malformed");
  }
  if (fingerprint != range_fingerprint) {
    return absl::InvalidArgumentError("the page token belongs to another range");
  }
  return std::string(key);
}

}  // namespace flotilla::sharding
