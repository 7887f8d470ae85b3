// The first byte of every format of kv/ (docs/formats.md), and the newest version of each that this
// build reads and the one that it writes. Letters, so that they can be told apart in a hex dump.
#ifndef FLOTILLA_KV_FORMATS_H_
#define FLOTILLA_KV_FORMATS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "base/coding.h"

namespace flotilla::kv {

enum class Format : uint8_t {
  kAppliedRow = 'A',
  kCommand = 'C',
  kEntryPayload = 'E',
  kShardRow = 'G',
  kReadResult = 'P',
  kReadRequest = 'Q',
  kResult = 'R',
  kSessionRow = 'S',
  kSessionToken = 'T',
  kDataRow = 'V',
};

inline constexpr uint8_t kFormatVersion = 1;

inline void PutFormat(std::string& out, Format format) {
  PutFormatHeader(out, static_cast<uint8_t>(format), kFormatVersion);
}
inline absl::Status ReadFormat(Decoder& in, Format format, std::string_view what) {
  return ReadFormatHeader(in, static_cast<uint8_t>(format), kFormatVersion, what);
}

}  // namespace flotilla::kv

#endif  // FLOTILLA_KV_FORMATS_H_
