#include "kv/state_machine.h"

#include <algorithm>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/bytes.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "kv/command.h"
#include "kv/data_operations.h"
#include "kv/entry_budget.h"
#include "kv/pending_rows.h"
#include "kv/rows.h"
#include "kv/sessions.h"
#include "raft/message_codec.h"

namespace flotilla::kv {

namespace {

// How many steps of session time there are to idle_expiry at least. Part of what an entry means:
// replicas of one shard must not differ in it.
constexpr int kSessionTimeSteps = 10;

// One sweep ends after this many rows or bytes, so that it cannot hold up the shard for long. Part
// of what the command means, too.
constexpr uint32_t kMaxRowsPerSweep = 2'000;
constexpr uint64_t kMaxBytesPerSweep = 1 << 20;

// One call of Apply ends after this much, of entries and of what they drew from their budgets. How
// entries are cut into calls does not change what they do.
constexpr uint64_t kMaxBytesPerApply = 8 << 20;

class KvStateMachine final : public StateMachine {
 public:
  explicit KvStateMachine(AppliedState applied)
      : applied_(std::move(applied)), sessions_(applied_.session_limits) {}

  absl::Status LoadSessions(const storage::StateReader& state) { return sessions_.Load(state); }

  absl::Status Apply(const storage::StateReader& state, std::span<const raft::Entry> entries,
                     storage::WriteBatch* batch, std::vector<EntryResult>* results) override;

  const AppliedState& applied() const override { return applied_; }

  std::unique_ptr<StateMachine> MakeChild() const override {
    auto child = std::make_unique<KvStateMachine>(applied_.ChildState());
    child->sessions_.CopyFrom(sessions_);
    return child;
  }

 private:
  // What one call of Apply works on.
  struct Scope {
    const storage::StateReader& engine;
    PendingRows& rows;
  };

  absl::Status ApplyEntry(const raft::Entry& entry, Scope scope,
                          std::vector<CommandResult>* results);
  absl::Status ApplyConfiguration(const raft::Entry& entry, Scope scope);
  absl::Status ApplyCommands(const raft::Entry& entry, Scope scope,
                             std::vector<CommandResult>* results);
  void AdvanceTime(WallTime stamp);

  absl::StatusOr<CommandResult> ApplyCommand(const Command& command, uint32_t position,
                                             Scope scope);
  absl::StatusOr<CommandResult> ApplyInSession(const Command& command, uint32_t position,
                                               Scope scope);
  CommandResult OpenNewSession(uint32_t position, Scope scope);
  bool Owns(const Command& command) const;
  absl::StatusOr<CommandResult> Execute(const Command& command, Scope scope);
  CommandResult Split(const SplitShard& split, Scope scope);
  absl::StatusOr<CommandResult> Sweep(Scope scope);

