#include "client/page_position.h"

#include <utility>

#include "sharding/page_token.h"

namespace flotilla::client {

StatusOr<uint32_t> ResumeAt(const std::string& page_token, bool reverse, KeyRange& range) {
  const uint32_t fingerprint = sharding::RangeFingerprint(range.from, range.to, reverse);
  if (page_token.empty()) return fingerprint;
  absl::StatusOr<std::string> key = sharding::DecodePageToken(page_token, fingerprint);
  if (!key.ok()) {
    return Status(StatusCode::kInvalidArgument, std::string(key.status().message()),
                  reason::kInvalidRequest);
  }
  (reverse ? range.to : range.from) = *std::move(key);
  return fingerprint;
}

}  // namespace flotilla::client
