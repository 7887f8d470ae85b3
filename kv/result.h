// What a shard answers to one command or read. Plain values with an encoding of their own, because
// results are stored with sessions and travel between nodes.
#ifndef FLOTILLA_KV_RESULT_H_
#define FLOTILLA_KV_RESULT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "sharding/slot.h"

namespace flotilla::kv {

// Every code but kOk says that this try changed nothing.
enum class ResultCode : uint8_t {
  kOk = 0,
  // Answers: a retry in the same session gets the same one.
  kNotFound = 1,       // delete of an absent key
  kCompareFailed = 2,  // the condition did not hold; `value`/`version` are the row's own
  kNotANumber = 3,     // increment of something else
  kOverflow = 4,       // beyond 64 bits
  kTooLarge = 5,       // the result of an append
  // Refusals: not recorded with the session, so a retry may fare otherwise. Only a client that has
  // tried once may conclude from one that the write did not happen.
  kSessionUnknown = 6,     // expired, closed, or never registered here
  kSequenceForgotten = 7,  // the client said it had seen this answer
  kWindowFull = 8,         // too many unacknowledged results in the session
  kWrongShard = 9,         // the slot is not in this shard's arc
  kInvalid = 10,           // refused by validation
  kEntryFull = 11,         // the commands before it used up their entry's budget; try again
  // The session was registered with a parent of this shard after the split, so no write of it can
  // ever have been applied here, whatever was tried: another session may take it over.
  kSessionOfParent = 12,
  kShardChanging = 13,  // the shard's members are changing; try again
};
std::string_view ToString(ResultCode code);
// Whether a session keeps it for retries.
bool IsRecorded(ResultCode code);

struct CommandResult {
  ResultCode code = ResultCode::kOk;
  // Of the written row, or of the row that was found. 0: absent.
  uint64_t version = 0;
  // Present where the operation returns one: increment (the new number), failed compare (what is
  // there).
  std::optional<std::string> value;
  // Batch, Txn: one per executed operation, in order; empty when one failed.
  std::vector<CommandResult> nested;
  // Batch, Txn: the position of the operation that failed with `code`, which undid all before it.
  std::optional<uint32_t> failed_operation;
  // Txn: which side ran.
  bool conditions_held = false;
  // DeleteRange: how many went, and where to go on (empty: done).
  uint64_t deleted = 0;
  std::string next_key;
  // DeleteRange: what the shard owned then, which a later answer to the same write must say, too:
  // whoever took it for what the shard owns by then would delete the rest a second time.
  std::optional<sharding::Arc> arc;
  // OpenSession: the encoded token.
  std::string session_token;
  // The answer of an earlier, identical write of the session; it did not run again.
  bool replayed = false;

  friend bool operator==(const CommandResult&, const CommandResult&) = default;
};

std::string EncodeResult(const CommandResult& result);
absl::StatusOr<CommandResult> DecodeResult(std::string_view bytes);

}  // namespace flotilla::kv

#endif  // FLOTILLA_KV_RESULT_H_
