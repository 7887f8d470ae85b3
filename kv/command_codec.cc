// EncodeCommand and DecodeCommand. Layout: docs/formats.md, "Command".
#include <limits>
#include <utility>

#include "base/coding.h"
#include "base/status_macros.h"
#include "kv/command.h"
#include "kv/formats.h"

namespace flotilla::kv {

namespace {

constexpr std::string_view kName = "command";

enum class OperationKind : uint8_t {
  kPut = 1,
  kDelete = 2,
  kCompareAndSwap = 3,
  kIncrement = 4,
  kAppend = 5,
  kDeleteRange = 6,
  kBatch = 7,
  kTxn = 8,
  kOpenSession = 9,
  kCloseSession = 10,
  kKeepAlive = 11,
  kSplitShard = 12,
  kSweepShard = 13,
};

enum class IdentityKind : uint8_t { kNone = 0, kSession = 1 };

struct OperationEncoder {
  std::string& out;

  void Kind(OperationKind kind) const { PutFixed8(out, static_cast<uint8_t>(kind)); }

  void operator()(const Put& put) const {
    Kind(OperationKind::kPut);
    PutString(out, put.key);
    PutString(out, put.value);
  }
  void operator()(const Delete& del) const {
    Kind(OperationKind::kDelete);
    PutString(out, del.key);
  }
  void operator()(const CompareAndSwap& cas) const {
    Kind(OperationKind::kCompareAndSwap);
    PutCondition(cas.condition);
    PutString(out, cas.value);
  }
  void operator()(const Increment& increment) const {
    Kind(OperationKind::kIncrement);
    PutString(out, increment.key);
    PutSignedVarint(out, increment.delta);
  }
  void operator()(const Append& append) const {
    Kind(OperationKind::kAppend);
    PutString(out, append.key);
    PutString(out, append.value);
  }
  void operator()(const DeleteRange& range) const {
    Kind(OperationKind::kDeleteRange);
    PutString(out, range.from);
    PutString(out, range.to);
    PutVarint(out, range.limit);
    PutVarint(out, range.shard_version);
  }
  void operator()(const Batch& batch) const {
    Kind(OperationKind::kBatch);
    PutOperations(batch.operations);
  }
  void operator()(const Txn& txn) const {
    Kind(OperationKind::kTxn);
    PutVarint(out, txn.conditions.size());
    for (const Condition& condition : txn.conditions) PutCondition(condition);
    PutOperations(txn.then);
    PutOperations(txn.otherwise);
  }
  void operator()(const OpenSession&) const { Kind(OperationKind::kOpenSession); }
  void operator()(const CloseSession&) const { Kind(OperationKind::kCloseSession); }
  void operator()(const KeepAlive&) const { Kind(OperationKind::kKeepAlive); }
  void operator()(const SplitShard& split) const {
    Kind(OperationKind::kSplitShard);
    PutVarint(out, split.child.value());
    PutFixed16(out, split.at.value);
    PutVarint(out, split.shard_version);
  }
  void operator()(const SweepShard&) const { Kind(OperationKind::kSweepShard); }

