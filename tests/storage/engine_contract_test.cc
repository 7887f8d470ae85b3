// What every engine promises, whatever it is made of and wherever it lives.
#include <memory>
#include <optional>
#include <string>

#include "base/random.h"
#include "tests/storage/engine_world.h"
#include <gtest/gtest.h>

namespace flotilla::storage {
namespace {

WriteBatch Put(std::string key, std::string value) {
  WriteBatch batch;
  batch.Put(std::move(key), std::move(value));
  return batch;
}

class EngineContract : public ::testing::TestWithParam<EngineKind> {
 protected:
  std::unique_ptr<Engine> Open(bool create = true) {
    absl::StatusOr<std::unique_ptr<Engine>> engine = world_->Open(create);
    EXPECT_TRUE(engine.ok()) << engine.status();
    return engine.ok() ? *std::move(engine) : nullptr;
  }
  void Write(Engine& engine, const WriteBatch& batch, uint64_t index) {
    ASSERT_TRUE(engine.Write(batch, LogIndex(index)).ok());
  }
  void FlushAndAwait(Engine& engine, uint64_t index) {
    ASSERT_TRUE(engine.Flush().ok());
    world_->AwaitDurable(LogIndex(index));
  }
  std::string Get(const StateReader& state, std::string_view key) {
    const absl::StatusOr<std::optional<std::string>> value = state.Get(key);
    EXPECT_TRUE(value.ok()) << value.status();
    return value.ok() ? value->value_or("<none>") : "<error>";
  }

