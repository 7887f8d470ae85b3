// Every engine against power cuts: at each disk call of a small workload, and at random ones of
// longer lives. After each the state must be the one after some batch, not before the last that was
// reported durable, and every finished checkpoint must be whole.
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/status_macros.h"
#include "storage/durable_folder.h"
#include "tests/storage/engine_world.h"
#include <gtest/gtest.h>

namespace flotilla::storage {
namespace {

using simulation::CrashModel;

// What the owner of an engine does, and remembers of it beyond crashes.
class EngineOwner {
 public:
  EngineOwner(EngineWorld& world, uint64_t seed) : world_(world), random_(seed) {}

  // Opens the engine and works until the disk dies or enough is done.
  void Live(int steps) {
    const bool opened = Open();
    EXPECT_TRUE(opened || dead()) << open_error_;
    for (int i = 0; opened && i < steps && Step(); ++i) {
    }
    engine_.reset();
  }

  void PowerCut(const CrashModel& model) {
    world_.sim_disk()->Crash(model);
    reported_ = world_.last_report().index;
  }
  // The page cache lives on: what was never synced is read as if it had been.
  void Kill() {
    world_.sim_disk()->KillProcess();
    reported_ = world_.last_report().index;
  }

  // After a crash, without further ones. `may_refuse`: damage to synced sectors may be kDataLoss.
  void Check(bool may_refuse = false) {
    const bool refused = !Open() && may_refuse && absl::IsDataLoss(open_error_);
    if (refused) {
      ++refusals_;
      return;
    }
    ASSERT_TRUE(open_error_.ok()) << open_error_;
    EXPECT_EQ(ReadAll(*engine_), states_.back()) << "at index " << states_.size() - 1;
    engine_.reset();
    for (const Copy& copy : copies_) CheckCopy(copy);
  }

  int refusals() const { return refusals_; }

 private:
  struct Copy {
    std::string folder;
    DurablePoint point;
    Rows rows;
  };

  bool dead() const { return world_.sim_disk()->dead(); }

  bool Open() {
    auto opened = world_.Open(/*create=*/true);
    open_error_ = opened.status();
    if (!opened.ok()) return false;
    engine_ = *std::move(opened);
    const LogIndex index = engine_->Durable().index;
    EXPECT_GE(index, reported_) << "a durable batch is gone";
    EXPECT_LT(index.value(), states_.size());
    if (index.value() >= states_.size()) return false;
    states_.resize(index.value() + 1);
    return true;
  }

  bool Step() {
    absl::Status status;
    switch (random_.Below(10)) {
      case 0:
        status = engine_->Flush();
        break;
      case 1:
        status = Checkpoint();
        break;
      case 2:
        world_.RunUntilIdle();
        break;
      default:
        status = Write();
    }
    EXPECT_TRUE(status.ok() || dead()) << status;
    return status.ok() && !dead();
  }

  absl::Status Write() {
    WriteBatch batch;
    for (uint64_t n = random_.Between(1, 4); n > 0; --n) {
      const std::string key = "k" + std::to_string(random_.Below(12));
      if (random_.Chance(1, 5)) {
        batch.Delete(key);
      } else {
        batch.Put(key, std::string(random_.Below(8000), 'a' + random_.Below(26)));
      }
    }
    const LogIndex index(states_.size());
    absl::Status status = engine_->Write(batch, index);
    if (status.ok()) {
      Rows next = states_.back();
      ApplyTo(next, batch);
      states_.push_back(std::move(next));
    }
    return status;
  }

  absl::Status Checkpoint() {
    const std::string folder = "shards/1/copy" + std::to_string(next_copy_++);
    FLOTILLA_ASSIGN_OR_RETURN(const std::string note, engine_->Checkpoint(folder));
    // As an engine of its own it is to survive everything.
    FLOTILLA_ASSIGN_OR_RETURN(const auto engine,
                              world_.source().Open(folder, note, /*create=*/false));
    FLOTILLA_RETURN_IF_ERROR(SyncFolderAndParents(world_.disk(), folder));
    const DurablePoint point{.index = engine->Durable().index, .note = note};
    copies_.push_back({folder, point, states_[point.index.value()]});
    return absl::OkStatus();
  }

  void CheckCopy(const Copy& copy) {
    const auto state = world_.source().OpenReadOnly(copy.folder, copy.point.note);
    ASSERT_TRUE(state.ok()) << copy.folder << ": " << state.status();
    EXPECT_EQ(ReadAll(**state), copy.rows) << copy.folder;
  }

