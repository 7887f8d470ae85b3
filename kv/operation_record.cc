#include "kv/operation_record.h"

#include "base/check.h"
#include "base/coding.h"
#include "base/status_macros.h"

namespace flotilla::kv {

namespace {

constexpr uint8_t kKind = 'O';
constexpr uint8_t kNewestVersion = 1;

enum class StepKind : uint8_t { kMove = 1, kAdd = 2, kRemove = 3, kSplit = 4 };

void PutKind(std::string& out, StepKind kind) { PutFixed8(out, static_cast<uint8_t>(kind)); }

struct StepWriter {
  std::string& out;

  void operator()(const sharding::MoveReplica& move) const {
    PutKind(out, StepKind::kMove);
    PutVarint(out, move.from.value());
    PutVarint(out, move.to.value());
  }
  void operator()(const sharding::AddReplica& add) const {
    PutKind(out, StepKind::kAdd);
    PutVarint(out, add.to.value());
  }
  void operator()(const sharding::RemoveReplica& remove) const {
    PutKind(out, StepKind::kRemove);
    PutVarint(out, remove.from.value());
  }
  void operator()(const sharding::TransferLeader&) const {
    FLOTILLA_CHECK_MSG(false, "hand-overs are not recorded");
  }
  void operator()(const sharding::SplitShard& split) const {
    PutKind(out, StepKind::kSplit);
    PutFixed16(out, split.at.value);
  }
};

// Designated initialisers evaluate in order.
sharding::Step TakeStep(Decoder& in, ShardId shard) {
  switch (static_cast<StepKind>(in.Fixed8())) {
    case StepKind::kMove:
      return sharding::MoveReplica{
          .shard = shard, .from = NodeId(in.Varint()), .to = NodeId(in.Varint())};
    case StepKind::kAdd:
      return sharding::AddReplica{.shard = shard, .to = NodeId(in.Varint())};
    case StepKind::kRemove:
      return sharding::RemoveReplica{.shard = shard, .from = NodeId(in.Varint())};
    case StepKind::kSplit:
      return sharding::SplitShard{.shard = shard, .at = {in.Fixed16()}};
  }
  in.Fail();
  return {};
}

void PutTime(std::string& out, WallTime time) {
  PutSignedVarint(out, time.time_since_epoch().count());
}
WallTime TakeTime(Decoder& in) { return WallTime(Duration(in.SignedVarint())); }

}  // namespace

std::string_view ToString(OperationState state) {
  switch (state) {
    case OperationState::kRunning:
      return "running";
    case OperationState::kCancelling:
      return "cancelling";
    case OperationState::kSucceeded:
      return "succeeded";
    case OperationState::kFailed:
      return "failed";
    case OperationState::kCancelled:
      return "cancelled";
  }
  FLOTILLA_CHECK_MSG(false, "no such state");
}

std::string EncodeOperationRecord(const OperationRecord& record) {
  std::string out;
  PutFormatHeader(out, kKind, kNewestVersion);
  PutVarint(out, record.id.value());
  PutFixed8(out, static_cast<uint8_t>(record.state));
  PutVarint(out, ShardOf(record.step).value());
  std::visit(StepWriter{out}, record.step);
  PutVarint(out, record.child.value());
  PutString(out, record.cause);
  PutVarint(out, record.shard_version);
  PutVarint(out, record.configuration.value());
  PutVarint(out, record.voters);
  PutTime(out, record.begun);
  PutTime(out, record.ended);
  PutString(out, record.reason);
  return out;
}

absl::StatusOr<OperationRecord> DecodeOperationRecord(std::string_view bytes) {
  Decoder in(bytes);
  FLOTILLA_RETURN_IF_ERROR(ReadFormatHeader(in, kKind, kNewestVersion, "operation record"));
  OperationRecord record;
  record.id = OperationId(in.Varint());
  const uint8_t state = in.Fixed8();
  if (state < 1 || state > 5 || record.id.is_none()) in.Fail();
  record.state = static_cast<OperationState>(state);
  record.step = TakeStep(in, ShardId(in.Varint()));
  record.child = ShardId(in.Varint());
  record.cause = std::string(in.String());
  record.shard_version = in.Varint();
  record.configuration = LogIndex(in.Varint());
  record.voters = in.Varint();
  record.begun = TakeTime(in);
  record.ended = TakeTime(in);
  record.reason = std::string(in.String());
  FLOTILLA_RETURN_IF_ERROR(in.Finish("operation record"));
  return record;
}

}  // namespace flotilla::kv
