// What the calls of a KvClient take and give: plain values. Option structs grow by defaulted
// fields, so name the fields that you set.
#ifndef FLOTILLA_CLIENT_INCLUDE_FLOTILLA_TYPES_H_
#define FLOTILLA_CLIENT_INCLUDE_FLOTILLA_TYPES_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flotilla/export.h"

namespace flotilla {
inline namespace client_v1 {

// A row. Versions start at 1, grow with every write of the key and never repeat for it, not even
// when the key was deleted in between.
struct Entry {
  std::string key;
  std::string value;
  uint64_t version = 0;
  // Of the write that made the row: the last put, or what created the key when only conditional
  // writes, increments and appends followed.
  uint64_t created_version = 0;
};

enum class ReadLevel : uint8_t {
  kLinearizable = 1,
  // What the asked replica has; the answer says how old that may be.
  kStale = 2,
};

struct ReadOptions {
  ReadLevel level = ReadLevel::kLinearizable;
  std::chrono::milliseconds timeout{0};  // all tries together; 0: the client's default
  std::string traceparent;               // W3C trace context, for the server's logs
};
struct WriteOptions {
  std::chrono::milliseconds timeout{0};  // all tries together; 0: the client's default
  std::string traceparent;
};

// Keys in byte order from `from` up to, but not including, `to`. Empty: no bound on that side.
struct KeyRange {
  std::string from;
  std::string to;

  static KeyRange All() { return {}; }
  // All keys that begin with `prefix`.
  FLOTILLA_EXPORT static KeyRange Prefix(std::string_view prefix);
};

struct ScanOptions {
  ReadLevel level = ReadLevel::kLinearizable;
  std::chrono::milliseconds timeout{0};  // of each page
  bool reverse = false;                  // from the highest key down
  bool keys_only = false;                // entries without values
  uint64_t limit = 0;                    // entries in all; 0: all of them
  uint32_t page_size = 0;                // entries in one page; 0: as many as the server allows
  // Goes on where an earlier scan of the same range and direction stopped.
  std::string page_token;
  std::string traceparent;
};

struct DeleteRangeOptions {
  std::chrono::milliseconds timeout{0};  // of each page
  // Keys in one page, about: one for each shard at least; 0: as many as the server allows.
  uint32_t page_size = 0;
  std::string page_token;  // goes on where an earlier page stopped
  std::string traceparent;
};

// Holds or fails for the row of `key` as it is when the write is applied.
struct Condition {
  enum class Kind : uint8_t { kAbsent = 1, kExists = 2, kVersion = 3, kValue = 4 };
  Kind kind = Kind::kAbsent;
  std::string key;
  uint64_t version = 0;  // kVersion
  std::string value;     // kValue

  static Condition Absent(std::string key) { return {Kind::kAbsent, std::move(key), 0, {}}; }
  static Condition Exists(std::string key) { return {Kind::kExists, std::move(key), 0, {}}; }
  static Condition VersionIs(std::string key, uint64_t version) {
    return {Kind::kVersion, std::move(key), version, {}};
  }
  static Condition ValueIs(std::string key, std::string value) {
    return {Kind::kValue, std::move(key), 0, std::move(value)};
  }
};

// One write of a batch or transaction.
struct Mutation {
  enum class Kind : uint8_t { kPut = 1, kDelete = 2, kIncrement = 3, kAppend = 4 };
  Kind kind = Kind::kPut;
  std::string key;
  std::string value;  // kPut, kAppend
  int64_t delta = 0;  // kIncrement

  static Mutation Put(std::string key, std::string value) {
    return {Kind::kPut, std::move(key), std::move(value), 0};
  }
  static Mutation Delete(std::string key) { return {Kind::kDelete, std::move(key), {}, 0}; }
  static Mutation Increment(std::string key, int64_t delta = 1) {
    return {Kind::kIncrement, std::move(key), {}, delta};
  }
  static Mutation Append(std::string key, std::string value) {
    return {Kind::kAppend, std::move(key), std::move(value), 0};
  }
};

// If all conditions hold then one list of writes, else the other; atomic. All keys must share a
// hash slot: give them one {hash tag}.
struct Transaction {
  std::vector<Condition> conditions;
  std::vector<Mutation> then;
  std::vector<Mutation> otherwise;

  Transaction& If(Condition condition) & {
    conditions.push_back(std::move(condition));
    return *this;
  }
  Transaction& Then(Mutation mutation) & {
    then.push_back(std::move(mutation));
    return *this;
  }
  Transaction& Else(Mutation mutation) & {
    otherwise.push_back(std::move(mutation));
    return *this;
  }
  Transaction&& If(Condition condition) && { return std::move(If(std::move(condition))); }
  Transaction&& Then(Mutation mutation) && { return std::move(Then(std::move(mutation))); }
  Transaction&& Else(Mutation mutation) && { return std::move(Else(std::move(mutation))); }
};

struct GetResult : Entry {
  // Stale reads: how long ago the replica last knew itself to be up to date.
  std::chrono::milliseconds lag{0};
};
struct BatchGetResult {
  // One per key, in the order asked for; none: there is no such key.
  std::vector<std::optional<Entry>> entries;
  std::chrono::milliseconds lag{0};
};
struct ScanPage {
  std::vector<Entry> entries;
  uint64_t count = 0;           // of a counting scan, which has no entries
  std::string next_page_token;  // empty: the scan is done
  std::chrono::milliseconds lag{0};
};

struct PutResult {
  uint64_t version = 0;
};
struct DeleteResult {
  bool found = false;    // whether there was such a key
  uint64_t version = 0;  // of the deletion; 0: nothing was deleted
};
struct CasResult {
  bool swapped = false;
  // Of the row written, or of the row that was in the way (0: absent).
  uint64_t version = 0;
  // When not swapped and the key exists: what is there.
  std::optional<std::string> current;
};
struct IncrementResult {
  int64_t value = 0;  // after the increment
  uint64_t version = 0;
};
struct AppendResult {
  uint64_t version = 0;
};
struct DeleteRangeResult {
  uint64_t deleted = 0;
  std::string next_page_token;  // empty: the range is done
};
struct MutationResult {
  uint64_t version = 0;    // of the row after the write; 0: deleted or absent
  int64_t number = 0;      // increment: the number after it
  bool not_found = false;  // delete of an absent key
};
struct BatchResult {
  std::vector<MutationResult> results;  // one per mutation
};
struct TxnResult {
  bool conditions_held = false;
  std::vector<MutationResult> results;  // one per mutation of the side that ran
};

}  // namespace client_v1
}  // namespace flotilla

#endif  // FLOTILLA_CLIENT_INCLUDE_FLOTILLA_TYPES_H_
