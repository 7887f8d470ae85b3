// The engines under test, each in the worlds that it must live in.
#ifndef FLOTILLA_TESTS_STORAGE_ENGINE_WORLD_H_
#define FLOTILLA_TESTS_STORAGE_ENGINE_WORLD_H_

#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "base/background_pool.h"
#include "base/disk.h"
#include "base/mutex.h"
#include "storage/engine.h"
#include "storage/leveldb_engine.h"
#include "storage/map_engine.h"
#include "tests/simulation/sim_disk.h"

namespace flotilla::storage {

enum class EngineKind {
  kLevelDBOnPosix,      // real files, real background threads
  kLevelDBInSimulator,  // a simulated disk, background jobs inside the calls
  kMap,                 // flushes complete inside the calls
  kMapInSimulator,      // flushes begin by themselves and complete late
};
std::ostream& operator<<(std::ostream& os, EngineKind kind);

using Rows = std::map<std::string, std::string>;

// An engine source on a disk, and what it reported. Outlives its engines.
class EngineWorld {
 public:
  static std::unique_ptr<EngineWorld> Make(EngineKind kind, uint64_t seed = 1);
  virtual ~EngineWorld() = default;

  virtual Disk& disk() = 0;
  virtual EngineSource& source() = 0;
  // The same disk where it is a simulated one, else null.
  virtual simulation::SimDisk* sim_disk() { return nullptr; }
  // Lets everything that was begun come to an end. No-op where threads do that.
  virtual void RunUntilIdle() {}
  // A folder for engines, whose parent is durable.
  virtual std::string folder() const { return "shards/1/7"; }

  // Opens the engine in folder() with the note of the last report, and records its reports.
  absl::StatusOr<std::unique_ptr<Engine>> Open(bool create = true);
  absl::StatusOr<std::unique_ptr<Engine>> OpenWithNote(const std::string& note, bool create);
  // Waits until `index` is reported.
  void AwaitDurable(LogIndex index);

  std::vector<DurablePoint> reports() const;
  DurablePoint last_report() const;
  std::vector<absl::Status> fatal_errors() const;

 protected:
  void OnFatal(const absl::Status& status);

 private:
  mutable Mutex mu_;
  CondVar reported_;
  std::vector<DurablePoint> reports_ ABSL_GUARDED_BY(mu_);
  std::vector<absl::Status> fatal_errors_ ABSL_GUARDED_BY(mu_);
};

// Small enough for a test to fill.
LevelDBOptions SmallLevelDBOptions();

// All rows of a state, walked forward; checks that walking backward shows the same.
Rows ReadAll(const StateReader& state);

// Applies a batch to a model of the state.
void ApplyTo(Rows& rows, const WriteBatch& batch);

}  // namespace flotilla::storage

#endif  // FLOTILLA_TESTS_STORAGE_ENGINE_WORLD_H_
