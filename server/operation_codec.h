// The bodies of the public API's requests as kv/'s commands and reads. Values are moved out of the
// messages.
#ifndef FLOTILLA_SERVER_OPERATION_CODEC_H_
#define FLOTILLA_SERVER_OPERATION_CODEC_H_

#include <cstdint>
#include <variant>

#include "absl/status/statusor.h"
#include "kv/command.h"
#include "kv/limits.h"
#include "kv/read.h"
#include "node/request.h"

namespace flotilla::v1 {
class PipelineOperation;
}  // namespace flotilla::v1

namespace flotilla::server {

struct DecodedRead {
  kv::ReadRequest read;
  node::ReadLevel level = node::ReadLevel::kLinearizable;
};
struct DecodedOperation {
  std::variant<kv::Command, DecodedRead> body;
  uint32_t range_fingerprint = 0;  // Scan, DeleteRange
};

// Without the header's part: who writes and where. kInvalidArgument for a message that says nothing
// meaningful (no condition, an unknown consistency, a page token of another range); sizes are left
// to kv::Validate. kUnimplemented for an operation that this server does not know.
absl::StatusOr<DecodedOperation> DecodeOperation(v1::PipelineOperation& operation,
                                                 const kv::Limits& limits);

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_OPERATION_CODEC_H_
