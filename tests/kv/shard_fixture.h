// A shard of one replica: applies commands as entries, reads the state back.
#ifndef FLOTILLA_TESTS_KV_SHARD_FIXTURE_H_
#define FLOTILLA_TESTS_KV_SHARD_FIXTURE_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "gtest/gtest.h"
#include "kv/command.h"
#include "kv/read.h"
#include "kv/result.h"
#include "kv/state_machine.h"
#include "tests/support/memory_state.h"

namespace flotilla::kv {

inline AppliedState NewShardState() {
  AppliedState state;
  state.descriptor.shard = ShardId(7);
  state.configuration.voters = {{NodeId(1), ReplicaId(1)}};
  state.configuration.next_replica_id = ReplicaId(2);
  return state;
}

class TestShard {
 public:
  explicit TestShard(const AppliedState& state = NewShardState()) : shard_(state.descriptor.shard) {
    state_.Write(StateMachine::InitialRows(state));
    Restart();
  }

  // The child of the split that `parent` stands at, as it is made there and then.
  static TestShard ChildOf(const TestShard& parent) {
    TestShard child = LoadedChildOf(parent);
    child.machine_ = parent.machine_->MakeChild();
    return child;
  }
  // The same, made of the parent's rows.
  static TestShard LoadedChildOf(const TestShard& parent) {
    return TestShard(parent.applied().last_split->child.shard, parent.state_);
  }

  // Forgets everything that is not in the rows.
  void Restart() {
    auto machine = StateMachine::Load(state_, shard_);
    ASSERT_TRUE(machine.ok()) << machine.status();
    machine_ = *std::move(machine);
  }

  // The next entry, with this shard's clock.
  raft::Entry MakeEntry(const std::vector<Command>& commands) const {
    std::vector<std::string> encoded;
    for (const Command& command : commands) encoded.push_back(EncodeCommand(command));
    const std::vector<std::string_view> views(encoded.begin(), encoded.end());
    return {.index = machine_->applied().index.next(),
            .term = Term(1),
            .kind = raft::EntryKind::kCommand,
            .payload = MakeBytes(EncodeEntryPayload(now_, views))};
  }
  absl::StatusOr<std::vector<EntryResult>> TryApply(const std::vector<raft::Entry>& entries) {
    storage::WriteBatch batch;
    std::vector<EntryResult> results;
    absl::Status status = machine_->Apply(state_, entries, &batch, &results);
    if (!status.ok()) return status;
    state_.Write(batch);
    return results;
  }
  // Applies the commands as one entry.
  std::vector<CommandResult> Apply(const std::vector<Command>& commands) {
    auto results = TryApply({MakeEntry(commands)});
    EXPECT_TRUE(results.ok()) << results.status();
    if (!results.ok() || results->size() != 1) return std::vector<CommandResult>(commands.size());
    return std::move(results->front().results);
  }
  // Applies the operation as an entry of its own.
  CommandResult Do(Operation operation, WriteIdentity identity = {}) {
    return Apply({{.identity = identity, .operation = std::move(operation)}}).front();
  }

  SessionToken OpenSession() {
    auto token = DecodeSessionToken(Do(kv::OpenSession{}).session_token);
    EXPECT_TRUE(token.ok()) << token.status();
    return token.value_or(SessionToken{});
  }

  absl::StatusOr<ReadResult> TryRead(const ReadRequest& request) const {
    const absl::StatusOr<AppliedState> as_of = LoadApplied(state_, shard_);
    if (!as_of.ok()) return as_of.status();
    return ExecuteRead(state_, *as_of, request);
  }
  ReadResult Read(ReadRequest request) const {
    auto result = TryRead(request);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.value_or(ReadResult{});
  }
  std::optional<Row> GetRow(std::string key) const {
    ReadResult result = Read({.operation = Get{std::move(key)}});
    if (result.rows.empty()) return std::nullopt;
    return result.rows.front();
  }
  std::optional<std::string> Value(std::string key) const {
    const std::optional<Row> row = GetRow(std::move(key));
    if (!row.has_value()) return std::nullopt;
    return row->value;
  }

  void PassTime(Duration duration) { now_ += duration; }
  void SetTime(WallTime now) { now_ = now; }
  WallTime now() const { return now_; }
  const AppliedState& applied() const { return machine_->applied(); }
  tests::MemoryState& state() { return state_; }
  StateMachine& machine() { return *machine_; }

 private:
  TestShard(ShardId shard, tests::MemoryState state) : shard_(shard), state_(std::move(state)) {
    Restart();
  }

  ShardId shard_;
  tests::MemoryState state_;
  std::unique_ptr<StateMachine> machine_;
  WallTime now_ = WallTime(std::chrono::hours(500'000));
};

// The write of a session with this sequence number.
inline WriteIdentity InSession(const SessionToken& token, uint64_t sequence,
                               uint64_t acknowledged_below = 0) {
  return {.session = token, .sequence = sequence, .acknowledged_below = acknowledged_below};
}

}  // namespace flotilla::kv

#endif  // FLOTILLA_TESTS_KV_SHARD_FIXTURE_H_
