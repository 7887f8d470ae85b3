// Where a scan or a delete-range goes on: a key, never a place, so that it survives every move of
// the data. Opaque to clients. Format in docs/formats.md.
#ifndef FLOTILLA_SHARDING_PAGE_TOKEN_H_
#define FLOTILLA_SHARDING_PAGE_TOKEN_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace flotilla::sharding {

// What a token is bound to: another range, or the other direction, gives another number (CRC32C).
uint32_t RangeFingerprint(std::string_view start_key, std::string_view end_key, bool reverse);

std::string EncodePageToken(uint32_t range_fingerprint, std::string_view resume_key);

// The key. kInvalidArgument: malformed, from a newer server, or of another range.
absl::StatusOr<std::string> DecodePageToken(std::string_view token, uint32_t range_fingerprint);

}  // namespace flotilla::sharding

#endif  // FLOTILLA_SHARDING_PAGE_TOKEN_H_
