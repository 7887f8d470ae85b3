#include "storage/map_engine.h"

#include <utility>

#include "base/check.h"
#include "base/status_macros.h"

namespace flotilla::storage {
namespace {

constexpr uint64_t kBytesBetweenSpaceChecks = 64 << 10;

class MapView : public StateReader {
 public:
  MapView(const MapRows& rows, MapRows::SharedPin pin) : rows_(rows), pin_(std::move(pin)) {}

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override {
    return rows_.Get(*pin_, key);
  }
  std::unique_ptr<RowIterator> NewIterator() const override { return MapRows::NewIterator(pin_); }

 private:
  const MapRows& rows_;
  const MapRows::SharedPin pin_;
};

// A state that nobody writes to.
class FixedMapState : public StateReader {
 public:
  explicit FixedMapState(MapState&& state) {
    for (auto& [key, value] : state.rows) rows_.Append(std::move(key), std::move(value));
    pin_ = rows_.PinNow();
  }

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override {
    return rows_.Get(*pin_, key);
  }
  std::unique_ptr<RowIterator> NewIterator() const override { return MapRows::NewIterator(pin_); }

 private:
  MapRows rows_;
  MapRows::SharedPin pin_;
};

MapState StateAt(const MapRows::SharedPin& pin, LogIndex applied) {
  MapState state{.applied = applied, .rows = {}};
  const std::unique_ptr<RowIterator> it = MapRows::NewIterator(pin);
  for (it->Seek(""); it->Valid(); it->Next()) state.rows.emplace_back(it->key(), it->value());
  return state;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> MapEngine::Open(const MapEngineOptions& options,
                                                        const MapEngineWorld& world, Random random,
                                                        const std::string& folder,
                                                        std::string_view note, bool create) {
  std::unique_ptr<MapEngine> engine(new MapEngine(options, world, std::move(random), folder));
  FLOTILLA_ASSIGN_OR_RETURN(MapState state, engine->store_.Open(note, create));
  engine->applied_ = state.applied;
  engine->durable_ = {.index = state.applied, .note = engine->store_.Note()};
  for (auto& [key, value] : state.rows) engine->rows_->Append(std::move(key), std::move(value));
  return engine;
}

// --- Reading.

absl::StatusOr<std::optional<std::string>> MapEngine::Get(std::string_view key) const {
  return rows_->GetNow(key);
}

std::unique_ptr<RowIterator> MapEngine::NewIterator() const {
  return MapRows::NewIterator(rows_->PinNow());
}

absl::StatusOr<std::unique_ptr<StateReader>> MapEngine::OpenView() const {
  return std::make_unique<MapView>(*rows_, rows_->PinNow());
}

// --- Writing.

absl::Status MapEngine::Write(const WriteBatch& batch, LogIndex applied) {
  FLOTILLA_CHECK_GE(applied, applied_);
  FLOTILLA_RETURN_IF_ERROR(failure_);
  FLOTILLA_RETURN_IF_ERROR(CheckSpace(batch.bytes()));
  for (const WriteBatch::Operation& operation : batch.operations()) {
    FLOTILLA_CHECK_MSG(!operation.key.empty(), "the empty key is the engine's");
  }
  // Before the batch, as LevelDB makes room before it writes.
  if (options_.flush_one_in_writes > 0 && random_.Chance(1, options_.flush_one_in_writes)) {
    BeginFlush();
  }
  MaybeStall();
  rows_->Apply(batch);
  ++written_batches_;
  unsaved_bytes_ += batch.bytes();
  applied_ = applied;
  return absl::OkStatus();
}

absl::Status MapEngine::CheckSpace(size_t batch_bytes) {
  if (batch_bytes < bytes_until_space_check_) {
    bytes_until_space_check_ -= batch_bytes;
    return absl::OkStatus();
  }
  bytes_until_space_check_ = 0;
  FLOTILLA_ASSIGN_OR_RETURN(const uint64_t free, world_.disk.FreeBytes(folder_));
  if (free < options_.reserved_disk_bytes) return absl::ResourceExhaustedError("the disk is full");
  bytes_until_space_check_ = kBytesBetweenSpaceChecks;
  return absl::OkStatus();
}

void MapEngine::MaybeStall() {
  if (world_.executor == nullptr || stalled_ || options_.stall_one_in_writes == 0) return;
  if (!random_.Chance(1, options_.stall_one_in_writes)) return;
  stalled_ = true;
  Later(options_.stall_mean, [this] { stalled_ = false; });
}

void MapEngine::Later(Duration mean, Task task) {
  if (world_.executor == nullptr) {
    task();
    return;
  }
  world_.executor->PostAt(world_.clock->Now() + random_.Exponential(mean),
                          [alive = std::weak_ptr<bool>(alive_), run = std::move(task)]() mutable {
                            if (!alive.expired()) run();
                          });
}

// --- Durability.

absl::Status MapEngine::Flush() {
  FLOTILLA_RETURN_IF_ERROR(failure_);
  BeginFlush();
  return failure_;
}

void MapEngine::BeginFlush() {
  if (saved_batches_ == written_batches_) return;
  if (pending_.has_value()) {
    flush_again_ = pending_->batches < written_batches_;
    return;
  }
  pending_ = {.pin = rows_->PinNow(), .applied = applied_, .batches = written_batches_};
  Later(options_.flush_delay_mean, [this] { CompleteFlush(); });
}

void MapEngine::CompleteFlush() {
  const PendingFlush flush = *std::exchange(pending_, std::nullopt);
  const bool fails =
      options_.fail_one_in_flushes > 0 && random_.Chance(1, options_.fail_one_in_flushes);
  const absl::Status saved = fails ? absl::ResourceExhaustedError("a flush failed")
                                   : store_.Save(StateAt(flush.pin, flush.applied));
  if (!saved.ok()) {
    failure_ = absl::UnavailableError("the engine must be opened again: " +
                                      std::string(StdView(saved.message())));
    return;
  }
  saved_batches_ = flush.batches;
  if (saved_batches_ == written_batches_) unsaved_bytes_ = 0;
  Later(options_.report_delay_mean,
        [this, batches = flush.batches, point = DurablePoint{flush.applied, store_.Note()}] {
          Report(batches, point);
        });
  if (std::exchange(flush_again_, false)) BeginFlush();
}

void MapEngine::Report(uint64_t batches, DurablePoint point) {
  // Drawn delays may swap two reports.
  if (batches <= reported_batches_) return;
  reported_batches_ = batches;
  durable_ = point;
  if (listener_) listener_(std::move(point));
}

void MapEngine::SetDurableListener(absl::AnyInvocable<void(DurablePoint)> listener) {
  listener_ = std::move(listener);
}

absl::StatusOr<std::string> MapEngine::Checkpoint(const std::string& folder) {
  FLOTILLA_RETURN_IF_ERROR(store_.CopyTo(folder));
  return store_.Note();
}

EngineStats MapEngine::Stats() const {
  return {.bytes = rows_->bytes(),
          .memtable_bytes = unsaved_bytes_,
          .level0_files = stalled_ ? 8 : 0,
          .stalled = stalled_};
}

absl::StatusOr<std::unique_ptr<Engine>> MapEngineSource::Open(const std::string& folder,
                                                              std::string_view note, bool create) {
  return MapEngine::Open(options_, world_, random_.Split(), folder, note, create);
}

absl::StatusOr<std::unique_ptr<StateReader>> MapEngineSource::OpenReadOnly(
    const std::string& folder, std::string_view note) {
  MapStateStore store(world_.disk, folder, world_.on_fatal);
  FLOTILLA_ASSIGN_OR_RETURN(MapState state, store.Read(note));
  return std::make_unique<FixedMapState>(std::move(state));
}

}  // namespace flotilla::storage