  const std::unique_ptr<EngineWorld> world_ = EngineWorld::Make(GetParam());
};

INSTANTIATE_TEST_SUITE_P(Engines, EngineContract,
                         ::testing::Values(EngineKind::kLevelDBOnPosix,
                                           EngineKind::kLevelDBInSimulator, EngineKind::kMap,
                                           EngineKind::kMapInSimulator),
                         ::testing::PrintToStringParamName());

TEST_P(EngineContract, AWriteIsVisibleWhenItReturns) {
  const auto engine = Open();
  Write(*engine, Put("a", "1"), 1);
  EXPECT_EQ(Get(*engine, "a"), "1");
  EXPECT_EQ(Get(*engine, "b"), "<none>");
}

TEST_P(EngineContract, TheLastOperationOnAKeyOfABatchWins) {
  const auto engine = Open();
  WriteBatch batch;
  batch.Put("kept", "1");
  batch.Put("kept", "2");
  batch.Put("deleted", "1");
  batch.Delete("deleted");
  batch.Delete("back");
  batch.Put("back", "3");
  Write(*engine, batch, 1);
  EXPECT_EQ(ReadAll(*engine), (Rows{{"kept", "2"}, {"back", "3"}}));
}

TEST_P(EngineContract, KeysAndValuesAreAnyBytes) {
  const auto engine = Open();
  const std::string zero("\0", 1);
  const std::string top(20, '\xff');
  WriteBatch batch;
  batch.Put(zero, top);
  batch.Put(top, zero);
  batch.Put("empty value", "");
  Write(*engine, batch, 1);
  EXPECT_EQ(ReadAll(*engine), (Rows{{zero, top}, {top, zero}, {"empty value", ""}}));
}

TEST_P(EngineContract, TheEnginesOwnRowIsNeverSeen) {
  const auto engine = Open();
  Write(*engine, Put("a", "1"), 1);
  EXPECT_EQ(Get(*engine, ""), "<none>");
  const auto it = engine->NewIterator();
  it->SeekForPrev("");
  EXPECT_FALSE(it->Valid());
  it->Seek("a");
  ASSERT_TRUE(it->Valid());
  it->Prev();
  EXPECT_FALSE(it->Valid());
  EXPECT_TRUE(it->status().ok());
}

TEST_P(EngineContract, SeekForPrevFindsTheLastRowAtOrBefore) {
  const auto engine = Open();
  WriteBatch batch;
  batch.Put("b", "1");
  batch.Put("d", "2");
  Write(*engine, batch, 1);
  const auto it = engine->NewIterator();
  it->SeekForPrev("a");
  EXPECT_FALSE(it->Valid());
  for (const auto& [sought, found] : Rows{{"b", "b"}, {"c", "b"}, {"d", "d"}, {"e", "d"}}) {
    it->SeekForPrev(sought);
    ASSERT_TRUE(it->Valid()) << sought;
    EXPECT_EQ(it->key(), found) << sought;
  }
}

TEST_P(EngineContract, AViewIsUnaffectedByLaterWrites) {
  const auto engine = Open();
  WriteBatch batch;
  batch.Put("changed", "old");
  batch.Put("deleted", "old");
  Write(*engine, batch, 1);
  const auto view = engine->OpenView();
  ASSERT_TRUE(view.ok());

  batch.Clear();
  batch.Put("changed", "new");
  batch.Delete("deleted");
  batch.Put("added", "new");
  Write(*engine, batch, 2);
  FlushAndAwait(*engine, 2);

  EXPECT_EQ(ReadAll(**view), (Rows{{"changed", "old"}, {"deleted", "old"}}));
  EXPECT_EQ(Get(**view, "added"), "<none>");
  EXPECT_EQ(ReadAll(*engine), (Rows{{"changed", "new"}, {"added", "new"}}));
}

TEST_P(EngineContract, AnIteratorOutlivesItsView) {
  const auto engine = Open();
  Write(*engine, Put("a", "old"), 1);
  auto view = engine->OpenView();
  ASSERT_TRUE(view.ok());
  const auto it = (*view)->NewIterator();
  view->reset();
  WriteBatch batch;
  batch.Delete("a");
  Write(*engine, batch, 2);
  it->Seek("a");
  ASSERT_TRUE(it->Valid());
  EXPECT_EQ(it->value(), "old");
}

TEST_P(EngineContract, AFreshEngineIsEmptyAndDurableAtNone) {
  const auto engine = Open();
  EXPECT_TRUE(ReadAll(*engine).empty());
  EXPECT_EQ(engine->Durable().index, LogIndex());
}

TEST_P(EngineContract, AFlushIsReportedWithItsIndex) {
  const auto engine = Open();
  Write(*engine, Put("a", "1"), 5);
  FlushAndAwait(*engine, 5);
  EXPECT_EQ(world_->last_report().index, LogIndex(5));
  EXPECT_EQ(engine->Durable().index, LogIndex(5));
  EXPECT_EQ(engine->Durable().note, world_->last_report().note);
}

TEST_P(EngineContract, RowsWrittenAtIndexNoneAreReportedToo) {
  const auto engine = Open();
  Write(*engine, Put("a", "1"), 0);
  FlushAndAwait(*engine, 0);
  EXPECT_FALSE(world_->reports().empty());
}

TEST_P(EngineContract, NothingIsReportedForAFlushOfNothing) {
  const auto engine = Open();
  Write(*engine, Put("a", "1"), 5);
  FlushAndAwait(*engine, 5);
  const size_t reports = world_->reports().size();
  ASSERT_TRUE(engine->Flush().ok());
  world_->RunUntilIdle();
  EXPECT_EQ(world_->reports().size(), reports);
}

TEST_P(EngineContract, WhatWasReportedIsThereAfterReopening) {
  auto engine = Open();
  Write(*engine, Put("a", "1"), 5);
  FlushAndAwait(*engine, 5);
  engine.reset();
  engine = Open(/*create=*/false);
  EXPECT_EQ(engine->Durable().index, LogIndex(5));
  EXPECT_EQ(ReadAll(*engine), (Rows{{"a", "1"}}));
}

TEST_P(EngineContract, AMissingFolderIsCreatedOnlyWhenAskedFor) {
  EXPECT_EQ(world_->Open(/*create=*/false).status().code(), absl::StatusCode::kNotFound);
  EXPECT_NE(Open(/*create=*/true), nullptr);
}

TEST_P(EngineContract, AFolderThatHadAStateIsNeverStartedAfresh) {
  auto engine = Open();
  Write(*engine, Put("a", "1"), 5);
  FlushAndAwait(*engine, 5);
  engine.reset();
  ASSERT_TRUE(world_->disk().RemoveTree(world_->folder()).ok());
  EXPECT_EQ(world_->Open(/*create=*/true).status().code(), absl::StatusCode::kDataLoss);
}

TEST_P(EngineContract, ANoteOfAnotherFormatIsRefused) {
  Open().reset();
  EXPECT_EQ(world_->OpenWithNote("what?", false).status().code(), absl::StatusCode::kDataLoss);
}

TEST_P(EngineContract, ACheckpointHoldsTheDurableStateAtItsIndex) {
  auto engine = Open();
  Write(*engine, Put("a", "1"), 5);
  FlushAndAwait(*engine, 5);
  Write(*engine, Put("a", "2"), 6);
  const std::string copy = world_->folder() + "-copy";
  const auto note = engine->Checkpoint(copy);
  ASSERT_TRUE(note.ok()) << note.status();

  const auto state = world_->source().OpenReadOnly(copy, *note);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(ReadAll(**state), (Rows{{"a", "1"}}));
}

TEST_P(EngineContract, ACheckpointIsAnEngineOfItsOwn) {
  auto engine = Open();
  Write(*engine, Put("a", "1"), 5);
  FlushAndAwait(*engine, 5);
  const std::string copy = world_->folder() + "-copy";
  const auto note = engine->Checkpoint(copy);
  ASSERT_TRUE(note.ok()) << note.status();
  engine.reset();
  ASSERT_TRUE(world_->disk().RemoveTree(world_->folder()).ok());

  const auto opened = world_->source().Open(copy, *note, false);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ((*opened)->Durable().index, LogIndex(5));
  Write(**opened, Put("b", "2"), 6);
  EXPECT_EQ(ReadAll(**opened), (Rows{{"a", "1"}, {"b", "2"}}));
}

TEST_P(EngineContract, ReadingACheckpointChangesNothingInIt) {
  const auto engine = Open();
  Write(*engine, Put("a", "1"), 5);
  FlushAndAwait(*engine, 5);
  const std::string copy = world_->folder() + "-copy";
  const auto note = engine->Checkpoint(copy);
  ASSERT_TRUE(note.ok());
  const auto names = world_->disk().List(copy);
  ASSERT_TRUE(names.ok());
  ASSERT_TRUE(world_->source().OpenReadOnly(copy, *note).ok());
  EXPECT_EQ(world_->disk().List(copy).value(), *names);
}

TEST_P(EngineContract, ACheckpointMayGoIntoAnEmptyFolder) {
  const auto engine = Open();
  Write(*engine, Put("a", "1"), 5);
  FlushAndAwait(*engine, 5);
  const std::string copy = world_->folder() + "-copy";
  ASSERT_TRUE(world_->disk().CreateFolder(copy).ok());
  const auto note = engine->Checkpoint(copy);
  ASSERT_TRUE(note.ok()) << note.status();
  EXPECT_TRUE(world_->source().OpenReadOnly(copy, *note).ok());
}

TEST_P(EngineContract, ACheckpointNeverOverwrites) {
  const auto engine = Open();
  EXPECT_EQ(engine->Checkpoint(world_->folder()).status().code(), absl::StatusCode::kAlreadyExists);
}

TEST_P(EngineContract, StatsTellWhatIsNotDurableYet) {
  const auto engine = Open();
  EXPECT_EQ(engine->Stats().memtable_bytes, 0u);
  Write(*engine, Put("a", std::string(10000, 'x')), 1);
  EXPECT_GE(engine->Stats().memtable_bytes, 10000u);
  EXPECT_GE(engine->Stats().bytes, 10000u);
  FlushAndAwait(*engine, 1);
  EXPECT_EQ(engine->Stats().memtable_bytes, 0u);
  EXPECT_GE(engine->Stats().bytes, 10000u);
}

// --- On a disk that fills up and fails.

class EngineOnBadDisk : public EngineContract {
 protected:
  simulation::SimDisk& disk_ = *world_->sim_disk();
};

INSTANTIATE_TEST_SUITE_P(Engines, EngineOnBadDisk,
                         ::testing::Values(EngineKind::kLevelDBInSimulator, EngineKind::kMap,
                                           EngineKind::kMapInSimulator),
                         ::testing::PrintToStringParamName());

TEST_P(EngineOnBadDisk, AFullDiskRefusesWritesUntilThereIsSpace) {
  const auto engine = Open();
  Write(*engine, Put("a", "1"), 1);
  disk_.SetOptions({.capacity_bytes = disk_.UsedBytes() + 1000});
  const WriteBatch batch = Put("b", std::string(70000, 'x'));
  EXPECT_EQ(engine->Write(batch, LogIndex(2)).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(engine->Write(batch, LogIndex(2)).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReadAll(*engine), (Rows{{"a", "1"}}));

  disk_.SetOptions({});
  Write(*engine, batch, 2);
  FlushAndAwait(*engine, 2);
  EXPECT_EQ(ReadAll(*engine).size(), 2u);
}

TEST_P(EngineOnBadDisk, AFlushThatFindsTheDiskFullStopsTheEngineUntilReopened) {
  auto engine = Open();
  Write(*engine, Put("a", "1"), 1);
  FlushAndAwait(*engine, 1);
  Write(*engine, Put("b", std::string(50000, 'x')), 2);
  disk_.SetOptions({.capacity_bytes = disk_.UsedBytes() + 1000});
  engine->Flush().IgnoreError();
  world_->RunUntilIdle();
  EXPECT_EQ(engine->Write(Put("c", "3"), LogIndex(3)).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReadAll(*engine).size(), 2u) << "reads go on";

  disk_.SetOptions({});
  EXPECT_EQ(engine->Write(Put("c", "3"), LogIndex(3)).code(), absl::StatusCode::kUnavailable);
  engine.reset();
  engine = Open();
  EXPECT_EQ(engine->Durable().index, LogIndex(1));
  EXPECT_EQ(ReadAll(*engine), (Rows{{"a", "1"}}));
  EXPECT_TRUE(world_->fatal_errors().empty());
}

TEST_P(EngineOnBadDisk, AFailedSyncIsFatalAndProvesNothing) {
  const auto engine = Open();
  Write(*engine, Put("a", "1"), 1);
  disk_.FailNextSync();
  engine->Flush().IgnoreError();
  world_->RunUntilIdle();
  EXPECT_EQ(world_->fatal_errors().size(), 1u);
  EXPECT_TRUE(world_->reports().empty());
  EXPECT_FALSE(engine->Write(Put("a", "2"), LogIndex(2)).ok());
  engine->Flush().IgnoreError();
  world_->RunUntilIdle();
  EXPECT_EQ(world_->fatal_errors().size(), 1u) << "a sync is never tried again";
}

// --- Against a model.

class ModelRun {
 public:
  ModelRun(EngineWorld& world, uint64_t seed) : world_(world), random_(seed) {}

  void Run(int steps) {
    Reopen();
    for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) Step();
    Check(*engine_, states_.back());
  }

 private:
  void Step() {
    switch (random_.Below(20)) {
      case 0:
        ASSERT_TRUE(engine_->Flush().ok());
        break;
      case 1:
        OpenView();
        break;
      case 2:
        CheckView();
        break;
      case 3:
        Checkpoint();
        break;
      case 4:
        Seek();
        break;
      case 5:
        if (random_.Chance(1, 4)) Reopen();
        break;
      case 6:
        world_.RunUntilIdle();
        break;
      default:
        Write();
    }
  }

  std::string Key() { return "k" + std::to_string(random_.Below(40)); }

  void Write() {
    WriteBatch batch;
    for (uint64_t n = random_.Between(1, 10); n > 0; --n) {
      if (random_.Chance(1, 4)) {
        batch.Delete(Key());
      } else {
        batch.Put(Key(), std::string(random_.Below(3000), 'a' + random_.Below(26)));
      }
    }
    Rows next = states_.back();
    ApplyTo(next, batch);
    states_.push_back(std::move(next));
    ASSERT_TRUE(engine_->Write(batch, LogIndex(states_.size() - 1)).ok());
  }

  void OpenView() {
    auto view = engine_->OpenView();
    ASSERT_TRUE(view.ok());
    view_ = *std::move(view);
    view_index_ = states_.size() - 1;
  }

  void CheckView() {
    if (view_ != nullptr) Check(*view_, states_[view_index_]);
    view_.reset();
  }

  void Checkpoint() {
    const std::string folder = world_.folder() + "-copy" + std::to_string(++checkpoints_);
    const DurablePoint before = engine_->Durable();
    const auto note = engine_->Checkpoint(folder);
    ASSERT_TRUE(note.ok()) << note.status();
    const auto copy = world_.source().Open(folder, *note, /*create=*/false);
    ASSERT_TRUE(copy.ok()) << copy.status();
    const LogIndex index = (*copy)->Durable().index;
    EXPECT_GE(index, before.index);
    Check(**copy, states_[index.value()]);
  }

  void Seek() {
    const auto it = engine_->NewIterator();
    const std::string key = Key();
    const Rows& rows = states_.back();
    it->Seek(key);
    auto expected = rows.lower_bound(key);
    ASSERT_EQ(it->Valid(), expected != rows.end());
    if (it->Valid()) {
      EXPECT_EQ(it->key(), expected->first);
    }
    it->SeekForPrev(key);
    expected = rows.upper_bound(key);
    ASSERT_EQ(it->Valid(), expected != rows.begin());
    if (it->Valid()) {
      EXPECT_EQ(it->key(), std::prev(expected)->first);
    }
  }

  // An orderly restart: what was not durable is gone.
  void Reopen() {
    view_.reset();
    const LogIndex durable = engine_ == nullptr ? LogIndex() : engine_->Durable().index;
    engine_.reset();
    auto opened = world_.Open();
    ASSERT_TRUE(opened.ok()) << opened.status();
    engine_ = *std::move(opened);
    const uint64_t index = engine_->Durable().index.value();
    EXPECT_GE(index, durable.value());
    ASSERT_LT(index, states_.size());
    states_.resize(index + 1);
    Check(*engine_, states_.back());
  }

  void Check(const StateReader& state, const Rows& expected) {
    EXPECT_EQ(ReadAll(state), expected);
    const std::string key = Key();
    const auto value = state.Get(key);
    ASSERT_TRUE(value.ok());
    EXPECT_EQ(value->has_value(), expected.contains(key));
  }

  EngineWorld& world_;
  Random random_;
  std::unique_ptr<Engine> engine_;
  std::vector<Rows> states_{Rows{}};  // by applied index
  std::unique_ptr<StateReader> view_;
  size_t view_index_ = 0;
  int checkpoints_ = 0;
};

TEST_P(EngineContract, BehavesLikeAModelUnderRandomUse) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    const auto world = EngineWorld::Make(GetParam(), seed);
    ModelRun(*world, seed).Run(500);
    EXPECT_TRUE(world->fatal_errors().empty());
  }
}

}  // namespace
}  // namespace flotilla::storage
