// A piece of long work on the cluster, as the directory records it before the first order goes out:
// what is to be done, what the shard was when that was decided, and how it ended. Whoever leads the
// directory next finds it and carries it on; so it is never forgotten, and always ends.
#ifndef FLOTILLA_KV_OPERATION_RECORD_H_
#define FLOTILLA_KV_OPERATION_RECORD_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/ids.h"
#include "sharding/plan_step.h"

namespace flotilla::kv {

// From 1, growing, never reused.
using OperationId = StrongId<struct OperationIdTag>;

// The values are part of the format.
enum class OperationState : uint8_t {
  kRunning = 1,
  kCancelling = 2,  // what was done of it is undone
  kSucceeded = 3,
  kFailed = 4,
  kCancelled = 5,
};
// "running"
std::string_view ToString(OperationState state);

struct OperationRecord {
  OperationId id;
  // Any but a hand-over of leadership, which takes a moment and leaves nothing behind.
  sharding::Step step;
  // Of a split.
  ShardId child;
  // Why: the planner's word.
  std::string cause;
  OperationState state = OperationState::kRunning;

  // The shard as it was when this was decided: what no longer fits is not carried on.
  uint64_t shard_version = 0;
  LogIndex configuration;
  uint64_t voters = 0;

  WallTime begun;
  WallTime ended;  // and so is this: only once it has ended
  // Why it failed, or what is to be said of how it ended.
  std::string reason;

  bool has_ended() const { return state >= OperationState::kSucceeded; }

  friend bool operator==(const OperationRecord&, const OperationRecord&) = default;
};

// docs/formats.md, "Directory". Precondition: the step is none that hands over leadership.
std::string EncodeOperationRecord(const OperationRecord& record);
// kDataLoss, kUnimplemented for a newer format.
absl::StatusOr<OperationRecord> DecodeOperationRecord(std::string_view bytes);

}  // namespace flotilla::kv

#endif  // FLOTILLA_KV_OPERATION_RECORD_H_