  AppliedState applied_;
  Sessions sessions_;
  EntryBudget budget_;
};

absl::Status KvStateMachine::Apply(const storage::StateReader& state,
                                   std::span<const raft::Entry> entries, storage::WriteBatch* batch,
                                   std::vector<EntryResult>* results) {
  if (entries.empty()) return absl::OkStatus();
  const bool newborn = applied_.IsNewborn();
  const EngineRows engine_rows(state);
  PendingRows rows(engine_rows, *batch);
  const Scope scope{state, rows};
  results->reserve(results->size() + entries.size());
  uint64_t bytes = 0;
  for (const raft::Entry& entry : entries) {
    if (bytes >= kMaxBytesPerApply) break;
    FLOTILLA_CHECK_EQ(entry.index, applied_.index.next());
    applied_.index = entry.index;
    applied_.term = entry.term;
    results->push_back({.index = entry.index, .term = entry.term});
    if (applied_.owned_bytes_max) *applied_.owned_bytes_max += View(entry.payload).size();
    budget_.Begin();
    absl::Status status = ApplyEntry(entry, scope, &results->back().results);
    if (!status.ok()) return Annotate(status, "entry " + ToString(entry.index));
    bytes += View(entry.payload).size() + budget_.spent();
    if (applied_.StandsAtSplit()) break;
  }
  rows.Put(AppliedRowKey(), EncodeAppliedRow(applied_));
  if (newborn) rows.Put(ShardRowKey(), EncodeShardRow(applied_));
  return absl::OkStatus();
}

absl::Status KvStateMachine::ApplyEntry(const raft::Entry& entry, Scope scope,
                                        std::vector<CommandResult>* results) {
  switch (entry.kind) {
    case raft::EntryKind::kNoop:
      return absl::OkStatus();
    case raft::EntryKind::kConfiguration:
      return ApplyConfiguration(entry, scope);
    case raft::EntryKind::kCommand:
      return ApplyCommands(entry, scope, results);
  }
  return absl::UnimplementedError("entry is of unknown kind " +
                                  std::to_string(static_cast<int>(entry.kind)));
}

absl::Status KvStateMachine::ApplyConfiguration(const raft::Entry& entry, Scope scope) {
  FLOTILLA_ASSIGN_OR_RETURN(applied_.configuration, raft::DecodeConfiguration(View(entry.payload)));
  applied_.configuration_index = entry.index;
  scope.rows.Put(ShardRowKey(), EncodeShardRow(applied_));
  return absl::OkStatus();
}

absl::Status KvStateMachine::ApplyCommands(const raft::Entry& entry, Scope scope,
                                           std::vector<CommandResult>* results) {
  FLOTILLA_ASSIGN_OR_RETURN(const EntryPayload payload, DecodeEntryPayload(View(entry.payload)));
  AdvanceTime(payload.log_time);
  sessions_.BeginEntry(entry.index, applied_.session_time, scope.rows);
  results->reserve(payload.commands.size());
  for (uint32_t position = 0; position < payload.commands.size(); ++position) {
    FLOTILLA_ASSIGN_OR_RETURN(const Command command, DecodeCommand(payload.commands[position]));
    FLOTILLA_ASSIGN_OR_RETURN(CommandResult result, ApplyCommand(command, position, scope));
    results->push_back(std::move(result));
  }
  sessions_.EndEntry(scope.rows);
  return absl::OkStatus();
}

void KvStateMachine::AdvanceTime(WallTime stamp) {
  if (stamp <= applied_.log_time) return;
  const Duration step = applied_.session_limits.idle_expiry / kSessionTimeSteps;
  applied_.session_time += std::min(stamp - applied_.log_time, step);
  applied_.log_time = stamp;
}

absl::StatusOr<CommandResult> KvStateMachine::ApplyCommand(const Command& command,
                                                           uint32_t position, Scope scope) {
  if (!Validate(command, applied_.limits).ok()) return CommandResult{.code = ResultCode::kInvalid};
  if (command.identity.session.has_value()) return ApplyInSession(command, position, scope);
  if (std::holds_alternative<OpenSession>(command.operation)) {
    return OpenNewSession(position, scope);
  }
  if (const auto* split = std::get_if<SplitShard>(&command.operation)) return Split(*split, scope);
  if (budget_.IsSpent()) return CommandResult{.code = ResultCode::kEntryFull};
  if (std::holds_alternative<SweepShard>(command.operation)) return Sweep(scope);
  if (!Owns(command)) return CommandResult{.code = ResultCode::kWrongShard};
  return Execute(command, scope);
}

CommandResult KvStateMachine::OpenNewSession(uint32_t position, Scope scope) {
  const SessionToken token{
      .shard = applied_.descriptor.shard, .index = applied_.index, .position = position};
  sessions_.Open(token, scope.rows);
  return {.session_token = EncodeSessionToken(token)};
}

absl::StatusOr<CommandResult> KvStateMachine::ApplyInSession(const Command& command,
                                                             uint32_t position, Scope scope) {
  const WriteIdentity& identity = command.identity;
  Session* const session =
      sessions_.Use(*identity.session, position, identity.acknowledged_below, scope.rows);
  if (session == nullptr) {
    const bool is_about_session = std::holds_alternative<KeepAlive>(command.operation) ||
                                  std::holds_alternative<CloseSession>(command.operation);
    // Who does not own the key cannot tell whether its owner knows the session.
    if (!is_about_session && !Owns(command)) return CommandResult{.code = ResultCode::kWrongShard};
    const bool of_parent = std::any_of(
        applied_.origins.begin(), applied_.origins.end(), [&](const ShardOrigin& origin) {
          return origin.parent == identity.session->shard && origin.split < identity.session->index;
        });
    return CommandResult{.code = of_parent ? ResultCode::kSessionOfParent
                                           : ResultCode::kSessionUnknown};
  }
  if (std::holds_alternative<KeepAlive>(command.operation)) return CommandResult{};
  if (std::holds_alternative<CloseSession>(command.operation)) {
    sessions_.Close(session, scope.rows);
    return CommandResult{};
  }

  if (budget_.IsSpent()) return CommandResult{.code = ResultCode::kEntryFull};

  // What was answered once is answered again, also by a shard that has lost the slot since.
  FLOTILLA_ASSIGN_OR_RETURN(std::optional<CommandResult> answer,
                            sessions_.FindAnswer(*session, identity.sequence, scope.rows, budget_));
  if (answer.has_value()) {
    answer->replayed = true;
    return *std::move(answer);
  }
  if (identity.sequence < session->acknowledged_below()) {
    return CommandResult{.code = ResultCode::kSequenceForgotten};
  }
  if (!Owns(command)) return CommandResult{.code = ResultCode::kWrongShard};
  if (!sessions_.HasRoom(*session)) return CommandResult{.code = ResultCode::kWindowFull};

  FLOTILLA_ASSIGN_OR_RETURN(CommandResult result, Execute(command, scope));
  FLOTILLA_CHECK(IsRecorded(result.code));
  sessions_.Record(session, identity.sequence, result);
  return result;
}

bool KvStateMachine::Owns(const Command& command) const {
  if (const auto* range = std::get_if<DeleteRange>(&command.operation)) {
    return range->shard_version == 0 || range->shard_version == applied_.descriptor.version;
  }
  if (applied_.descriptor.arc.IsWholeRing()) return true;
  const std::optional<sharding::Slot> slot = SlotOf(command);
  return slot.has_value() && applied_.descriptor.arc.Contains(*slot);
}

absl::StatusOr<CommandResult> KvStateMachine::Execute(const Command& command, Scope scope) {
  DataOperations operations(command.keyspace, applied_.limits, scope.rows, applied_.revision,
                            budget_);
  return std::visit(
      [&](const auto& operation) -> absl::StatusOr<CommandResult> {
        using T = std::decay_t<decltype(operation)>;
        if constexpr (std::is_invocable_v<DataOperations&, const T&>) {
          return operations(operation);
        } else if constexpr (std::is_same_v<T, DeleteRange>) {
          return operations.Run(operation, scope.engine, applied_.descriptor.arc);
        } else {
          // Commands about sessions never get here.
          return CommandResult{.code = ResultCode::kInvalid};
        }
      },
      command.operation);
}

// The child is made by the replica, out of the state that this entry leaves behind.
CommandResult KvStateMachine::Split(const SplitShard& split, Scope scope) {
  sharding::ShardDescriptor& own = applied_.descriptor;
  if (split.shard_version != own.version || !own.arc.IsCutBy(split.at)) {
    return CommandResult{.code = ResultCode::kWrongShard};
  }
  const auto is_child = [&](const ShardOrigin& origin) { return origin.parent == split.child; };
  if (split.child == own.shard ||
      std::any_of(applied_.origins.begin(), applied_.origins.end(), is_child)) {
    return CommandResult{.code = ResultCode::kInvalid};
  }
  if (applied_.configuration.IsJoint()) return CommandResult{.code = ResultCode::kShardChanging};
  ++own.version;
  applied_.last_split = {
      .index = applied_.index,
      .child = {.shard = split.child, .arc = {split.at, own.arc.last}, .version = own.version}};
  own.arc.last.value = split.at.value - 1;
  applied_.sweep_from = AllDataRowsBegin();
  applied_.owned_bytes_max = 0;
  scope.rows.Put(ShardRowKey(), EncodeShardRow(applied_));
  return CommandResult{.version = own.version};
}

absl::StatusOr<CommandResult> KvStateMachine::Sweep(Scope scope) {
  CommandResult result;
  // In the entry of a split, behind it: the child has yet to be made of what would go.
  if (!applied_.sweep_from.has_value() || applied_.StandsAtSplit()) return result;
  std::vector<std::string> unowned;
  std::optional<std::string> next;
  uint64_t bytes_read = 0;
  uint32_t rows_read = 0;
  const auto visit = [&](std::string_view row_key, std::string_view value) {
    if (rows_read == kMaxRowsPerSweep || bytes_read >= kMaxBytesPerSweep) {
      next = std::string(row_key);
      return false;
    }
    ++rows_read;
    const uint64_t bytes = row_key.size() + value.size();
    bytes_read += bytes;
    if (applied_.descriptor.arc.Contains(sharding::SlotOf(UserKey(row_key)))) {
      if (applied_.owned_bytes_max) *applied_.owned_bytes_max += bytes;
    } else {
      unowned.emplace_back(row_key);
    }
    return true;
  };
  FLOTILLA_RETURN_IF_ERROR(
      scope.rows.Walk(scope.engine, *applied_.sweep_from, AllDataRowsEnd(), visit));
  budget_.SpendOnDeletePage(bytes_read);
  result.deleted = unowned.size();
  for (std::string& row_key : unowned) scope.rows.Delete(std::move(row_key));
  applied_.sweep_from = std::move(next);
  scope.rows.Put(ShardRowKey(), EncodeShardRow(applied_));
  return result;
}

}  // namespace

storage::WriteBatch StateMachine::InitialRows(const AppliedState& state) {
  storage::WriteBatch rows;
  rows.Put(ShardRowKey(), EncodeShardRow(state));
  rows.Put(AppliedRowKey(), EncodeAppliedRow(state));
  return rows;
}

absl::StatusOr<std::unique_ptr<StateMachine>> StateMachine::Load(const storage::StateReader& state,
                                                                 ShardId shard) {
  FLOTILLA_ASSIGN_OR_RETURN(AppliedState applied, LoadApplied(state, shard));
  auto machine = std::make_unique<KvStateMachine>(std::move(applied));
  FLOTILLA_RETURN_IF_ERROR(machine->LoadSessions(state));
  return machine;
}

}  // namespace flotilla::kv
