// The engine for the simulator: rows in an ordered map, made durable late, and otherwise as bad as
// LevelDB: flushes begin by themselves and complete at drawn times, a checkpoint holds what was
// flushed, writes stall, a crash forgets batches back to some point that is not before the last
// reported one, and after a failed flush nothing can be written until it is opened again.
// Deterministic. One thread: that of the executor.
#ifndef FLOTILLA_STORAGE_MAP_ENGINE_H_
#define FLOTILLA_STORAGE_MAP_ENGINE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/disk.h"
#include "base/executor.h"
#include "base/random.h"
#include "storage/engine.h"
#include "storage/map_rows.h"
#include "storage/map_state_store.h"

namespace flotilla::storage {

// Chances of one in n; 0 is never.
struct MapEngineOptions {
  uint32_t flush_one_in_writes = 32;
  Duration flush_delay_mean = std::chrono::milliseconds(20);   // from the beginning to the sync
  Duration report_delay_mean = std::chrono::milliseconds(10);  // from the sync to the listener
  // As a background job of LevelDB may, for want of space for instance.
  uint32_t fail_one_in_flushes = 0;
  uint32_t stall_one_in_writes = 500;
  Duration stall_mean = std::chrono::milliseconds(300);
  // Writes are refused while the disk has less free.
  uint64_t reserved_disk_bytes = 64 << 10;
};

// What the engines of one simulated node share; outlives them.
struct MapEngineWorld {
  Disk& disk;
  // Null, both or none: a flush completes inside the call that asked for it, and nothing stalls.
  Clock* clock = nullptr;
  Executor* executor = nullptr;
  // A sync failed: the simulated node must stop.
  std::function<void(const absl::Status&)> on_fatal;
};

class MapEngine : public Engine {
 public:
  static absl::StatusOr<std::unique_ptr<Engine>> Open(const MapEngineOptions& options,
                                                      const MapEngineWorld& world, Random random,
                                                      const std::string& folder,
                                                      std::string_view note, bool create);

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override;
  std::unique_ptr<RowIterator> NewIterator() const override;
  absl::Status Write(const WriteBatch& batch, LogIndex applied) override;
  absl::StatusOr<std::unique_ptr<StateReader>> OpenView() const override;
  absl::Status Flush() override;
  void SetDurableListener(absl::AnyInvocable<void(DurablePoint)> listener) override;
  DurablePoint Durable() const override { return durable_; }
  absl::StatusOr<std::string> Checkpoint(const std::string& folder) override;
  EngineStats Stats() const override;

 private:
  // A state that is on its way to the disk.
  struct PendingFlush {
    MapRows::SharedPin pin;
    LogIndex applied;
    uint64_t batches;
  };

  MapEngine(const MapEngineOptions& options, const MapEngineWorld& world, Random random,
            const std::string& folder)
      : options_(options),
        world_(world),
        random_(std::move(random)),
        folder_(folder),
        store_(world.disk, folder, world.on_fatal) {}

  absl::Status CheckSpace(size_t batch_bytes);
  void BeginFlush();
  void CompleteFlush();
  void Report(uint64_t batches, DurablePoint point);
  void MaybeStall();
  // Runs `task` after a drawn delay, or now without an executor; never after this engine is gone.
  void Later(Duration mean, Task task);

  const MapEngineOptions options_;
  const MapEngineWorld& world_;
  Random random_;
  const std::string folder_;
  MapStateStore store_;
  // Views pin rows of an engine that is otherwise const for them.
  const std::unique_ptr<MapRows> rows_ = std::make_unique<MapRows>();

  // Invariant: reported_batches_ <= saved_batches_ <= written_batches_.
  uint64_t written_batches_ = 0;
  uint64_t saved_batches_ = 0;
  uint64_t reported_batches_ = 0;
  LogIndex applied_;
  std::optional<PendingFlush> pending_;
  bool flush_again_ = false;
  absl::Status failure_;
  uint64_t unsaved_bytes_ = 0;
  uint64_t bytes_until_space_check_ = 0;
  bool stalled_ = false;

  DurablePoint durable_;
  absl::AnyInvocable<void(DurablePoint)> listener_;
  // Gone with the engine; timers hold it weakly.
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

class MapEngineSource : public EngineSource {
 public:
  MapEngineSource(const MapEngineOptions& options, MapEngineWorld world, Random random)
      : options_(options), world_(std::move(world)), random_(std::move(random)) {}

  absl::StatusOr<std::unique_ptr<Engine>> Open(const std::string& folder, std::string_view note,
                                               bool create) override;
  absl::StatusOr<std::unique_ptr<StateReader>> OpenReadOnly(const std::string& folder,
                                                            std::string_view note) override;

 private:
  const MapEngineOptions options_;
  const MapEngineWorld world_;
  Random random_;
};

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_MAP_ENGINE_H_
