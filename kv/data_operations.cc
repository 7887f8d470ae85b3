#include "kv/data_operations.h"

#include <utility>
#include <variant>

#include "base/status_macros.h"
#include "kv/decimal.h"
#include "kv/rows.h"

namespace flotilla::kv {

namespace {

// A page of a delete-range ends, besides at its limit, after this many rows or bytes, so that one
// command cannot hold up the shard: rows of neighbours are skipped, not deleted, but they are read.
// Part of what a command means: replicas of one shard must not differ in it.
constexpr uint32_t kMaxRowsPerDeletePage = 10'000;
constexpr uint64_t kMaxBytesPerDeletePage = 4 << 20;

CommandResult Failure(ResultCode code) { return {.code = code}; }

}  // namespace

absl::StatusOr<std::optional<DataOperations::Found>> DataOperations::Find(
    std::string_view key) const {
  FLOTILLA_ASSIGN_OR_RETURN(std::optional<std::string> bytes,
                            rows_.Get(DataRowKey(keyspace_, key)));
  if (!bytes.has_value()) return std::nullopt;
  FLOTILLA_ASSIGN_OR_RETURN(const DataRow row, DecodeDataRow(*bytes));
  return Found{.version = row.version,
               .created_version = row.created_version,
               .value = std::string(row.value)};
}

absl::StatusOr<std::optional<DataOperations::Found>> DataOperations::FindAndPay(
    std::string_view key) const {
  absl::StatusOr<std::optional<Found>> found = Find(key);
  if (found.ok() && found->has_value()) budget_.Spend((*found)->value.size());
  return found;
}

CommandResult DataOperations::Write(std::string_view key, std::string_view value,
                                    const std::optional<Found>& before) {
  const uint64_t version = ++revision_;
  rows_.Put(DataRowKey(keyspace_, key),
            EncodeDataRow({.version = version,
                           .created_version = before ? before->created_version : version,
                           .value = value}));
  return {.version = version};
}

// Replaces the row without a look at it: a read would cost more than all the rest of a put.
absl::StatusOr<CommandResult> DataOperations::operator()(const Put& put) {
  return Write(put.key, put.value, std::nullopt);
}

// Free of charge: nothing of the row is kept, and it is found once. Only a batch can take that
// back.
absl::StatusOr<CommandResult> DataOperations::operator()(const Delete& del) {
  FLOTILLA_ASSIGN_OR_RETURN(const std::optional<Found> before, Find(del.key));
  if (!before.has_value()) return Failure(ResultCode::kNotFound);
  deleted_bytes_ += before->value.size();
  rows_.Delete(DataRowKey(keyspace_, del.key));
  return CommandResult{.version = ++revision_};
}

absl::StatusOr<CommandResult> DataOperations::operator()(const Increment& increment) {
  FLOTILLA_ASSIGN_OR_RETURN(const std::optional<Found> before, FindAndPay(increment.key));
  const std::optional<int64_t> number = before ? ParseDecimal(before->value) : 0;
  if (!number.has_value()) return Failure(ResultCode::kNotANumber);
  const std::optional<int64_t> sum = AddExactly(*number, increment.delta);
  if (!sum.has_value()) return Failure(ResultCode::kOverflow);
  std::string text = std::to_string(*sum);
  CommandResult result = Write(increment.key, text, before);
  result.value = std::move(text);
  return result;
}

absl::StatusOr<CommandResult> DataOperations::operator()(const Append& append) {
  FLOTILLA_ASSIGN_OR_RETURN(const std::optional<Found> before, FindAndPay(append.key));
  if (!before.has_value()) return Write(append.key, append.value, before);
  if (before->value.size() + append.value.size() > limits_.max_value_bytes) {
    return Failure(ResultCode::kTooLarge);
  }
  lengthened_bytes_ += before->value.size();
  if (lengthened_bytes_ > EntryBudget::kMaxLengthenedBytes) return Failure(ResultCode::kTooLarge);
  return Write(append.key, before->value + append.value, before);
}

namespace {

template <typename Row>
bool Matches(const Condition& condition, const std::optional<Row>& row) {
  switch (condition.kind) {
    case Condition::Kind::kAbsent:
      return !row.has_value();
    case Condition::Kind::kExists:
      return row.has_value();
    case Condition::Kind::kVersion:
      return condition.version == (row.has_value() ? row->version : 0);
    case Condition::Kind::kValue:
      return row.has_value() && row->value == condition.value;
  }
  return false;
}

}  // namespace

absl::StatusOr<CommandResult> DataOperations::operator()(const CompareAndSwap& cas) {
  FLOTILLA_ASSIGN_OR_RETURN(std::optional<Found> before, FindAndPay(cas.condition.key));
  if (Matches(cas.condition, before)) return Write(cas.condition.key, cas.value, before);
  CommandResult result = Failure(ResultCode::kCompareFailed);
  if (before.has_value()) {
    result.version = before->version;
    result.value = std::move(before->value);
  }
  return result;
}

absl::StatusOr<bool> DataOperations::Holds(const Condition& condition) const {
  FLOTILLA_ASSIGN_OR_RETURN(const std::optional<Found> row, FindAndPay(condition.key));
  return Matches(condition, row);
}

absl::StatusOr<CommandResult> DataOperations::RunAll(
    const std::vector<SimpleOperation>& operations) {
  storage::WriteBatch batch;
  PendingRows rows(rows_, batch);
  uint64_t revision = revision_;
  DataOperations layer(keyspace_, limits_, rows, revision, budget_);
  CommandResult all;
  budget_.SpendOnResults(operations.size());
  for (const SimpleOperation& operation : operations) {
    const uint64_t deleted_bytes = layer.deleted_bytes_;
    FLOTILLA_ASSIGN_OR_RETURN(CommandResult one, std::visit(layer, operation));
    budget_.Spend(layer.deleted_bytes_ - deleted_bytes);
    // A delete that finds nothing has done what it was asked for.
    if (one.code != ResultCode::kOk && one.code != ResultCode::kNotFound) {
      CommandResult failure = Failure(one.code);
      failure.failed_operation = static_cast<uint32_t>(all.nested.size());
      return failure;
    }
    all.nested.push_back(std::move(one));
  }
  if (revision != revision_) all.version = revision;
  revision_ = revision;
  rows_.Append(std::move(batch));
  return all;
}

absl::StatusOr<CommandResult> DataOperations::operator()(const Batch& batch) {
  return RunAll(batch.operations);
}

absl::StatusOr<CommandResult> DataOperations::operator()(const Txn& txn) {
  bool held = true;
  for (const Condition& condition : txn.conditions) {
    FLOTILLA_ASSIGN_OR_RETURN(held, Holds(condition));
    if (!held) break;
  }
  FLOTILLA_ASSIGN_OR_RETURN(CommandResult result, RunAll(held ? txn.then : txn.otherwise));
  result.conditions_held = held;
  return result;
}

absl::StatusOr<CommandResult> DataOperations::Run(const DeleteRange& range,
                                                  const storage::StateReader& engine,
                                                  const sharding::Arc& arc) {
  std::vector<std::string> doomed;
  CommandResult result;
  uint32_t rows_read = 0;
  uint64_t bytes_read = 0;
  const std::string end =
      range.to.empty() ? DataRowsEnd(keyspace_) : DataRowKey(keyspace_, range.to);
  const auto visit = [&](std::string_view row_key, std::string_view value) {
    const std::string_view key = UserKey(row_key);
    if (doomed.size() == range.limit || rows_read == kMaxRowsPerDeletePage ||
        (bytes_read >= kMaxBytesPerDeletePage)) {
      result.next_key = std::string(key);
      return false;
    }
    ++rows_read;
    bytes_read += key.size() + value.size();
    if (arc.Contains(sharding::SlotOf(key))) doomed.emplace_back(row_key);
    return true;
  };
  FLOTILLA_RETURN_IF_ERROR(rows_.Walk(engine, DataRowKey(keyspace_, range.from), end, visit));
  budget_.SpendOnDeletePage(bytes_read);
  for (std::string& row_key : doomed) rows_.Delete(std::move(row_key));
  result.deleted = doomed.size();
  result.arc = arc;
  revision_ += doomed.size();
  if (!doomed.empty()) result.version = revision_;
  return result;
}

}  // namespace flotilla::kv
