// What the node is asked and what it answers: the same values for a gRPC call, a request forwarded
// by another node, and a simulated client.
#ifndef FLOTILLA_NODE_REQUEST_H_
#define FLOTILLA_NODE_REQUEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/ids.h"
#include "kv/read.h"
#include "kv/result.h"

namespace flotilla::node {

// Travels with a request through forward, peer envelope and log line.
struct RequestContext {
  // Shared by all operations of one message; null when the caller sent none.
  SharedBytes request_id;
  SharedBytes traceparent;  // W3C
  std::string principal;    // who asks; empty is anonymous
  MonoTime deadline;        // of this node's clock
  // Stage time stamps are reported for this request when a StageObserver is installed.
  bool sampled = false;
};

// Where a request believes its data to be. `shard` none: the node looks it up by key.
struct Target {
  ShardId shard;
  uint64_t version = 0;  // of the shard's descriptor; 0: not known
  // Set on a request that another node forwarded: it is not forwarded again.
  bool forwarded = false;
};

enum class ReadLevel : uint8_t {
  kLinearizable = 1,
  kStale = 2,  // by name only: what this node has, with its lag
};

// What became of a write that failed (design brief, section 1.5).
enum class Outcome : uint8_t { kNotApplied = 1, kApplied = 2, kUnknown = 3 };
std::string_view ToString(Outcome outcome);

// Stable reasons, part of the public API (google.rpc.ErrorInfo.reason).
enum class Reason : uint8_t {
  kNone = 0,
  kInvalidRequest,    // INVALID_ARGUMENT: never worth a retry
  kNotLeader,         // UNAVAILABLE: go to `route`
  kNoLeader,          // UNAVAILABLE: an election is going on, or there is no majority
  kWrongShard,        // FAILED_PRECONDITION: refresh the map, `route` says what this node knows
  kOverloaded,        // RESOURCE_EXHAUSTED: retry after
  kDiskFull,          // RESOURCE_EXHAUSTED
  kDeadlineExceeded,  // DEADLINE_EXCEEDED
  kLeadershipLost,    // ABORTED: the proposal may or may not survive
  kSessionUnknown,    // FAILED_PRECONDITION: register a new session
  kShuttingDown,      // UNAVAILABLE: another node will serve
  kPermissionDenied,  // PERMISSION_DENIED
  kReplicaFailed,     // DATA_LOSS or UNAVAILABLE: this node cannot serve the shard, others can
  kNotReady,          // UNAVAILABLE: the node has not joined a cluster yet
  kSessionOfParent,   // FAILED_PRECONDITION: register a session here and write again
};
std::string_view ToString(Reason reason);

// Where the shard's leader is, as far as this node knows.
struct Route {
  ShardId shard;
  uint64_t version = 0;
  NodeId leader;               // none when unknown
  std::string leader_address;  // the leader's advertised client address
};

struct Error {
  absl::StatusCode code = absl::StatusCode::kOk;
  Reason reason = Reason::kNone;
  Outcome outcome = Outcome::kNotApplied;
  std::string message;
  Duration retry_after{0};  // 0: no hint
  std::optional<Route> route;

  bool ok() const { return code == absl::StatusCode::kOk; }
};

struct WriteRequest {
  RequestContext context;
  Target target;
  // kv::EncodeCommand of a validated command.
  SharedBytes command;
};
struct WriteReply {
  Error error;
  kv::CommandResult result;  // when error.ok()
};
using WriteDone = absl::AnyInvocable<void(WriteReply)>;

struct ReadRequest {
  RequestContext context;
  Target target;
  ReadLevel level = ReadLevel::kLinearizable;
  kv::ReadRequest read;
};
struct ReadReply {
  Error error;
  kv::ReadResult result;  // when error.ok()
  // kStale: how long ago this replica last knew itself to be up to date (node/freshness.h).
  Duration lag{0};
};
using ReadDone = absl::AnyInvocable<void(ReadReply)>;

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_REQUEST_H_
