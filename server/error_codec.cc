#include "server/error_codec.h"

#include <string>

#include "flotilla/v1/error.pb.h"

namespace flotilla::server {
namespace {

v1::Reason ReasonOf(const node::Error& error) {
  switch (error.reason) {
    case node::Reason::kNone:
      return v1::REASON_INTERNAL;
    case node::Reason::kInvalidRequest:
      return error.code == absl::StatusCode::kUnimplemented ? v1::REASON_UNSUPPORTED
                                                            : v1::REASON_INVALID_REQUEST;
    case node::Reason::kNotLeader:
      return v1::REASON_NOT_LEADER;
    case node::Reason::kNoLeader:
      return v1::REASON_NO_LEADER;
    case node::Reason::kWrongShard:
      return v1::REASON_WRONG_SHARD;
    case node::Reason::kOverloaded:
      return v1::REASON_OVERLOADED;
    case node::Reason::kDiskFull:
      return v1::REASON_DISK_FULL;
    case node::Reason::kDeadlineExceeded:
      return v1::REASON_DEADLINE_EXCEEDED;
    case node::Reason::kLeadershipLost:
      return v1::REASON_LEADERSHIP_LOST;
    case node::Reason::kSessionUnknown:
      return v1::REASON_SESSION_UNKNOWN;
    case node::Reason::kShuttingDown:
      return v1::REASON_SHUTTING_DOWN;
    case node::Reason::kPermissionDenied:
      return v1::REASON_PERMISSION_DENIED;
    case node::Reason::kReplicaFailed:
      return v1::REASON_REPLICA_FAILED;
    case node::Reason::kNotReady:
      return v1::REASON_NOT_READY;
    case node::Reason::kSessionOfParent:
      return v1::REASON_SESSION_OF_PARENT;
  }
  return v1::REASON_INTERNAL;
}

v1::Outcome OutcomeOf(node::Outcome outcome) {
  switch (outcome) {
    case node::Outcome::kNotApplied:
      return v1::OUTCOME_NOT_APPLIED;
    case node::Outcome::kApplied:
      return v1::OUTCOME_APPLIED;
    case node::Outcome::kUnknown:
      return v1::OUTCOME_UNKNOWN;
  }
  return v1::OUTCOME_UNKNOWN;
}

void EncodeRoute(const node::Route& route, v1::Route* out) {
  out->set_shard_id(route.shard.value());
  out->set_shard_version(route.version);
  out->set_leader_node_id(route.leader.value());
  out->set_leader_address(route.leader_address);
}

struct Failure {
  absl::StatusCode code;
  v1::Reason reason;
  v1::Outcome outcome;
  const char* message;
};

Failure FailureOf(kv::ResultCode code) {
  using Code = absl::StatusCode;
  switch (code) {
    case kv::ResultCode::kNotANumber:
      return {Code::kFailedPrecondition, v1::REASON_NOT_A_NUMBER, v1::OUTCOME_NOT_APPLIED,
              "the value is not a decimal signed 64-bit integer"};
    case kv::ResultCode::kOverflow:
      return {Code::kOutOfRange, v1::REASON_NUMBER_OVERFLOW, v1::OUTCOME_NOT_APPLIED,
              "the number would leave 64 bits"};
    case kv::ResultCode::kTooLarge:
      return {Code::kFailedPrecondition, v1::REASON_VALUE_TOO_LARGE, v1::OUTCOME_NOT_APPLIED,
              "the value would become longer than max-value-size allows"};
    case kv::ResultCode::kSessionUnknown:
      return {Code::kFailedPrecondition, v1::REASON_SESSION_UNKNOWN, v1::OUTCOME_NOT_APPLIED,
              "the session expired, was closed, or never existed; open another"};
    case kv::ResultCode::kSequenceForgotten:
      // It may well have happened, at the first try.
      return {Code::kFailedPrecondition, v1::REASON_SEQUENCE_FORGOTTEN, v1::OUTCOME_UNKNOWN,
              "the sequence number was acknowledged, so its answer is gone"};
    case kv::ResultCode::kWindowFull:
      return {Code::kResourceExhausted, v1::REASON_SESSION_WINDOW_FULL, v1::OUTCOME_NOT_APPLIED,
              "too many unacknowledged answers in the session; raise acknowledged_below"};
    case kv::ResultCode::kWrongShard:
      return {Code::kFailedPrecondition, v1::REASON_WRONG_SHARD, v1::OUTCOME_NOT_APPLIED,
              "the key belongs to another shard; refresh the shard map"};
    case kv::ResultCode::kInvalid:
      return {Code::kInvalidArgument, v1::REASON_INVALID_REQUEST, v1::OUTCOME_NOT_APPLIED,
              "the shard refused the command as invalid"};
    case kv::ResultCode::kEntryFull:
      return {Code::kResourceExhausted, v1::REASON_OVERLOADED, v1::OUTCOME_NOT_APPLIED,
              "too many large values are read or written at once; try again"};
    case kv::ResultCode::kSessionOfParent:
      return {Code::kFailedPrecondition, v1::REASON_SESSION_OF_PARENT, v1::OUTCOME_NOT_APPLIED,
              "the session was opened with a parent of this shard, after the split"};
    case kv::ResultCode::kShardChanging:
      return {Code::kResourceExhausted, v1::REASON_OVERLOADED, v1::OUTCOME_NOT_APPLIED,
              "the shard's members are changing; try again"};
    case kv::ResultCode::kOk:
    case kv::ResultCode::kNotFound:
    case kv::ResultCode::kCompareFailed:
      break;
  }
  return {Code::kInternal, v1::REASON_INTERNAL, v1::OUTCOME_UNKNOWN,
          "the shard gave an answer that does not fit the request"};
}

}  // namespace

void EncodeError(const node::Error& error, Effect effect, v1::Error* out) {
  out->set_code(static_cast<int>(error.code));
  out->set_reason(ReasonOf(error));
  if (effect == Effect::kWrite) out->set_outcome(OutcomeOf(error.outcome));
  out->set_message(error.message);
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(error.retry_after);
  out->set_retry_after_ms(static_cast<uint32_t>(wait.count()));
  if (error.route.has_value()) EncodeRoute(*error.route, out->mutable_route());
}

void EncodeFailure(const kv::CommandResult& result, v1::Error* out) {
  const Failure failure = FailureOf(result.code);
  out->set_code(static_cast<int>(failure.code));
  out->set_reason(failure.reason);
  out->set_outcome(failure.outcome);
  out->set_message(failure.message);
  if (result.failed_operation.has_value()) out->set_failed_operation(*result.failed_operation);
}

}  // namespace flotilla::server
