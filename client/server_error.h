// What a node answers when it refuses an operation, and what the client makes of it.
#ifndef FLOTILLA_CLIENT_SERVER_ERROR_H_
#define FLOTILLA_CLIENT_SERVER_ERROR_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "flotilla/status.h"

namespace flotilla::client {

// The numbers of flotilla.v1.Reason. A newer server may send others.
enum class Reason : int {
  kNone = 0,
  kInvalidRequest = 1,
  kNotLeader = 2,
  kNoLeader = 3,
  kWrongShard = 4,
  kOverloaded = 5,
  kDiskFull = 6,
  kDeadlineExceeded = 7,
  kLeadershipLost = 8,
  kSessionUnknown = 9,
  kShuttingDown = 10,
  kPermissionDenied = 11,
  kReplicaFailed = 12,
  kNotReady = 13,
  kNotANumber = 14,
  kNumberOverflow = 15,
  kValueTooLarge = 16,
  kSequenceForgotten = 17,
  kSessionWindowFull = 18,
  kInternal = 19,
  kUnsupported = 20,
  kSessionOfParent = 21,
};
// As in "NO_LEADER"; "REASON_99" for one of a newer server.
std::string ToString(Reason reason);

// Where a shard is led, as a node believes.
struct RouteHint {
  ShardId shard;
  uint64_t shard_version = 0;
  std::string leader_endpoint;  // empty: not known
};

struct ServerError {
  StatusCode code = StatusCode::kUnknown;
  Reason reason = Reason::kNone;
  Outcome outcome = Outcome::kUnknown;  // of a write
  std::string message;
  Duration retry_after{0};
  std::optional<RouteHint> route;
};

// What to do about a refusal.
enum class Remedy : uint8_t {
  kGiveUp,         // another try would be refused as well
  kFollowRoute,    // another node leads: go there, at once if it is known
  kTryElsewhere,   // this node cannot serve now; another one may
  kTryLater,       // back off, then try the same again
  kRefreshRoutes,  // the shard map is out of date
  kNewSession,     // the shard needs a session of its own, which may take the write over
};
Remedy RemedyFor(const ServerError& error);

// Whether the error is the operation's own answer, recorded with its session: repeating the write
// would give the same, and no earlier try of it did anything else.
bool IsAnswer(Reason reason);

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_SERVER_ERROR_H_
