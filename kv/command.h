// What a client asks a shard to change, and how it is written into the Raft log. A command is
// encoded once, by the node that received it from the client; the leader packs the encoded commands
// of many clients into one log entry.
#ifndef FLOTILLA_KV_COMMAND_H_
#define FLOTILLA_KV_COMMAND_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/ids.h"
#include "kv/limits.h"
#include "sharding/slot.h"

namespace flotilla::kv {

// A session, as its registration named it: never reused, so that a delayed old request can never
// slip in after expiry (design brief, section 5). Opaque to clients, encoded by EncodeSessionToken.
struct SessionToken {
  ShardId shard;          // the shard in whose log it was registered
  LogIndex index;         // of the registering entry
  uint32_t position = 0;  // of the command inside that entry

  friend auto operator<=>(const SessionToken&, const SessionToken&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const SessionToken& token) {
    return H::combine(std::move(h), token.shard, token.index, token.position);
  }
};
std::string EncodeSessionToken(const SessionToken& token);
// kInvalidArgument when malformed.
absl::StatusOr<SessionToken> DecodeSessionToken(std::string_view bytes);

// Makes a write exactly-once. Without a token the write is applied whenever it is committed, and
// nobody may repeat it.
struct WriteIdentity {
  std::optional<SessionToken> session;
  uint64_t sequence = 0;  // from 1 within the session
  // The client has seen the answers of all its sequence numbers below this one on this shard; their
  // results are forgotten.
  uint64_t acknowledged_below = 0;
};

struct Put {
  std::string key;
  std::string value;
};
struct Delete {
  std::string key;
};
// What the row must be for a conditional write to happen.
struct Condition {
  enum class Kind : uint8_t { kAbsent = 1, kExists = 2, kVersion = 3, kValue = 4 };
  Kind kind = Kind::kAbsent;
  std::string key;
  uint64_t version = 0;  // kVersion
  std::string value;     // kValue
};
struct CompareAndSwap {
  Condition condition;
  std::string value;
};
// Decimal signed 64-bit in text, as Redis INCR; a missing key counts as 0.
struct Increment {
  std::string key;
  int64_t delta = 1;
};
// Concatenates; a missing key counts as empty.
struct Append {
  std::string key;
  std::string value;
};
// Deletes at most `limit` keys of [from, to) (empty `to`: no end) that the shard owns; one page,
// the result says where the next begins.
struct DeleteRange {
  std::string from;
  std::string to;
  uint32_t limit = 0;
  // Of the descriptor that the caller split its range by; at another version it is refused with
  // kWrongShard, lest the keys of a neighbour's arc are believed gone. 0: any.
  uint64_t shard_version = 0;
};
using SimpleOperation = std::variant<Put, Delete, Increment, Append>;
// All or nothing, in order; all keys in one slot.
struct Batch {
  std::vector<SimpleOperation> operations;
};
// If all conditions hold then `then`, else `otherwise`; all keys in one slot.
struct Txn {
  std::vector<Condition> conditions;
  std::vector<SimpleOperation> then;
  std::vector<SimpleOperation> otherwise;
};
// Registers a session; its token is (shard, index, position) of this command.
struct OpenSession {};
// Forgets it. Later writes of the session are refused.
struct CloseSession {};
// Keeps it alive and carries acknowledged_below.
struct KeepAlive {};

// The last two are the shard's own: its leader proposes them, no client can.

// Cuts the shard's arc in two. What is in the log before this entry's end is in both halves; from
// then on the slots from `at` on are the child's (design brief, section 6). Both take the next
// version. Without effect (kShardChanging) while the configuration is joint: the child begins with
// this configuration as its own.
struct SplitShard {
  ShardId child;
  sharding::Slot at;
  // Of the descriptor that was to be split; of another one nothing is split (kWrongShard).
  uint64_t shard_version = 0;
};
// Deletes a page of the rows that the shard no longer owns.
struct SweepShard {};

using Operation = std::variant<Put, Delete, CompareAndSwap, Increment, Append, DeleteRange, Batch,
                               Txn, OpenSession, CloseSession, KeepAlive, SplitShard, SweepShard>;

struct Command {
  uint32_t keyspace = 0;  // 0 is the default, nothing else exists yet
  WriteIdentity identity;
  Operation operation;
};

// Checks everything that can be known without state: sizes, empty keys, one slot, known keyspace.
// kInvalidArgument with limit and actual in the message; reasons as in kv/result.h.
absl::Status Validate(const Command& command, const Limits& limits);

// The first of the command's keys, which share a slot; null for DeleteRange and commands without
// keys.
const std::string* FirstKeyOf(const Command& command);
// The slot that the command's keys share; nullopt for DeleteRange and commands without keys.
std::optional<sharding::Slot> SlotOf(const Command& command);

std::string EncodeCommand(const Command& command);
absl::StatusOr<Command> DecodeCommand(std::string_view bytes);

// The payload of an EntryKind::kCommand.
//
// `log_time` is stamped by the leader; apply takes the maximum with the shard's, so that time in
// the log never goes back whatever the wall clocks do.
std::string EncodeEntryPayload(WallTime log_time, const std::vector<std::string_view>& commands);
struct EntryPayload {
  WallTime log_time;
  std::vector<std::string_view> commands;  // views into the payload
};
absl::StatusOr<EntryPayload> DecodeEntryPayload(std::string_view bytes);

}  // namespace flotilla::kv

#endif  // FLOTILLA_KV_COMMAND_H_
