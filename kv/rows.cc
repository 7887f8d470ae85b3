#include "kv/rows.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/coding.h"
#include "base/status_macros.h"
#include "kv/formats.h"

namespace flotilla::kv {

namespace {

constexpr char kReplicaPrefix = 0x01;
constexpr char kSessionPrefix = 0x02;
constexpr char kDataPrefix = 0x10;
constexpr size_t kDataPrefixBytes = 1 + sizeof(uint32_t);

constexpr std::string_view kDataRowName = "data row";
constexpr std::string_view kSessionKeyName = "session row's key";
constexpr std::string_view kSessionRowName = "session row";

void PutOrdered32(std::string& out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

std::string DataRowsBegin(uint32_t keyspace) {
  std::string out(1, kDataPrefix);
  PutOrdered32(out, keyspace);
  return out;
}

}  // namespace

std::string AppliedRowKey() { return {kReplicaPrefix, 'a'}; }
std::string ShardRowKey() { return {kReplicaPrefix, 's'}; }

std::string DataRowKey(uint32_t keyspace, std::string_view key) {
  std::string out;
  out.reserve(kDataPrefixBytes + key.size());
  out.push_back(kDataPrefix);
  PutOrdered32(out, keyspace);
  out.append(key);
  return out;
}

std::string DataRowsEnd(uint32_t keyspace) {
  if (keyspace == std::numeric_limits<uint32_t>::max()) return AllDataRowsEnd();
  return DataRowsBegin(keyspace + 1);
}

std::string AllDataRowsBegin() { return std::string(1, kDataPrefix); }
std::string AllDataRowsEnd() { return std::string(1, kDataPrefix + 1); }

std::string_view UserKey(std::string_view row_key) {
  FLOTILLA_CHECK(row_key.size() >= kDataPrefixBytes && row_key.front() == kDataPrefix);
  return row_key.substr(kDataPrefixBytes);
}

std::string EncodeDataRow(const DataRow& row) {
  constexpr size_t kLongestHeader = 3 + 10 + 10 + 1;
  std::string out;
  out.reserve(kLongestHeader + row.value.size());
  PutFormat(out, Format::kDataRow);
  PutVarint(out, row.version);
  PutVarint(out, row.version - row.created_version);
  PutVarint(out, 0);  // set aside for the time of expiry
  out.append(row.value);
  return out;
}

absl::StatusOr<DataRow> DecodeDataRow(std::string_view bytes) {
  Decoder in(bytes);
  FLOTILLA_RETURN_IF_ERROR(ReadFormat(in, Format::kDataRow, kDataRowName));
  DataRow row{.version = in.Varint()};
  const uint64_t since_creation = in.Varint();
  const uint64_t expiry = in.Varint();
  if (!in.ok() || since_creation >= row.version) {
    return absl::DataLossError("data row is malformed");
  }
  if (expiry != 0) return absl::UnimplementedError("data row expires; this build knows no expiry");
  row.created_version = row.version - since_creation;
  row.value = in.rest();
  return row;
}

std::string SessionRowsBegin() { return std::string(1, kSessionPrefix); }
std::string SessionRowsEnd() { return std::string(1, kSessionPrefix + 1); }

std::string SessionRowKey(const SessionToken& token, LogIndex entry) {
  std::string out;
  out.reserve(1 + 3 * sizeof(uint64_t) + sizeof(uint32_t));
  out.push_back(kSessionPrefix);
  PutOrdered64(out, token.shard.value());
  PutOrdered64(out, token.index.value());
  PutOrdered32(out, token.position);
  PutOrdered64(out, entry.value());
  return out;
}

absl::StatusOr<SessionRowId> DecodeSessionRowKey(std::string_view row_key) {
  Decoder in(row_key);
  if (in.Fixed8() != kSessionPrefix) in.Fail();
  SessionRowId id;
  id.token.shard = ShardId(in.Ordered64());
  id.token.index = LogIndex(in.Ordered64());
  for (int i = 0; i < 4; ++i) id.token.position = (id.token.position << 8) | in.Fixed8();
  id.entry = LogIndex(in.Ordered64());
  FLOTILLA_RETURN_IF_ERROR(in.Finish(kSessionKeyName));
  return id;
}

std::string EncodeSessionRow(const SessionRow& row) {
  constexpr size_t kLongestHeader = 3 + 5 + 10 + 10;
  std::string out;
  out.reserve(kLongestHeader + row.answers.size());
  PutFormat(out, Format::kSessionRow);
  PutVarint(out, row.position);
  PutVarint(out, static_cast<uint64_t>(row.time.count()));
  PutVarint(out, row.acknowledged_below);
  out.append(row.answers);
  return out;
}

absl::StatusOr<SessionRow> DecodeSessionRow(std::string_view bytes) {
  Decoder in(bytes);
  FLOTILLA_RETURN_IF_ERROR(ReadFormat(in, Format::kSessionRow, kSessionRowName));
  const uint64_t position = in.Varint();
  const uint64_t time = in.Varint();
  SessionRow row{.position = static_cast<uint32_t>(position),
                 .time = Duration(static_cast<int64_t>(time)),
                 .acknowledged_below = in.Varint()};
  if (!in.ok() || position > std::numeric_limits<uint32_t>::max() || row.time < Duration(0)) {
    return absl::DataLossError("session row is malformed");
  }
  row.answers = in.rest();
  return row;
}

void AppendAnswer(std::string& answers, uint64_t sequence, const CommandResult& result) {
  PutVarint(answers, sequence);
  PutString(answers, EncodeResult(result));
}

absl::StatusOr<std::vector<Answer>> ListAnswers(std::string_view answers) {
  Decoder in(answers);
  std::vector<Answer> list;
  while (in.ok() && !in.done()) {
    const size_t offset = answers.size() - in.rest().size();
    list.push_back({.sequence = in.Varint(), .offset = offset});
    in.String();
  }
  FLOTILLA_RETURN_IF_ERROR(in.Finish(kSessionRowName));
  return list;
}

absl::StatusOr<CommandResult> DecodeAnswer(std::string_view answers, const Answer& answer) {
  Decoder in(answers.substr(std::min(answer.offset, answers.size())));
  const uint64_t sequence = in.Varint();
  const std::string_view result = in.String();
  if (!in.ok() || sequence != answer.sequence) {
    return absl::DataLossError("session row lacks an answer that it had");
  }
  return DecodeResult(result);
}

}  // namespace flotilla::kv
