// From the public API's messages to what the node takes. All that can be refused without knowing
// the state is refused here. Values are moved out of the messages, not copied.
#ifndef FLOTILLA_SERVER_REQUEST_CODEC_H_
#define FLOTILLA_SERVER_REQUEST_CODEC_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "kv/limits.h"
#include "server/client_operation.h"

namespace flotilla::v1 {
class PipelineOperation;
class PipelineRequest;
class RequestHeader;
}  // namespace flotilla::v1

namespace flotilla::server {

struct RequestOptions {
  kv::Limits limits;
  // Of a request that names no timeout.
  Duration default_timeout = std::chrono::seconds(10);
  // A longer one is cut to this.
  Duration max_timeout = std::chrono::minutes(1);
};

// What is known of a call besides its message.
struct CallInfo {
  MonoTime now;
  MonoTime deadline = MonoTime::max();  // the transport's own
  std::string principal;
  // Used where the message's header names none.
  std::string request_id;
  std::string traceparent;
};

// Immutable, thread-safe.
class RequestCodec {
 public:
  // Of a request id or a traceparent: each lives, and may be logged, as long as its request.
  static constexpr size_t kMaxTraceBytes = 128;

  explicit RequestCodec(RequestOptions options) : options_(std::move(options)) {}

  const kv::Limits& limits() const { return options_.limits; }

  // One operation per operation of the message, in order. Empties the message.
  std::vector<ClientOperation> Decode(v1::PipelineRequest& request, const CallInfo& call) const;
  // A unary call, wrapped as an operation. Empties the message.
  ClientOperation Decode(v1::PipelineOperation& operation, const CallInfo& call) const;

 private:
  // What all operations of a message share.
  struct Shared;
  ClientOperation Decode(v1::PipelineOperation& operation, const Shared& shared) const;
  absl::StatusOr<NodeRequest> ToRequest(v1::PipelineOperation& operation, const Shared& shared,
                                        AnswerContext* answer) const;

  const RequestOptions options_;
};

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_REQUEST_CODEC_H_