  EngineWorld& world_;
  Random random_;
  std::unique_ptr<Engine> engine_;
  absl::Status open_error_;
  std::vector<Rows> states_{Rows{}};  // by applied index
  LogIndex reported_;
  std::vector<Copy> copies_;
  int next_copy_ = 1;
  int refusals_ = 0;
};

class EngineCrash : public ::testing::TestWithParam<EngineKind> {};

INSTANTIATE_TEST_SUITE_P(Engines, EngineCrash,
                         ::testing::Values(EngineKind::kLevelDBInSimulator, EngineKind::kMap,
                                           EngineKind::kMapInSimulator),
                         ::testing::PrintToStringParamName());

// Sectors are written whole or not at all, as drives promise.
const CrashModel kWholeSectors{.keep_old = 1, .keep_new = 1};
// Also a sector being written may hold zeros or anything, bytes that were synced before included.
const CrashModel kTornSectors{.keep_old = 1, .keep_new = 1, .zero = 1, .garbage = 1};

TEST_P(EngineCrash, APowerCutAtAnyDiskCallLosesNothingDurable) {
  uint64_t crashes = 0;
  for (const CrashModel& model : {kWholeSectors, CrashModel::LoseAllUnsynced()}) {
    for (uint64_t call = 1;; ++call) {
      SCOPED_TRACE(call);
      const auto world = EngineWorld::Make(GetParam(), call);
      EngineOwner owner(*world, /*seed=*/1);
      world->sim_disk()->DieAtCall(call);
      owner.Live(60);
      const bool died = world->sim_disk()->dead();
      owner.PowerCut(model);
      owner.Check();
      ASSERT_FALSE(HasFailure());
      if (!died) break;
      ++crashes;
    }
  }
  EXPECT_GT(crashes, 100u) << "the workload is too small to mean anything";
}

TEST_P(EngineCrash, APowerCutAtAnyDiskCallOfOpeningLosesNothingDurable) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    for (uint64_t call = 1; call <= 40; ++call) {
      SCOPED_TRACE(std::to_string(seed) + ", " + std::to_string(call));
      const auto world = EngineWorld::Make(GetParam(), seed * 1000 + call);
      EngineOwner owner(*world, seed);
      if (seed % 2 == 0) owner.Live(10);  // else it is created
      world->sim_disk()->DieAtCall(call);
      owner.Live(1);
      owner.PowerCut(kWholeSectors);
      owner.Check();
      ASSERT_FALSE(HasFailure());
    }
  }
}

TEST_P(EngineCrash, ManyLivesAndPowerCutsLoseNothingDurable) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    const auto world = EngineWorld::Make(GetParam(), seed);
    Random random(seed);
    EngineOwner owner(*world, seed);
    for (int life = 0; life < 5; ++life) {
      world->sim_disk()->DieAtCall(random.Between(1, 400));
      owner.Live(150);
      owner.PowerCut(kWholeSectors);
      // Else the next life meets what this one left, and may die while it recovers.
      if (life == 4 || random.Chance(1, 2)) owner.Check();
      ASSERT_FALSE(HasFailure());
    }
  }
}

TEST_P(EngineCrash, AProcessThatIsKilledBeforeThePowerCutLosesNothingDurable) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    const auto world = EngineWorld::Make(GetParam(), seed);
    Random random(seed);
    EngineOwner owner(*world, seed);
    for (int life = 0; life < 5; ++life) {
      world->sim_disk()->DieAtCall(random.Between(1, 200));
      owner.Live(100);
      if (random.Chance(1, 2)) {
        owner.Kill();
      } else {
        owner.PowerCut(CrashModel::LoseAllUnsynced());
      }
      owner.Check();
      ASSERT_FALSE(HasFailure());
    }
  }
}

TEST_P(EngineCrash, TornSectorsAreRecoveredOrRefusedNeverTakenForTheState) {
  int refusals = 0;
  const int cuts = 150;
  for (uint64_t seed = 1; seed <= cuts; ++seed) {
    SCOPED_TRACE(seed);
    const auto world = EngineWorld::Make(GetParam(), seed);
    Random random(seed);
    EngineOwner owner(*world, seed);
    world->sim_disk()->DieAtCall(random.Between(1, 300));
    owner.Live(100);
    owner.PowerCut(kTornSectors);
    owner.Check(/*may_refuse=*/true);
    ASSERT_FALSE(HasFailure());
    refusals += owner.refusals();
  }
  EXPECT_LT(refusals, cuts / 10);
}

}  // namespace
}  // namespace flotilla::storage
