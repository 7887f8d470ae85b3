#include "storage/log_items.h"

#include <array>
#include <utility>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/status_macros.h"
#include "raft/message_codec.h"

namespace flotilla::storage {

namespace {

constexpr uint8_t kItemFlags = 0;
// Of the length, which counts the bytes behind itself.
constexpr size_t kLengthOffset = 2;
constexpr size_t kLengthEnd = kLengthOffset + 4;

// What an entry's checksum begins with: a frame read for another group is no frame.
uint32_t FrameSeed(ShardId group) {
  std::array<char, 8> bytes;
  StoreFixed64(bytes.data(), group.value());
  return Crc32c({bytes.data(), bytes.size()});
}

std::optional<raft::HardState> TakeHardState(Decoder& in) {
  if (in.Fixed8() == 0) return std::nullopt;
  raft::HardState hard_state;
  hard_state.term = Term(in.Varint());
  hard_state.vote = ReplicaId(in.Varint());
  hard_state.commit = LogIndex(in.Varint());
  return hard_state;
}

absl::StatusOr<GroupState> TakeGroupState(Decoder& in) {
  GroupState state;
  state.replica = ReplicaId(in.Varint());
  state.lowest_allowed = ReplicaId(in.Varint());
  state.generation = Generation(in.Varint());
  state.hard_state = TakeHardState(in).value_or(raft::HardState());
  FLOTILLA_ASSIGN_OR_RETURN(state.snapshot, raft::DecodeSnapshotMeta(in.String()));
  state.engine_note = std::string(in.String());
  return state;
}

absl::Status TakeEntries(std::string_view batch, ShardId group, Decoder& in,
                         std::vector<EntryFrame>& entries) {
  const uint64_t count = in.Varint();
  entries.reserve(std::min<uint64_t>(count, in.rest().size()));
  for (uint64_t i = 0; i < count; ++i) {
    const size_t at = static_cast<size_t>(in.rest().data() - batch.data());
    FLOTILLA_ASSIGN_OR_RETURN(EntryFrame frame, DecodeEntryFrame(group, in));
    frame.offset = static_cast<uint32_t>(at);
    entries.push_back(frame);
  }
  return absl::OkStatus();
}

}  // namespace

std::string_view ItemKindName(ItemKind kind) {
  switch (kind) {
    case ItemKind::kAppend:
      return "append";
    case ItemKind::kCompact:
      return "compact";
    case ItemKind::kSnapshot:
      return "snapshot";
    case ItemKind::kReplicaCreated:
      return "replica_created";
    case ItemKind::kTombstone:
      return "tombstone";
    case ItemKind::kRewrite:
      return "rewrite";
    case ItemKind::kSuspect:
      return "suspect";
  }
  return "unknown";
}

bool ReplacesEverything(ItemKind kind) {
  return kind != ItemKind::kAppend && kind != ItemKind::kCompact;
}

bool IsLifecycle(ItemKind kind) {
  return kind == ItemKind::kReplicaCreated || kind == ItemKind::kTombstone;
}

size_t BeginItem(const ItemHeader& header, std::string& batch) {
  const size_t began = batch.size();
  PutFixed8(batch, static_cast<uint8_t>(header.kind));
  PutFixed8(batch, kItemFlags);
  PutFixed32(batch, 0);  // the length's place
  PutVarint(batch, header.group.value());
  PutVarint(batch, header.sequence);
  PutVarint(batch, header.replica.value());
  return began;
}

void EndItem(size_t began, std::string& batch) {
  const size_t length = batch.size() - began - kLengthEnd;
  FLOTILLA_CHECK_LE(length, UINT32_MAX);
  StoreFixed32(batch.data() + began + kLengthOffset, static_cast<uint32_t>(length));
}

void PutHardState(const std::optional<raft::HardState>& hard_state, std::string& batch) {
  PutFixed8(batch, hard_state.has_value() ? 1 : 0);
  if (!hard_state.has_value()) return;
  PutVarint(batch, hard_state->term.value());
  PutVarint(batch, hard_state->vote.value());
  PutVarint(batch, hard_state->commit.value());
}

void PutGroupState(const GroupState& state, std::string& batch) {
  PutVarint(batch, state.replica.value());
  PutVarint(batch, state.lowest_allowed.value());
  PutVarint(batch, state.generation.value());
  PutHardState(state.hard_state, batch);
  PutString(batch, raft::EncodeSnapshotMeta(state.snapshot));
  PutString(batch, state.engine_note);
}

uint32_t PutEntryFrame(ShardId group, const raft::Entry& entry, std::string& batch) {
  const size_t began = batch.size();
  const std::string_view payload = View(entry.payload);
  PutFixed32(batch, 0);  // the checksum's place
  PutVarint(batch, entry.index.value());
  PutVarint(batch, entry.term.value());
  PutFixed8(batch, static_cast<uint8_t>(entry.kind));
  PutString(batch, payload);
  const std::string_view covered = std::string_view(batch).substr(began + 4);
  StoreFixed32(batch.data() + began, ExtendCrc32c(FrameSeed(group), covered));
  return static_cast<uint32_t>(batch.size() - began);
}

absl::StatusOr<EntryFrame> DecodeEntryFrame(ShardId group, Decoder& in) {
  const uint32_t crc = in.Fixed32();
  const std::string_view covered = in.rest();
  EntryFrame frame;
  frame.index = LogIndex(in.Varint());
  frame.term = Term(in.Varint());
  const uint8_t kind = in.Fixed8();
  frame.payload = in.String();
  if (!in.ok()) return absl::DataLossError("entry is cut short");
  const size_t covered_bytes = covered.size() - in.rest().size();
  if (ExtendCrc32c(FrameSeed(group), covered.substr(0, covered_bytes)) != crc) {
    return absl::DataLossError("entry is damaged");
  }
  if (kind < static_cast<uint8_t>(raft::EntryKind::kNoop) ||
      kind > static_cast<uint8_t>(raft::EntryKind::kConfiguration)) {
    return absl::UnimplementedError("entry is of unknown kind " + std::to_string(kind));
  }
  frame.kind = static_cast<raft::EntryKind>(kind);
  frame.bytes = static_cast<uint32_t>(4 + covered_bytes);
  return frame;
}

raft::Entry ToEntry(const EntryFrame& frame) {
  raft::Entry entry{.index = frame.index, .term = frame.term, .kind = frame.kind, .payload = {}};
  if (!frame.payload.empty()) entry.payload = MakeBytes(std::string(frame.payload));
  return entry;
}

absl::StatusOr<Item> DecodeItem(std::string_view batch, Decoder& in) {
  Item item;
  const uint8_t kind = in.Fixed8();
  const uint8_t flags = in.Fixed8();
  Decoder body(in.Raw(in.Fixed32()));
  if (!in.ok()) return absl::DataLossError("item is cut short");
  if (kind < static_cast<uint8_t>(ItemKind::kAppend) ||
      kind > static_cast<uint8_t>(ItemKind::kSuspect)) {
    return absl::UnimplementedError("log item is of unknown kind " + std::to_string(kind));
  }
  if (flags != kItemFlags) {
    return absl::UnimplementedError("log item has unknown flags " + std::to_string(flags));
  }
  item.header.kind = static_cast<ItemKind>(kind);
  item.header.group = ShardId(body.Varint());
  item.header.sequence = body.Varint();
  item.header.replica = ReplicaId(body.Varint());

  if (item.header.kind == ItemKind::kAppend) {
    item.hard_state = TakeHardState(body);
  } else if (item.header.kind == ItemKind::kTombstone) {
    item.lowest_allowed = ReplicaId(body.Varint());
  } else {
    FLOTILLA_ASSIGN_OR_RETURN(item.state, TakeGroupState(body));
  }
  if (item.header.kind == ItemKind::kAppend || item.header.kind == ItemKind::kRewrite) {
    FLOTILLA_RETURN_IF_ERROR(TakeEntries(batch, item.header.group, body, item.entries));
  }
  FLOTILLA_RETURN_IF_ERROR(body.Finish("log item"));
  return item;
}

}  // namespace flotilla::storage
