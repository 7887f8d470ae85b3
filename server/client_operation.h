// One call of a client on its way through the server: what the node is asked, and what is needed to
// answer in the client's terms. The same for a unary call, a message of a Pipeline, and a client in
// the simulation.
#ifndef FLOTILLA_SERVER_CLIENT_OPERATION_H_
#define FLOTILLA_SERVER_CLIENT_OPERATION_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "node/request.h"

namespace flotilla::server {

// The numbers are those of the fields in PipelineOperation and PipelineResult.
enum class OperationKind : uint8_t {
  kNone = 0,  // an operation that this server does not know
  kGet = 3,
  kBatchGet = 4,
  kPut = 5,
  kDelete = 6,
  kCompareAndSwap = 7,
  kIncrement = 8,
  kAppend = 9,
  kDeleteRange = 10,
  kBatch = 11,
  kTxn = 12,
  kScan = 13,
  kOpenSession = 14,
  kCloseSession = 15,
  kKeepSessionAlive = 16,
};
inline constexpr int kOperationKinds = 17;
// "put": as metrics and logs name it.
std::string_view ToString(OperationKind kind);
bool IsRead(OperationKind kind);

// What outlives the request until its answer.
struct AnswerContext {
  uint64_t id = 0;
  OperationKind kind = OperationKind::kNone;
  // Scan, DeleteRange: goes into the page token, so that it serves for the same range only.
  uint32_t range_fingerprint = 0;
  MonoTime received;
};

// An Error is refused already and never reaches the node.
using NodeRequest = std::variant<node::Error, node::WriteRequest, node::ReadRequest>;

struct ClientOperation {
  AnswerContext answer;
  NodeRequest request;
};

struct Answer {
  AnswerContext context;
  // An Error is that of an operation that never reached the node, and so was not applied.
  std::variant<node::Error, node::WriteReply, node::ReadReply> reply;
  // ByteSize of the reply, once the gateway has measured it.
  size_t bytes = 0;
};

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_CLIENT_OPERATION_H_
