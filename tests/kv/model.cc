#include "tests/kv/model.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace flotilla::kv {

namespace {

CommandResult Code(ResultCode code) { return {.code = code}; }

std::optional<__int128> Number(const std::string& text) {
  const bool negative = text.starts_with('-');
  const std::string digits = text.substr(negative ? 1 : 0);
  if (digits.empty() || digits.size() > 19) return std::nullopt;
  if (digits.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  if (digits.starts_with('0') && text != "0") return std::nullopt;
  __int128 number = 0;
  for (const char digit : digits) number = number * 10 + (digit - '0');
  if (negative) number = -number;
  if (number > INT64_MAX || number < INT64_MIN) return std::nullopt;
  return number;
}

}  // namespace

std::vector<CommandResult> Model::Apply(LogIndex index, WallTime stamp,
                                        const std::vector<Command>& commands) {
  const Duration expiry = state_.session_limits.idle_expiry;
  if (stamp > log_time_) {
    session_time_ += std::min(stamp - log_time_, expiry / 10);
    log_time_ = stamp;
  }
  sessions_.remove_if(
      [&](const auto& session) { return session_time_ - session.last_use > expiry; });
  std::vector<CommandResult> results;
  for (const Command& command : commands) {
    const auto position = static_cast<uint32_t>(results.size());
    results.push_back(Apply(command, {state_.descriptor.shard, index, position}));
  }
  return results;
}

CommandResult Model::Apply(const Command& command, const SessionToken& here) {
  if (!Validate(command, state_.limits).ok()) return Code(ResultCode::kInvalid);
  if (std::holds_alternative<OpenSession>(command.operation)) {
    if (sessions_.size() == state_.session_limits.max_sessions) sessions_.pop_front();
    sessions_.push_back({.token = here, .last_use = session_time_, .last_entry = here.index});
    return {.session_token = EncodeSessionToken(here)};
  }
  if (!command.identity.session.has_value()) {
    return Owns(command) ? Execute(command) : Code(ResultCode::kWrongShard);
  }
  const auto session = FindSession(*command.identity.session);
  if (session == sessions_.end()) {
    const bool about_session = std::holds_alternative<KeepAlive>(command.operation) ||
                               std::holds_alternative<CloseSession>(command.operation);
    return Code(about_session || Owns(command) ? ResultCode::kSessionUnknown
                                               : ResultCode::kWrongShard);
  }
  // The order of use is that of the first use in each entry.
  if (session->last_entry != here.index) sessions_.splice(sessions_.end(), sessions_, session);
  session->last_entry = here.index;
  session->last_use = session_time_;
  return ApplyInSession(command, session);
}

std::list<Model::ModelSession>::iterator Model::FindSession(const SessionToken& token) {
  return std::find_if(sessions_.begin(), sessions_.end(),
                      [&](const ModelSession& session) { return session.token == token; });
}

CommandResult Model::ApplyInSession(const Command& command,
                                    std::list<ModelSession>::iterator session) {
  const WriteIdentity& identity = command.identity;
  session->acknowledged_below = std::max(session->acknowledged_below, identity.acknowledged_below);
  auto& answers = session->answers;
  answers.erase(answers.begin(), answers.lower_bound(session->acknowledged_below));

  if (std::holds_alternative<KeepAlive>(command.operation)) return {};
  if (std::holds_alternative<CloseSession>(command.operation)) {
    sessions_.erase(session);
    return {};
  }
  if (const auto answer = answers.find(identity.sequence); answer != answers.end()) {
    CommandResult replayed = answer->second;
    replayed.replayed = true;
    return replayed;
  }
  if (identity.sequence < session->acknowledged_below) return Code(ResultCode::kSequenceForgotten);
  if (!Owns(command)) return Code(ResultCode::kWrongShard);
  if (answers.size() == state_.session_limits.max_results_per_session) {
    return Code(ResultCode::kWindowFull);
  }
  return answers[identity.sequence] = Execute(command);
}

bool Model::Owns(const Command& command) const {
  if (const auto* range = std::get_if<DeleteRange>(&command.operation)) {
    return range->shard_version == 0 || range->shard_version == state_.descriptor.version;
  }
  return state_.descriptor.arc.Contains(*SlotOf(command));
}

CommandResult Model::Execute(const Command& command) {
  const Operation& operation = command.operation;
  if (const auto* put = std::get_if<kv::Put>(&operation)) return Execute(SimpleOperation(*put));
  if (const auto* del = std::get_if<Delete>(&operation)) return Execute(SimpleOperation(*del));
  if (const auto* add = std::get_if<Increment>(&operation)) return Execute(SimpleOperation(*add));
  if (const auto* append = std::get_if<Append>(&operation)) {
    return Execute(SimpleOperation(*append));
  }
  if (const auto* batch = std::get_if<Batch>(&operation)) return ExecuteAll(batch->operations);
  if (const auto* range = std::get_if<DeleteRange>(&operation)) return Execute(*range);
  if (const auto* txn = std::get_if<Txn>(&operation)) {
    const bool held = std::all_of(txn->conditions.begin(), txn->conditions.end(),
                                  [&](const Condition& condition) { return Holds(condition); });
    CommandResult result = ExecuteAll(held ? txn->then : txn->otherwise);
    result.conditions_held = held;
    return result;
  }
  const auto& cas = std::get<CompareAndSwap>(operation);
  if (Holds(cas.condition)) return Put(cas.condition.key, cas.value, true);
  CommandResult failed = Code(ResultCode::kCompareFailed);
  if (const auto row = rows_.find(cas.condition.key); row != rows_.end()) {
    failed.version = row->second.version;
    failed.value = row->second.value;
  }
  return failed;
}

CommandResult Model::Put(const std::string& key, const std::string& value,
                         bool keeps_created_version) {
  const uint64_t version = ++revision_;
  const bool fresh = !rows_.contains(key) || !keeps_created_version;
  ModelRow& row = rows_[key];
  row.value = value;
  row.version = version;
  if (fresh) row.created_version = version;
  return {.version = version};
}

CommandResult Model::Execute(const SimpleOperation& operation) {
  if (const auto* put = std::get_if<kv::Put>(&operation)) return Put(put->key, put->value, false);
  if (const auto* del = std::get_if<Delete>(&operation)) {
    if (rows_.erase(del->key) == 0) return Code(ResultCode::kNotFound);
    return {.version = ++revision_};
  }
  if (const auto* append = std::get_if<Append>(&operation)) {
    const auto row = rows_.find(append->key);
    const std::string before = row == rows_.end() ? "" : row->second.value;
    if (before.size() + append->value.size() > state_.limits.max_value_bytes) {
      return Code(ResultCode::kTooLarge);
    }
    return Put(append->key, before + append->value, true);
  }
  const auto& increment = std::get<Increment>(operation);
  const auto row = rows_.find(increment.key);
  const std::optional<__int128> number = Number(row == rows_.end() ? "0" : row->second.value);
  if (!number.has_value()) return Code(ResultCode::kNotANumber);
  const __int128 sum = *number + increment.delta;
  if (sum > INT64_MAX || sum < INT64_MIN) return Code(ResultCode::kOverflow);
  const std::string text = std::to_string(static_cast<int64_t>(sum));
  CommandResult result = Put(increment.key, text, true);
  result.value = text;
  return result;
}

CommandResult Model::ExecuteAll(const std::vector<SimpleOperation>& operations) {
  const Rows rows_before = rows_;
  const uint64_t revision_before = revision_;
  CommandResult all;
  for (const SimpleOperation& operation : operations) {
    const CommandResult one = Execute(operation);
    if (one.code != ResultCode::kOk && one.code != ResultCode::kNotFound) {
      rows_ = rows_before;
      revision_ = revision_before;
      return {.code = one.code, .failed_operation = static_cast<uint32_t>(all.nested.size())};
    }
    all.nested.push_back(one);
  }
  if (revision_ > revision_before) all.version = revision_;
  return all;
}

CommandResult Model::Execute(const DeleteRange& range) {
  CommandResult result;
  result.arc = state_.descriptor.arc;
  for (auto row = rows_.lower_bound(range.from); row != rows_.end();) {
    if (!range.to.empty() && row->first >= range.to) break;
    if (result.deleted == range.limit) {
      result.next_key = row->first;
      break;
    }
    row = rows_.erase(row);
    ++result.deleted;
    result.version = ++revision_;
  }
  return result;
}

bool Model::Holds(const Condition& condition) const {
  const auto row = rows_.find(condition.key);
  const bool exists = row != rows_.end();
  switch (condition.kind) {
    case Condition::Kind::kAbsent:
      return !exists;
    case Condition::Kind::kExists:
      return exists;
    case Condition::Kind::kVersion:
      return (exists ? row->second.version : 0) == condition.version;
    case Condition::Kind::kValue:
      return exists && row->second.value == condition.value;
  }
  return false;
}

}  // namespace flotilla::kv
