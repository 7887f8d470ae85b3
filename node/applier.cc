#include "node/applier.h"

#include <cstddef>
#include <iterator>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/status_macros.h"

namespace flotilla::node {

namespace {

size_t BytesOf(const kv::ReadResult& result) {
  size_t bytes = 0;
  for (const std::optional<kv::Row>& row : result.rows) {
    if (row.has_value()) bytes += row->key.size() + row->value.size();
  }
  return bytes;
}

}  // namespace

Applier::Applier(ShardId shard, ReplicaState state, SequenceSource& sequences, Executor& home,
                 DurableListener on_durable, std::function<void(std::string)> remove_folder)
    : shard_(shard),
      home_(home),
      holder_(std::make_shared<Holder>()),
      remove_folder_(std::move(remove_folder)),
      apply_(sequences.NewSequence(SequenceSource::Use::kApply, home)),
      read_(sequences.NewSequence(SequenceSource::Use::kRead, home)),
      bulk_(sequences.NewSequence(SequenceSource::Use::kBulk, home)) {
  holder_->engine = std::move(state.engine);
  holder_->machine = std::move(state.machine);
  holder_->on_durable = std::move(on_durable);
  if (holder_->engine != nullptr) Listen(home_, holder_);
}

void Applier::Listen(Executor& home, const std::shared_ptr<Holder>& holder) {
  // The engine calls from whatever thread proved it. What an engine that was replaced since has to
  // report no longer matters.
  storage::Engine* source = holder->engine.get();
  source->SetDurableListener(
      [&home, weak = std::weak_ptr<Holder>(holder), source](storage::DurablePoint point) {
        home.Post([weak, source, point = std::move(point)]() mutable {
          const std::shared_ptr<Holder> live = weak.lock();
          if (live != nullptr && live->engine.get() == source) live->on_durable(std::move(point));
        });
      });
}

absl::Status Applier::ApplyNow(Holder& holder, std::vector<raft::Entry> entries) {
  Applied& applied = holder.applied;
  applied = {};
  holder.batch = {};
  const absl::Status done =
      holder.machine->Apply(*holder.engine, entries, &holder.batch, &applied.results);
  // The machine has stopped half-way: that is not a write that could be tried again.
  if (absl::IsResourceExhausted(done)) return absl::UnavailableError(done.message());
  FLOTILLA_RETURN_IF_ERROR(done);
  FollowWithDraft(holder, std::span(entries).first(applied.results.size()));
  const auto rest = entries.begin() + static_cast<std::ptrdiff_t>(applied.results.size());
  for (auto entry = entries.begin(); entry != rest; ++entry) applied.log_bytes += entry->ByteSize();
  applied.rest.assign(std::make_move_iterator(rest), std::make_move_iterator(entries.end()));
  return absl::OkStatus();
}

absl::StatusOr<Applier::Applied> Applier::WriteNow(Holder& holder) {
  const kv::AppliedState& state = holder.machine->applied();
  FLOTILLA_RETURN_IF_ERROR(holder.engine->Write(holder.batch, state.index));
  holder.applied.state = state;
  holder.applied.stats = holder.engine->Stats();
  if (state.StandsAtSplit()) holder.applied.draft = TakeDraftAtSplit(holder);
  return std::move(holder.applied);
}

void Applier::RunWrite(absl::AnyInvocable<absl::Status(Holder&)> prepare, ApplyDone done) {
  auto result = std::make_shared<absl::StatusOr<Applied>>();
  apply_->Run(
      [holder = holder_, result, prepare = std::move(prepare)]() mutable {
        const absl::Status prepared = prepare(*holder);
        *result = prepared.ok() ? WriteNow(*holder) : prepared;
      },
      [this, weak = std::weak_ptr<Holder>(holder_), result, done = std::move(done)]() mutable {
        if (weak.expired()) return;
        if (absl::IsResourceExhausted(result->status())) {
          retry_ = std::move(done);
        } else {
          done(std::move(*result));
        }
      });
}

void Applier::Apply(std::vector<raft::Entry> entries, ApplyDone done) {
  FLOTILLA_CHECK(has_state());
  RunWrite([entries = std::move(entries)](
               Holder& holder) mutable { return ApplyNow(holder, std::move(entries)); },
           std::move(done));
}

void Applier::RetryApply() {
  FLOTILLA_CHECK(waits_for_space());
  RunWrite([](Holder&) { return absl::OkStatus(); }, std::exchange(retry_, nullptr));
}

struct Applier::Reading {
  ShardId shard;
  std::shared_ptr<storage::Engine> engine;
  std::vector<kv::ReadRequest> reads;
  absl::AnyInvocable<void(ReadResults)> done;  // only on the executor
  size_t executed = 0;                         // of the reads
  ReadResults results;                         // of those that were executed last
};

void Applier::Read(std::vector<kv::ReadRequest> reads, absl::AnyInvocable<void(ReadResults)> done) {
  FLOTILLA_CHECK(has_state());
  auto reading = std::make_shared<Reading>();
  reading->shard = shard_;
  reading->engine = holder_->engine;
  reading->reads = std::move(reads);
  reading->done = std::move(done);
  RunRead(reading);
}

void Applier::ReadNow(Reading& reading) {
  const auto view = reading.engine->OpenView();
  // Where the view stands is looked up once for all its reads.
  const auto as_of = view.ok() ? kv::LoadApplied(**view, reading.shard) : view.status();
  reading.results.reserve(reading.reads.size() - reading.executed);
  size_t bytes = 0;
  while (reading.executed < reading.reads.size() && bytes < kReadResultBytes) {
    const kv::ReadRequest& read = reading.reads[reading.executed++];
    reading.results.push_back(as_of.ok() ? kv::ExecuteRead(**view, *as_of, read) : as_of.status());
    if (reading.results.back().ok()) bytes += BytesOf(*reading.results.back());
  }
}

void Applier::RunRead(const std::shared_ptr<Reading>& reading) {
  read_->Run([reading] { ReadNow(*reading); },
             [this, weak = std::weak_ptr<Holder>(holder_), reading] {
               if (weak.expired()) return;
               ReadResults results = std::exchange(reading->results, {});
               // First, because `done` may be the end of the applier.
               if (reading->executed < reading->reads.size()) RunRead(reading);
               reading->done(std::move(results));
             });
}

void Applier::Flush(absl::AnyInvocable<void(absl::Status)> on_error) {
  FLOTILLA_CHECK(has_state());
  auto result = std::make_shared<absl::Status>();
  // On the apply sequence: what was applied before the call is in it.
  apply_->Run([holder = holder_, result] { *result = holder->engine->Flush(); },
              [result, on_error = std::move(on_error)]() mutable {
                if (!result->ok()) on_error(*result);
              });
}

// Where the copy stands only the copy itself knows: the engine goes on while it is made.
absl::StatusOr<Applier::Copy> Applier::CheckpointNow(storage::Engine& engine,
                                                     storage::EngineSource& engines,
                                                     const std::string& folder, ShardId shard) {
  Copy copy;
  FLOTILLA_ASSIGN_OR_RETURN(copy.note, engine.Checkpoint(folder));
  FLOTILLA_ASSIGN_OR_RETURN(const std::unique_ptr<storage::StateReader> rows,
                            engines.OpenReadOnly(folder, copy.note));
  FLOTILLA_ASSIGN_OR_RETURN(copy.state, kv::LoadApplied(*rows, shard));
  return copy;
}

void Applier::Checkpoint(storage::EngineSource& engines, std::string folder,
                         absl::AnyInvocable<void(absl::StatusOr<Copy>)> done) {
  FLOTILLA_CHECK(has_state());
  auto result = std::make_shared<absl::StatusOr<Copy>>();
  bulk_->Run([engine = holder_->engine, &engines, folder = std::move(folder), shard = shard_,
              result] { *result = CheckpointNow(*engine, engines, folder, shard); },
             [result, done = std::move(done)]() mutable { done(std::move(*result)); });
}

void Applier::Replace(Opener open,
                      absl::AnyInvocable<void(absl::StatusOr<kv::AppliedState>)> done) {
  auto opened = std::make_shared<absl::StatusOr<ReplicaState>>();
  apply_->Run(
      [holder = holder_, open = std::move(open), opened]() mutable {
        GiveUpDraft(*holder);
        *opened = open();
      },
      [&home = home_, weak = std::weak_ptr<Holder>(holder_), opened,
       done = std::move(done)]() mutable {
        const std::shared_ptr<Holder> holder = weak.lock();
        if (holder == nullptr) return;
        if (!opened->ok()) {
          done(opened->status());
          return;
        }
        holder->engine = std::move((*opened)->engine);
        holder->machine = std::move((*opened)->machine);
        Listen(home, holder);
        done(holder->machine->applied());
      });
}

}  // namespace flotilla::node