  void PutCondition(const Condition& condition) const {
    PutFixed8(out, static_cast<uint8_t>(condition.kind));
    PutString(out, condition.key);
    if (condition.kind == Condition::Kind::kVersion) PutVarint(out, condition.version);
    if (condition.kind == Condition::Kind::kValue) PutString(out, condition.value);
  }
  void PutOperations(const std::vector<SimpleOperation>& operations) const {
    PutVarint(out, operations.size());
    for (const SimpleOperation& operation : operations) std::visit(*this, operation);
  }
};

std::string TakeString(Decoder& in) { return std::string(in.String()); }

uint32_t TakeUint32(Decoder& in) {
  const uint64_t value = in.Varint();
  if (value > std::numeric_limits<uint32_t>::max()) in.Fail();
  return static_cast<uint32_t>(value);
}

// A count of things that take a byte each at least: a damaged one is found before memory is taken.
uint64_t TakeCount(Decoder& in) {
  const uint64_t count = in.Varint();
  if (count > in.rest().size()) in.Fail();
  return in.ok() ? count : 0;
}

Condition TakeCondition(Decoder& in) {
  Condition condition;
  condition.kind = static_cast<Condition::Kind>(in.Fixed8());
  condition.key = TakeString(in);
  switch (condition.kind) {
    case Condition::Kind::kAbsent:
    case Condition::Kind::kExists:
      break;
    case Condition::Kind::kVersion:
      condition.version = in.Varint();
      break;
    case Condition::Kind::kValue:
      condition.value = TakeString(in);
      break;
    default:
      in.Fail();
  }
  return condition;
}

SimpleOperation TakeSimple(Decoder& in) {
  switch (static_cast<OperationKind>(in.Fixed8())) {
    case OperationKind::kPut:
      return Put{.key = TakeString(in), .value = TakeString(in)};
    case OperationKind::kDelete:
      return Delete{.key = TakeString(in)};
    case OperationKind::kIncrement:
      return Increment{.key = TakeString(in), .delta = in.SignedVarint()};
    case OperationKind::kAppend:
      return Append{.key = TakeString(in), .value = TakeString(in)};
    default:
      in.Fail();
      return Delete{};
  }
}

std::vector<SimpleOperation> TakeOperations(Decoder& in) {
  std::vector<SimpleOperation> operations;
  const uint64_t count = TakeCount(in);
  for (uint64_t i = 0; in.ok() && i < count; ++i) operations.push_back(TakeSimple(in));
  return operations;
}

Txn TakeTxn(Decoder& in) {
  Txn txn;
  const uint64_t count = TakeCount(in);
  for (uint64_t i = 0; in.ok() && i < count; ++i) txn.conditions.push_back(TakeCondition(in));
  txn.then = TakeOperations(in);
  txn.otherwise = TakeOperations(in);
  return txn;
}

Operation TakeOperation(Decoder& in) {
  switch (static_cast<OperationKind>(in.Fixed8())) {
    case OperationKind::kPut:
      return Put{.key = TakeString(in), .value = TakeString(in)};
    case OperationKind::kDelete:
      return Delete{.key = TakeString(in)};
    case OperationKind::kCompareAndSwap:
      return CompareAndSwap{.condition = TakeCondition(in), .value = TakeString(in)};
    case OperationKind::kIncrement:
      return Increment{.key = TakeString(in), .delta = in.SignedVarint()};
    case OperationKind::kAppend:
      return Append{.key = TakeString(in), .value = TakeString(in)};
    case OperationKind::kDeleteRange:
      return DeleteRange{.from = TakeString(in),
                         .to = TakeString(in),
                         .limit = TakeUint32(in),
                         .shard_version = in.Varint()};
    case OperationKind::kBatch:
      return Batch{.operations = TakeOperations(in)};
    case OperationKind::kTxn:
      return TakeTxn(in);
    case OperationKind::kOpenSession:
      return OpenSession{};
    case OperationKind::kCloseSession:
      return CloseSession{};
    case OperationKind::kKeepAlive:
      return KeepAlive{};
    case OperationKind::kSplitShard:
      return SplitShard{.child = ShardId(in.Varint()),
                        .at = sharding::Slot{in.Fixed16()},
                        .shard_version = in.Varint()};
    case OperationKind::kSweepShard:
      return SweepShard{};
    default:
      in.Fail();
      return KeepAlive{};
  }
}

void PutIdentity(std::string& out, const WriteIdentity& identity) {
  if (!identity.session.has_value()) {
    PutFixed8(out, static_cast<uint8_t>(IdentityKind::kNone));
    return;
  }
  PutFixed8(out, static_cast<uint8_t>(IdentityKind::kSession));
  PutVarint(out, identity.session->shard.value());
  PutVarint(out, identity.session->index.value());
  PutVarint(out, identity.session->position);
  PutVarint(out, identity.sequence);
  PutVarint(out, identity.acknowledged_below);
}

WriteIdentity TakeIdentity(Decoder& in) {
  WriteIdentity identity;
  const auto kind = static_cast<IdentityKind>(in.Fixed8());
  if (kind == IdentityKind::kNone) return identity;
  if (kind != IdentityKind::kSession) in.Fail();
  identity.session = SessionToken{
      .shard = ShardId(in.Varint()), .index = LogIndex(in.Varint()), .position = TakeUint32(in)};
  identity.sequence = in.Varint();
  identity.acknowledged_below = in.Varint();
  return identity;
}

}  // namespace

std::string EncodeCommand(const Command& command) {
  std::string out;
  PutFormat(out, Format::kCommand);
  PutVarint(out, command.keyspace);
  PutVarint(out, 0);  // set aside for time to live
  PutIdentity(out, command.identity);
  std::visit(OperationEncoder{out}, command.operation);
  return out;
}

absl::StatusOr<Command> DecodeCommand(std::string_view bytes) {
  Decoder in(bytes);
  FLOTILLA_RETURN_IF_ERROR(ReadFormat(in, Format::kCommand, kName));
  Command command;
  command.keyspace = TakeUint32(in);
  const uint64_t time_to_live = in.Varint();
  if (in.ok() && time_to_live != 0) {
    return absl::UnimplementedError("command has a time to live; this build knows none");
  }
  command.identity = TakeIdentity(in);
  command.operation = TakeOperation(in);
  FLOTILLA_RETURN_IF_ERROR(in.Finish(kName));
  return command;
}

}  // namespace flotilla::kv
