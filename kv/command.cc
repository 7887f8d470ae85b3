#include "kv/command.h"

#include "base/coding.h"
#include "base/status_macros.h"
#include "kv/formats.h"

namespace flotilla::kv {

namespace {

constexpr std::string_view kTokenName = "session token";
constexpr std::string_view kPayloadName = "entry payload";

const std::string& KeyOf(const SimpleOperation& operation) {
  return std::visit([](const auto& simple) -> const std::string& { return simple.key; }, operation);
}

struct FirstKey {
  const std::string* operator()(const Put& put) const { return &put.key; }
  const std::string* operator()(const Delete& del) const { return &del.key; }
  const std::string* operator()(const CompareAndSwap& cas) const { return &cas.condition.key; }
  const std::string* operator()(const Increment& increment) const { return &increment.key; }
  const std::string* operator()(const Append& append) const { return &append.key; }
  const std::string* operator()(const Batch& batch) const {
    return batch.operations.empty() ? nullptr : &KeyOf(batch.operations.front());
  }
  const std::string* operator()(const Txn& txn) const {
    if (!txn.conditions.empty()) return &txn.conditions.front().key;
    if (!txn.then.empty()) return &KeyOf(txn.then.front());
    return txn.otherwise.empty() ? nullptr : &KeyOf(txn.otherwise.front());
  }
  const std::string* operator()(const DeleteRange&) const { return nullptr; }
  const std::string* operator()(const OpenSession&) const { return nullptr; }
  const std::string* operator()(const CloseSession&) const { return nullptr; }
  const std::string* operator()(const KeepAlive&) const { return nullptr; }
  const std::string* operator()(const SplitShard&) const { return nullptr; }
  const std::string* operator()(const SweepShard&) const { return nullptr; }
};

}  // namespace

const std::string* FirstKeyOf(const Command& command) {
  return std::visit(FirstKey{}, command.operation);
}

std::optional<sharding::Slot> SlotOf(const Command& command) {
  const std::string* key = FirstKeyOf(command);
  if (key == nullptr) return std::nullopt;
  return sharding::SlotOf(*key);
}

std::string EncodeSessionToken(const SessionToken& token) {
  std::string out;
  PutFormat(out, Format::kSessionToken);
  PutVarint(out, token.shard.value());
  PutVarint(out, token.index.value());
  PutVarint(out, token.position);
  return out;
}

absl::StatusOr<SessionToken> DecodeSessionToken(std::string_view bytes) {
  Decoder in(bytes);
  absl::Status status = ReadFormat(in, Format::kSessionToken, kTokenName);
  SessionToken token{.shard = ShardId(in.Varint()), .index = LogIndex(in.Varint())};
  const uint64_t position = in.Varint();
  token.position = static_cast<uint32_t>(position);
  if (position > UINT32_MAX || token.shard.is_none() || token.index.is_none()) in.Fail();
  if (status.ok()) status = in.Finish(kTokenName);
  // It comes from a client: whatever is wrong with it, the client's request is.
  if (!status.ok()) return absl::InvalidArgumentError(status.message());
  return token;
}

std::string EncodeEntryPayload(WallTime log_time, const std::vector<std::string_view>& commands) {
  size_t size = 24;
  for (const std::string_view command : commands) size += command.size() + 5;
  std::string out;
  out.reserve(size);
  PutFormat(out, Format::kEntryPayload);
  PutFixed64(out, static_cast<uint64_t>(log_time.time_since_epoch().count()));
  PutVarint(out, commands.size());
  for (const std::string_view command : commands) PutString(out, command);
  return out;
}

absl::StatusOr<EntryPayload> DecodeEntryPayload(std::string_view bytes) {
  Decoder in(bytes);
  FLOTILLA_RETURN_IF_ERROR(ReadFormat(in, Format::kEntryPayload, kPayloadName));
  EntryPayload payload;
  payload.log_time = WallTime(Duration(static_cast<int64_t>(in.Fixed64())));
  const uint64_t count = in.Varint();
  // Every command takes a byte at least, so a damaged count cannot make us reserve more.
  if (count > in.rest().size()) in.Fail();
  if (in.ok()) payload.commands.reserve(count);
  for (uint64_t i = 0; in.ok() && i < count; ++i) payload.commands.push_back(in.String());
  FLOTILLA_RETURN_IF_ERROR(in.Finish(kPayloadName));
  return payload;
}

}  // namespace flotilla::kv
