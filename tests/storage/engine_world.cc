#include "tests/storage/engine_world.h"

#include <stdlib.h>

#include <algorithm>
#include <utility>

#include "base/posix_background_pool.h"
#include "base/posix_clock.h"
#include "base/posix_disk.h"
#include "storage/leveldb_engine_source.h"
#include "tests/simulation/sim_clock.h"
#include "tests/simulation/sim_executor.h"
#include "tests/simulation/sim_world.h"
#include <gtest/gtest.h>

namespace flotilla::storage {
namespace {

using simulation::SimClock;
using simulation::SimDisk;
using simulation::SimExecutor;
using simulation::SimWorld;

class LevelDBPosixWorld : public EngineWorld {
 public:
  LevelDBPosixWorld() {
    std::string pattern = ::testing::TempDir() + "engine_XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    EXPECT_TRUE(disk_.CreateFolder(root_ + "/shards").ok());
  }
  ~LevelDBPosixWorld() override { EXPECT_TRUE(disk_.RemoveTree(root_).ok()); }

  Disk& disk() override { return disk_; }
  EngineSource& source() override { return source_; }
  std::string folder() const override { return root_ + "/shards/1/7"; }

 private:
  std::string root_;
  PosixDisk disk_;
  PosixClock clock_;
  PosixBackgroundPool pool_{2};
  LevelDBEngineSource source_{SmallLevelDBOptions(), disk_, clock_, pool_,
                              [this](const absl::Status& status) { OnFatal(status); }};
};

class SimulatedWorld : public EngineWorld {
 public:
  explicit SimulatedWorld(uint64_t seed) : world_(seed), disk_(seed) {
    EXPECT_TRUE(disk_.CreateFolder("shards").ok());
    EXPECT_TRUE(disk_.SyncDir(".").ok());
  }
  Disk& disk() override { return disk_; }
  SimDisk* sim_disk() override { return &disk_; }
  void RunUntilIdle() override {
    while (world_.Step()) {
    }
  }

 protected:
  SimWorld world_;
  SimClock clock_{world_};
  SimDisk disk_;
};

class LevelDBSimulatedWorld : public SimulatedWorld {
 public:
  using SimulatedWorld::SimulatedWorld;
  EngineSource& source() override { return source_; }

 private:
  DeferredBackgroundPool pool_;
  LevelDBEngineSource source_{SmallLevelDBOptions(), disk_, clock_, pool_,
                              [this](const absl::Status& status) { OnFatal(status); }};
};

class MapWorld : public SimulatedWorld {
 public:
  MapWorld(uint64_t seed, bool late) : SimulatedWorld(seed), late_(late) {}
  EngineSource& source() override { return source_; }

 private:
  const bool late_;
  SimExecutor executor_{world_, clock_, 0, {}, world_.Stream("executor")};
  MapEngineSource source_{
      MapEngineOptions{.flush_one_in_writes = late_ ? 8u : 0u},
      MapEngineWorld{.disk = disk_,
                     .clock = late_ ? &clock_ : nullptr,
                     .executor = late_ ? &executor_ : nullptr,
                     .on_fatal = [this](const absl::Status& status) { OnFatal(status); }},
      world_.Stream("engine")};
};

}  // namespace

std::ostream& operator<<(std::ostream& os, EngineKind kind) {
  switch (kind) {
    case EngineKind::kLevelDBOnPosix:
      return os << "LevelDBOnPosix";
    case EngineKind::kLevelDBInSimulator:
      return os << "LevelDBInSimulator";
    case EngineKind::kMap:
      return os << "Map";
    case EngineKind::kMapInSimulator:
      return os << "MapInSimulator";
  }
  return os;
}

std::unique_ptr<EngineWorld> EngineWorld::Make(EngineKind kind, uint64_t seed) {
  switch (kind) {
    case EngineKind::kLevelDBOnPosix:
      return std::make_unique<LevelDBPosixWorld>();
    case EngineKind::kLevelDBInSimulator:
      return std::make_unique<LevelDBSimulatedWorld>(seed);
    case EngineKind::kMap:
      return std::make_unique<MapWorld>(seed, /*late=*/false);
    case EngineKind::kMapInSimulator:
      return std::make_unique<MapWorld>(seed, /*late=*/true);
  }
  return nullptr;
}

absl::StatusOr<std::unique_ptr<Engine>> EngineWorld::Open(bool create) {
  return OpenWithNote(last_report().note, create);
}

absl::StatusOr<std::unique_ptr<Engine>> EngineWorld::OpenWithNote(const std::string& note,
                                                                  bool create) {
  absl::StatusOr<std::unique_ptr<Engine>> engine = source().Open(folder(), note, create);
  if (engine.ok()) {
    (*engine)->SetDurableListener([this](DurablePoint point) {
      MutexLock lock(mu_);
      reports_.push_back(std::move(point));
      reported_.NotifyAll();
    });
  }
  return engine;
}

void EngineWorld::AwaitDurable(LogIndex index) {
  RunUntilIdle();
  MutexLock lock(mu_);
  while (reports_.empty() || reports_.back().index < index) {
    ASSERT_TRUE(reported_.WaitFor(mu_, std::chrono::seconds(30))) << "never reported " << index;
  }
}

std::vector<DurablePoint> EngineWorld::reports() const {
  MutexLock lock(mu_);
  return reports_;
}

DurablePoint EngineWorld::last_report() const {
  MutexLock lock(mu_);
  return reports_.empty() ? DurablePoint{} : reports_.back();
}

std::vector<absl::Status> EngineWorld::fatal_errors() const {
  MutexLock lock(mu_);
  return fatal_errors_;
}

void EngineWorld::OnFatal(const absl::Status& status) {
  MutexLock lock(mu_);
  fatal_errors_.push_back(status);
}

LevelDBOptions SmallLevelDBOptions() {
  return {.write_buffer_bytes = 64 << 10,
          .table_bytes = 1 << 20,
          .max_open_files = 100,
          .block_cache_bytes = 1 << 20,
          .manifest_bytes_max = 1 << 20,
          .reserved_disk_bytes = 64 << 10};
}

Rows ReadAll(const StateReader& state) {
  Rows forward;
  const std::unique_ptr<RowIterator> it = state.NewIterator();
  for (it->Seek(""); it->Valid(); it->Next()) forward.emplace(it->key(), it->value());
  EXPECT_TRUE(it->status().ok()) << it->status();
  Rows backward;
  for (it->SeekForPrev(std::string(64, '\xff')); it->Valid(); it->Prev()) {
    backward.emplace(it->key(), it->value());
  }
  EXPECT_TRUE(it->status().ok()) << it->status();
  EXPECT_EQ(forward, backward);
  return forward;
}

void ApplyTo(Rows& rows, const WriteBatch& batch) {
  for (const WriteBatch::Operation& operation : batch.operations()) {
    if (operation.value.has_value()) {
      rows[operation.key] = *operation.value;
    } else {
      rows.erase(operation.key);
    }
  }
}

}  // namespace flotilla::storage
