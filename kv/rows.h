// The rows of a replica's engine: every key prefix and every row format of kv/, in one place
// (docs/formats.md, "Rows").
//
//   0x01 'a'                                  AppliedRow: written with every batch
//   0x01 's'                                  ShardRow: what rarely changes
//   0x02 shard index position entry           SessionRow: what one entry did in one session
//   0x10 keyspace key                         DataRow
//   0x11, 0x12, 0x13                          kept for locks, leases and the change log
//
// Numbers in keys are big-endian, so that rows are in the order of the numbers, and the rows of a
// keyspace in the order of the users' keys: a range scan is one iterator.
#ifndef FLOTILLA_KV_ROWS_H_
#define FLOTILLA_KV_ROWS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/ids.h"
#include "kv/applied_state.h"
#include "kv/command.h"
#include "kv/result.h"

namespace flotilla::kv {

// --- About the replica. AppliedState is both rows together. -------------------------------------

std::string AppliedRowKey();
std::string ShardRowKey();
std::string EncodeAppliedRow(const AppliedState& state);
std::string EncodeShardRow(const AppliedState& state);
// Each sets its own fields. kDataLoss, kUnimplemented.
absl::Status DecodeAppliedRow(std::string_view row, AppliedState* state);
absl::Status DecodeShardRow(std::string_view row, AppliedState* state);

// --- Data. --------------------------------------------------------------------------------------

std::string DataRowKey(uint32_t keyspace, std::string_view key);
// Above all keys of the keyspace and below all of the next one.
std::string DataRowsEnd(uint32_t keyspace);
// All data rows are in [AllDataRowsBegin, AllDataRowsEnd).
std::string AllDataRowsBegin();
std::string AllDataRowsEnd();
// The user's key: a view into `row_key`, which must be a data row's.
std::string_view UserKey(std::string_view row_key);

struct DataRow {
  uint64_t version = 0;
  uint64_t created_version = 0;
  std::string_view value;  // into the decoded bytes
};
std::string EncodeDataRow(const DataRow& row);
absl::StatusOr<DataRow> DecodeDataRow(std::string_view bytes);

// --- Sessions. ----------------------------------------------------------------------------------

// All session rows are in [SessionRowsBegin, SessionRowsEnd).
std::string SessionRowsBegin();
std::string SessionRowsEnd();
std::string SessionRowKey(const SessionToken& token, LogIndex entry);

struct SessionRowId {
  SessionToken token;
  LogIndex entry;
};
absl::StatusOr<SessionRowId> DecodeSessionRowKey(std::string_view row_key);

// What one entry did in one session: at least it used it. The row of the newest entry tells how the
// session stands; an older one is there as long as it holds an unacknowledged answer.
struct SessionRow {
  uint32_t position = 0;  // of the session's first command in the entry: the order of use
  Duration time{0};       // session time of the entry
  uint64_t acknowledged_below = 0;
  std::string_view answers;  // AppendAnswer, one after the other
};
std::string EncodeSessionRow(const SessionRow& row);
// `answers` is a view into the decoded bytes.
absl::StatusOr<SessionRow> DecodeSessionRow(std::string_view bytes);

struct Answer {
  uint64_t sequence = 0;
  size_t offset = 0;  // where it begins in the answers
};
void AppendAnswer(std::string& answers, uint64_t sequence, const CommandResult& result);
absl::StatusOr<std::vector<Answer>> ListAnswers(std::string_view answers);
// kDataLoss unless an answer to `sequence` begins at the offset.
absl::StatusOr<CommandResult> DecodeAnswer(std::string_view answers, const Answer& answer);

}  // namespace flotilla::kv

#endif  // FLOTILLA_KV_ROWS_H_
