#include "client/server_error.h"

#include <array>
#include <cstddef>

namespace flotilla::client {

namespace {

constexpr std::array<std::string_view, 22> kReasonNames = {
    "UNSPECIFIED",     "INVALID_REQUEST",    "NOT_LEADER",          "NO_LEADER",
    "WRONG_SHARD",     "OVERLOADED",         "DISK_FULL",           "DEADLINE_EXCEEDED",
    "LEADERSHIP_LOST", "SESSION_UNKNOWN",    "SHUTTING_DOWN",       "PERMISSION_DENIED",
    "REPLICA_FAILED",  "NOT_READY",          "NOT_A_NUMBER",        "NUMBER_OVERFLOW",
    "VALUE_TOO_LARGE", "SEQUENCE_FORGOTTEN", "SESSION_WINDOW_FULL", "INTERNAL",
    "UNSUPPORTED",     "SESSION_OF_PARENT",
};

Remedy RemedyFor(StatusCode code) {
  switch (code) {
    case StatusCode::kUnavailable:
      return Remedy::kTryElsewhere;
    case StatusCode::kResourceExhausted:
    case StatusCode::kAborted:
    case StatusCode::kDeadlineExceeded:
      return Remedy::kTryLater;
    default:
      return Remedy::kGiveUp;
  }
}

}  // namespace

std::string ToString(Reason reason) {
  const auto number = static_cast<size_t>(reason);
  if (number < kReasonNames.size()) return std::string(kReasonNames[number]);
  return "REASON_" + std::to_string(static_cast<int>(reason));
}

Remedy RemedyFor(const ServerError& error) {
  switch (error.reason) {
    case Reason::kNotLeader:
      return Remedy::kFollowRoute;
    case Reason::kNoLeader:
    case Reason::kShuttingDown:
    case Reason::kNotReady:
    case Reason::kReplicaFailed:
    // It waited all that time for a leader or a majority, and may be cut off from both.
    case Reason::kDeadlineExceeded:
      return Remedy::kTryElsewhere;
    case Reason::kWrongShard:
      return Remedy::kRefreshRoutes;
    case Reason::kSessionOfParent:
      return Remedy::kNewSession;
    case Reason::kOverloaded:
    case Reason::kSessionWindowFull:
    case Reason::kLeadershipLost:
      return Remedy::kTryLater;
    // A full disk stays full until somebody acts: say so now.
    case Reason::kDiskFull:
    case Reason::kInvalidRequest:
    case Reason::kSessionUnknown:
    case Reason::kPermissionDenied:
    case Reason::kNotANumber:
    case Reason::kNumberOverflow:
    case Reason::kValueTooLarge:
    case Reason::kSequenceForgotten:
    case Reason::kInternal:
    case Reason::kUnsupported:
      return Remedy::kGiveUp;
    case Reason::kNone:
      break;
  }
  return RemedyFor(error.code);
}

bool IsAnswer(Reason reason) {
  return reason == Reason::kNotANumber || reason == Reason::kNumberOverflow ||
         reason == Reason::kValueTooLarge;
}

}  // namespace flotilla::client
