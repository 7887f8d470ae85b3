#include "node/errors.h"

#include <utility>

#include "base/status_macros.h"

namespace flotilla::node {

namespace {

// Short enough that a client waits no longer than it must, long enough to let a queue drain.
constexpr Duration kRetrySoon = std::chrono::milliseconds(20);
constexpr Duration kRetryLater = std::chrono::milliseconds(500);

Error Make(absl::StatusCode code, Reason reason, std::string message) {
  Error error;
  error.code = code;
  error.reason = reason;
  error.message = std::move(message);
  return error;
}

}  // namespace

Error InvalidRequest(const absl::Status& why) {
  return Make(absl::StatusCode::kInvalidArgument, Reason::kInvalidRequest,
              std::string(StdView(why.message())));
}

Error PermissionDenied(const absl::Status& why) {
  return Make(absl::StatusCode::kPermissionDenied, Reason::kPermissionDenied,
              std::string(StdView(why.message())));
}

Error NotLeader(const Route& route) {
  Error error = Make(absl::StatusCode::kUnavailable, Reason::kNotLeader,
                     "this node does not lead shard " + ToString(route.shard));
  error.route = route;
  return error;
}

Error NoLeader() {
  Error error = Make(absl::StatusCode::kUnavailable, Reason::kNoLeader,
                     "the shard has no leader that this node can reach");
  error.retry_after = kRetrySoon;
  return error;
}

Error WrongShard(const Route& known) {
  Error error = Make(absl::StatusCode::kFailedPrecondition, Reason::kWrongShard,
                     "the key does not belong to the shard that was asked");
  error.route = known;
  return error;
}

Error Overloaded(std::string what) {
  Error error = Make(absl::StatusCode::kResourceExhausted, Reason::kOverloaded, std::move(what));
  error.retry_after = kRetrySoon;
  return error;
}

Error DiskFull() {
  Error error = Make(absl::StatusCode::kResourceExhausted, Reason::kDiskFull,
                     "the disk of the shard's leader is full; free space there, writes resume by "
                     "themselves");
  error.retry_after = kRetryLater;
  return error;
}

Error DeadlineExceeded(Outcome outcome) {
  Error error =
      Make(absl::StatusCode::kDeadlineExceeded, Reason::kDeadlineExceeded,
           outcome == Outcome::kUnknown ? "the deadline passed while the write was being replicated"
                                        : "the deadline passed before the request could be served");
  error.outcome = outcome;
  return error;
}

Error LeadershipLost(Outcome outcome) {
  Error error = Make(absl::StatusCode::kAborted, Reason::kLeadershipLost,
                     "leadership changed while the write was being replicated");
  error.outcome = outcome;
  return error;
}

Error ForwardLost(NodeId to, Outcome outcome) {
  Error error = Make(absl::StatusCode::kUnavailable, Reason::kNoLeader,
                     "the connection to node " + ToString(to) + " broke, which was asked");
  error.outcome = outcome;
  error.retry_after = kRetrySoon;
  return error;
}

Error ShuttingDown() {
  return Make(absl::StatusCode::kUnavailable, Reason::kShuttingDown, "this node is shutting down");
}

Error ReplicaFailed(const absl::Status& why) {
  const std::string message(StdView(why.message()));
  if (absl::IsDataLoss(why)) {
    return Make(absl::StatusCode::kDataLoss, Reason::kReplicaFailed,
                "this node's replica of the shard is damaged and was stopped: " + message);
  }
  Error error = Make(absl::StatusCode::kUnavailable, Reason::kReplicaFailed,
                     "this node's replica of the shard cannot serve now: " + message);
  error.retry_after = kRetryLater;
  return error;
}

Error NotReady(const std::string& why) {
  Error error = Make(absl::StatusCode::kUnavailable, Reason::kNotReady,
                     "this node is not part of a cluster yet: " + why);
  error.retry_after = kRetryLater;
  return error;
}

WriteReply ToReply(kv::CommandResult result) {
  WriteReply reply;
  switch (result.code) {
    case kv::ResultCode::kWrongShard:
      reply.error = WrongShard(Route());
      reply.error.route.reset();
      break;
    case kv::ResultCode::kSessionUnknown:
      reply.error = Make(absl::StatusCode::kFailedPrecondition, Reason::kSessionUnknown,
                         "the session expired, was closed or was never opened");
      break;
    case kv::ResultCode::kSessionOfParent:
      reply.error = Make(absl::StatusCode::kFailedPrecondition, Reason::kSessionOfParent,
                         "the session was opened with a parent of this shard, after the split");
      break;
    case kv::ResultCode::kWindowFull:
      reply.error = Overloaded("too many unacknowledged writes in the session");
      break;
    case kv::ResultCode::kEntryFull:
      reply.error = Overloaded("too many large values are read or written at once");
      break;
    case kv::ResultCode::kShardChanging:
      reply.error = Overloaded("the shard's members are changing");
      break;
    default:
      reply.result = std::move(result);
  }
  return reply;
}

}  // namespace flotilla::node
