// What a committed write costs the state machine, the engine left out: the batch is thrown away.
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "benchmark/benchmark.h"
#include "kv/command.h"
#include "kv/state_machine.h"

namespace flotilla::kv {
namespace {

// The state that every batch is applied to: fixed rows, no data.
class FixedState final : public storage::StateReader {
 public:
  void Write(const storage::WriteBatch& batch) {
    for (const auto& operation : batch.operations()) rows_[operation.key] = *operation.value;
  }
  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override {
    const auto row = rows_.find(key);
    if (row == rows_.end()) return std::nullopt;
    return row->second;
  }
  std::unique_ptr<storage::RowIterator> NewIterator() const override {
    return std::make_unique<NoRows>();
  }

 private:
  class NoRows final : public storage::RowIterator {
   public:
    void Seek(std::string_view) override {}
    void SeekForPrev(std::string_view) override {}
    void Next() override {}
    void Prev() override {}
    bool Valid() const override { return false; }
    std::string_view key() const override { return {}; }
    std::string_view value() const override { return {}; }
    absl::Status status() const override { return absl::OkStatus(); }
  };

  std::map<std::string, std::string, std::less<>> rows_;
};

constexpr uint64_t kEntriesPerBatch = 4;
constexpr uint64_t kKeys = 4096;

// One client that keeps a window of `commands_per_entry` writes in flight.
class Load {
 public:
  explicit Load(uint64_t commands_per_entry) : commands_per_entry_(commands_per_entry) {
    AppliedState state;
    state.descriptor.shard = ShardId(1);
    state.configuration.voters = {{NodeId(1), ReplicaId(1)}};
    state_.Write(StateMachine::InitialRows(state));
    machine_ = *StateMachine::Load(state_, ShardId(1));
    const std::vector<EntryResult> results =
        Apply({MakeEntry({{.operation = OpenSession{}}}, LogIndex(1))});
    session_ = *DecodeSessionToken(results.front().results.front().session_token);
  }

  const SessionToken& session() const { return session_; }

  // The next entries, of commands that `make` builds.
  template <typename MakeOperation>
  std::vector<raft::Entry> MakeBatch(MakeOperation make, bool in_session) {
    std::vector<raft::Entry> entries;
    LogIndex index = machine_->applied().index;
    for (uint64_t i = 0; i < kEntriesPerBatch; ++i) {
      std::vector<Command> commands;
      const uint64_t acknowledged = sequence_ + 1;
      for (uint64_t j = 0; j < commands_per_entry_; ++j) {
        ++sequence_;
        Command command{.operation = make(sequence_)};
        if (in_session) command.identity = {session_, sequence_, acknowledged};
        commands.push_back(std::move(command));
      }
      entries.push_back(MakeEntry(commands, ++index));
    }
    return entries;
  }

  std::vector<EntryResult> Apply(const std::vector<raft::Entry>& entries) {
    storage::WriteBatch batch;
    std::vector<EntryResult> results;
    FLOTILLA_CHECK(machine_->Apply(state_, entries, &batch, &results).ok());
    benchmark::DoNotOptimize(batch);
    return results;
  }

 private:
  static raft::Entry MakeEntry(const std::vector<Command>& commands, LogIndex index) {
    std::vector<std::string> encoded;
    for (const Command& command : commands) encoded.push_back(EncodeCommand(command));
    const std::vector<std::string_view> views(encoded.begin(), encoded.end());
    const WallTime time(std::chrono::hours(500'000) + std::chrono::milliseconds(index.value()));
    return {.index = index,
            .term = Term(1),
            .kind = raft::EntryKind::kCommand,
            .payload = MakeBytes(EncodeEntryPayload(time, views))};
  }

  const uint64_t commands_per_entry_;
  FixedState state_;
  std::unique_ptr<StateMachine> machine_;
  SessionToken session_;
  uint64_t sequence_ = 0;
};

std::string Key(uint64_t i) {
  std::string key = std::to_string(i * 2654435761 % kKeys);
  key.insert(0, 16 - key.size(), 'k');
  return key;
}

template <typename MakeOperation>
void Run(benchmark::State& state, bool in_session, MakeOperation make) {
  const auto commands_per_entry = static_cast<uint64_t>(state.range(0));
  Load load(commands_per_entry);
  for (auto _ : state) {
    state.PauseTiming();
    const std::vector<raft::Entry> entries = load.MakeBatch(make, in_session);
    state.ResumeTiming();
    benchmark::DoNotOptimize(load.Apply(entries));
  }
  state.SetItemsProcessed(state.iterations() *
                          static_cast<int64_t>(kEntriesPerBatch * commands_per_entry));
}

void PutInSession(benchmark::State& state) {
  Run(state, true, [](uint64_t i) { return Put{Key(i), std::string(256, 'v')}; });
}
void PutWithoutSession(benchmark::State& state) {
  Run(state, false, [](uint64_t i) { return Put{Key(i), std::string(256, 'v')}; });
}
void IncrementInSession(benchmark::State& state) {
  Run(state, true, [](uint64_t i) { return Increment{Key(i % 16), 1}; });
}
void BatchOfEightInSession(benchmark::State& state) {
  Run(state, true, [](uint64_t i) {
    Batch batch;
    for (int j = 0; j < 8; ++j) {
      batch.operations.push_back(Put{"{tag}" + Key(i + j), std::string(256, 'v')});
    }
    return batch;
  });
}

BENCHMARK(PutInSession)->Arg(1)->Arg(16)->Arg(256);
BENCHMARK(PutWithoutSession)->Arg(1)->Arg(16)->Arg(256);
BENCHMARK(IncrementInSession)->Arg(16);
BENCHMARK(BatchOfEightInSession)->Arg(16);

}  // namespace
}  // namespace flotilla::kv
