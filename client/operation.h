// One call to the store and its answer, as they go through the client's core: the operation is what
// the caller asked for, the result is the public result type of that operation.
#ifndef FLOTILLA_CLIENT_OPERATION_H_
#define FLOTILLA_CLIENT_OPERATION_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "base/clock.h"
#include "base/ids.h"
#include "flotilla/status.h"
#include "flotilla/types.h"
#include "sharding/slot.h"

namespace flotilla::client {

struct Get {
  std::string key;
};
struct BatchGet {
  std::vector<std::string> keys;
};
struct Scan {
  KeyRange range;
  bool reverse = false;
  bool keys_only = false;
  bool count_only = false;
  uint64_t limit = 0;
  uint32_t page_size = 0;
  std::string page_token;
  // What one shard is asked of it (spread_scan.h), with a range and without a token.
  std::optional<sharding::Arc> slots;
  uint64_t page_bytes = 0;
};
struct Put {
  std::string key;
  std::string value;
};
struct Delete {
  std::string key;
};
struct CompareAndSwap {
  Condition condition;
  std::string value;
};
struct Increment {
  std::string key;
  int64_t delta = 1;
};
struct Append {
  std::string key;
  std::string value;
};
struct DeleteRange {
  KeyRange range;
  uint32_t page_size = 0;
  std::string page_token;
};
struct Batch {
  std::vector<Mutation> mutations;
};
struct Txn {
  Transaction transaction;
};
// The core's own: what makes the writes of one shard exactly-once.
struct OpenSession {
  ShardId shard;
};
struct OpenSessionResult {
  std::string token;
};

// What one shard answers to its part of a scan.
struct ShardPage {
  std::vector<Entry> entries;
  uint64_t count = 0;
  std::string resume_key;  // where the next page begins; empty: nothing is left in the range
  // That it owned in the state that it read; none: it does not say.
  std::optional<sharding::Arc> arc;
  std::chrono::milliseconds lag{0};
};
// And of a delete-range.
struct ShardDeletion {
  uint64_t deleted = 0;
  std::string resume_key;
  // That it owned when it deleted; none: it does not say.
  std::optional<sharding::Arc> arc;
};

using Operation = std::variant<Get, BatchGet, Scan, Put, Delete, CompareAndSwap, Increment, Append,
                               DeleteRange, Batch, Txn, OpenSession>;
// A Get of an absent key gives a GetResult of version 0.
using Result = std::variant<GetResult, BatchGetResult, ScanPage, PutResult, DeleteResult, CasResult,
                            IncrementResult, AppendResult, DeleteRangeResult, BatchResult,
                            TxnResult, OpenSessionResult, ShardPage, ShardDeletion>;

// Whether it changes the user's data, so that it needs a session to be repeated.
bool IsWrite(const Operation& operation);
// A key whose slot decides where the operation goes; null when it is not about one slot.
const std::string* RoutingKey(const Operation& operation);
// Bytes of keys and values, each with its frame: what the operation costs in memory and on the
// wire, about, however small they are.
size_t PayloadBytes(const Operation& operation);

struct Call {
  Operation operation;
  ReadLevel level = ReadLevel::kLinearizable;
  MonoTime deadline;  // of all tries together
  std::string traceparent;
  // Of a part of a call over several shards (spread_call.h): whose owner it is for.
  std::optional<sharding::Slot> slot;
  // A part whose keys may be in several slots: where they are in several shards by now, it is
  // refused with WRONG_SHARD and must be taken apart.
  bool ends_at_wrong_shard = false;
  // What the call counts in the caller's budget (ClientCore::ReleaseCostsTo).
  size_t cost = 0;
  // Called exactly once, on the core's executor.
  absl::AnyInvocable<void(StatusOr<Result>)> done;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_OPERATION_H_
