#include "node/request.h"

namespace flotilla::node {

std::string_view ToString(Outcome outcome) {
  switch (outcome) {
    case Outcome::kNotApplied:
      return "NOT_APPLIED";
    case Outcome::kApplied:
      return "APPLIED";
    case Outcome::kUnknown:
      return "UNKNOWN";
  }
  return "UNKNOWN";
}

std::string_view ToString(Reason reason) {
  switch (reason) {
    case Reason::kNone:
      return "NONE";
    case Reason::kInvalidRequest:
      return "INVALID_REQUEST";
    case Reason::kNotLeader:
      return "NOT_LEADER";
    case Reason::kNoLeader:
      return "NO_LEADER";
    case Reason::kWrongShard:
      return "WRONG_SHARD";
    case Reason::kOverloaded:
      return "OVERLOADED";
    case Reason::kDiskFull:
      return "DISK_FULL";
    case Reason::kDeadlineExceeded:
      return "DEADLINE_EXCEEDED";
    case Reason::kLeadershipLost:
      return "LEADERSHIP_LOST";
    case Reason::kSessionUnknown:
      return "SESSION_UNKNOWN";
    case Reason::kShuttingDown:
      return "SHUTTING_DOWN";
    case Reason::kPermissionDenied:
      return "PERMISSION_DENIED";
    case Reason::kReplicaFailed:
      return "REPLICA_FAILED";
    case Reason::kNotReady:
      return "NOT_READY";
    case Reason::kSessionOfParent:
      return "SESSION_OF_PARENT";
  }
  return "UNKNOWN";
}

}  // namespace flotilla::node
