// Reads, executed on one consistent state of a shard. Pure: which state is linearizable is node/'s
// business. Ownership is checked against the descriptor of the very state that is read (design
// brief, section 6: arrival-time checks alone are a bug).
#ifndef FLOTILLA_KV_READ_H_
#define FLOTILLA_KV_READ_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "kv/applied_state.h"
#include "kv/limits.h"
#include "sharding/slot.h"
#include "storage/engine.h"

namespace flotilla::kv {

struct Get {
  std::string key;
};
// All from one state; all keys must be in the shard's arc. The rows together are bounded by
// Limits::max_command_bytes (kInvalidArgument).
struct BatchGet {
  std::vector<std::string> keys;
};
// One page of [from, to) in key order (empty `to`: no end), or from the top down with `reverse`.
//
// The page ends when it has max_rows (count_only: no limit) or max_bytes of keys and values, but
// not before one row; Limits caps both. It also ends, perhaps empty, after kMaxRowsVisited rows,
// whether they were returned, counted, or skipped because another shard owns them.
struct ScanPage {
  std::string from;
  std::string to;
  uint32_t max_rows = 1000;
  uint64_t max_bytes = 1 << 20;
  bool reverse = false;
  bool keys_only = false;
  bool count_only = false;
  // Of the descriptor that the caller split its range by; another one in the state that is read
  // gives wrong_shard. 0: any.
  uint64_t shard_version = 0;
  // Keys of other slots are left out. The caller takes the first one for the shard's: where it is
  // not, the answer is wrong_shard. What the shard has of the others, ReadResult::arc says.
  std::optional<sharding::Arc> slots;
};
inline constexpr uint32_t kMaxRowsVisited = 100'000;
struct ReadRequest {
  uint32_t keyspace = 0;
  std::variant<Get, BatchGet, ScanPage> operation;
};

struct Row {
  std::string key;
  std::string value;
  uint64_t version = 0;
  // Of the write that made the row: a Put, which does not look at what it replaces, or else the
  // first write after the key was absent. Conditional writes, increments and appends keep it.
  uint64_t created_version = 0;

  friend bool operator==(const Row&, const Row&) = default;
};

struct ReadResult {
  // kWrongShard: a key's slot is not in the arc of the state that was read.
  bool wrong_shard = false;
  // Get: zero or one. BatchGet: one optional per key, in order. ScanPage: rows in scan order.
  std::vector<std::optional<Row>> rows;
  uint64_t count = 0;  // ScanPage with count_only
  // ScanPage: where the next page begins, whatever shards own the rest by then; nullopt: the range
  // is done. All keys before it were looked at: it is the next page's `from`, or with `reverse`,
  // all keys from it on were, and it is the next page's `to`.
  std::optional<std::string> resume_key;
  LogIndex applied;            // where the state that was read stands
  uint64_t revision = 0;       // the shard's newest version in that state
  uint64_t shard_version = 0;  // of the descriptor in that state
  // ScanPage: of that descriptor. The page tells of keys in these slots, and of no others.
  std::optional<sharding::Arc> arc;

  friend bool operator==(const ReadResult&, const ReadResult&) = default;
};

// kInvalidArgument, with limit and actual in the message, for what can be refused without state.
absl::Status Validate(const ReadRequest& request, const Limits& limits);

// `as_of` is LoadApplied of that state. kInvalidArgument for malformed requests, kDataLoss when the
// engine is damaged.
absl::StatusOr<ReadResult> ExecuteRead(const storage::StateReader& state, const AppliedState& as_of,
                                       const ReadRequest& read);

std::string EncodeReadRequest(const ReadRequest& request);
absl::StatusOr<ReadRequest> DecodeReadRequest(std::string_view bytes);
std::string EncodeReadResult(const ReadResult& result);
absl::StatusOr<ReadResult> DecodeReadResult(std::string_view bytes);

}  // namespace flotilla::kv

#endif  // FLOTILLA_KV_READ_H_
