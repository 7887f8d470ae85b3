// What is LevelDB's own: damage in its files, its background failures, its threads.
#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/background_pool.h"
#include "base/posix_background_pool.h"
#include "base/posix_clock.h"
#include "storage/leveldb_engine_source.h"
#include "storage/leveldb_manifest.h"
#include "storage/leveldb_recovery.h"
#include "tests/simulation/sim_clock.h"
#include "tests/simulation/sim_world.h"
#include "tests/storage/engine_world.h"
#include <gtest/gtest.h>

namespace flotilla::storage {
namespace {

using simulation::SimDisk;

WriteBatch Put(std::string key, std::string value) {
  WriteBatch batch;
  batch.Put(std::move(key), std::move(value));
  return batch;
}

class LevelDBEngineTest : public ::testing::Test {
 protected:
  std::unique_ptr<Engine> Open() {
    auto engine = world_->Open();
    EXPECT_TRUE(engine.ok()) << engine.status();
    return *std::move(engine);
  }
  absl::StatusCode OpenCode(const std::string& note) {
    return world_->OpenWithNote(note, /*create=*/false).status().code();
  }
  void WriteAndFlush(Engine& engine, uint64_t index, std::string value) {
    ASSERT_TRUE(
        engine.Write(Put("k" + std::to_string(index), std::move(value)), LogIndex(index)).ok());
    ASSERT_TRUE(engine.Flush().ok());
    ASSERT_EQ(world_->last_report().index, LogIndex(index));
  }
  std::vector<std::string> Files(LevelDBFileName::Kind kind) {
    const std::vector<std::string> names = disk_.List(world_->folder()).value();
    std::vector<std::string> paths;
    for (const std::string& name : names) {
      if (LevelDBFileName::Parse(name).kind == kind) {
        paths.push_back(JoinPath(world_->folder(), name));
      }
    }
    return paths;
  }
  std::vector<std::string> Tables() { return Files(LevelDBFileName::Kind::kTable); }
  // The one in use, the only one while the database is closed.
  std::string Manifest() { return Files(LevelDBFileName::Kind::kManifest).back(); }
  uint64_t Size(const std::string& path) { return ReadWholeFile(disk_, path)->size(); }
  void Cut(const std::string& path, uint64_t size) {
    const auto file = disk_.Open(path, OpenMode::kReadWrite);
    ASSERT_TRUE(file.ok() && (*file)->Truncate(size).ok());
  }

  const std::unique_ptr<EngineWorld> world_ = EngineWorld::Make(EngineKind::kLevelDBInSimulator);
  SimDisk& disk_ = *world_->sim_disk();
};

// --- Damage.

TEST_F(LevelDBEngineTest, ATableThatIsGoneIsDataLossNeverAMissingRow) {
  auto engine = Open();
  WriteAndFlush(*engine, 1, "v");
  const std::string older = Tables().front();
  WriteAndFlush(*engine, 2, "v");
  engine.reset();
  engine = Open();  // which reads the newer table only
  ASSERT_TRUE(disk_.Remove(older).ok());
  EXPECT_TRUE(absl::IsDataLoss(engine->Get("k1").status()));
  const auto it = engine->NewIterator();
  it->Seek("");
  EXPECT_FALSE(it->Valid());
  EXPECT_TRUE(absl::IsDataLoss(it->status()));
}

TEST_F(LevelDBEngineTest, ATableThatIsMissingOrCutIsRefusedAtOpen) {
  auto engine = Open();
  WriteAndFlush(*engine, 1, std::string(5000, 'v'));
  engine.reset();
  const std::string table = Tables().front();
  const std::string contents = *ReadWholeFile(disk_, table);
  Cut(table, contents.size() - 1);
  EXPECT_EQ(OpenCode(world_->last_report().note), absl::StatusCode::kDataLoss);
  ASSERT_TRUE(disk_.Remove(table).ok());
  EXPECT_EQ(OpenCode(world_->last_report().note), absl::StatusCode::kDataLoss);
  ASSERT_TRUE(ReplaceFileDurably(disk_, table, contents).ok());
  EXPECT_EQ(OpenCode(world_->last_report().note), absl::StatusCode::kOk);
}

// Reads everything, by iterator and by key, and wants the truth or an error.
void ExpectTruthOrDataLoss(const StateReader& state, const Rows& truth, bool* refused) {
  const auto it = state.NewIterator();
  Rows seen;
  for (it->Seek(""); it->Valid(); it->Next()) seen.emplace(it->key(), it->value());
  if (it->status().ok()) {
    EXPECT_EQ(seen, truth);
  } else {
    EXPECT_TRUE(absl::IsDataLoss(it->status())) << it->status();
    *refused = true;
  }
  for (const auto& [key, value] : truth) {
    const auto found = state.Get(key);
    if (found.ok()) {
      ASSERT_TRUE(found->has_value()) << key;
      EXPECT_EQ(**found, value) << key;
    } else {
      EXPECT_TRUE(absl::IsDataLoss(found.status())) << found.status();
      *refused = true;
    }
  }
}

TEST_F(LevelDBEngineTest, AFlippedBitInATableIsDataLossOrHarmlessNeverSilent) {
  auto engine = Open();
  WriteBatch batch;
  Rows truth;
  for (int i = 0; i < 40; ++i) {
    const std::string key = "key" + std::to_string(i);
    truth[key] = std::string(300, 'a' + i % 26);
    batch.Put(key, truth[key]);
  }
  ASSERT_TRUE(engine->Write(batch, LogIndex(1)).ok());
  ASSERT_TRUE(engine->Flush().ok());
  const std::string note = *engine->Checkpoint("shards/1/copy");
  engine.reset();

  const std::string name = LevelDBTableName(LevelDBFileName::Parse(Tables().front()).number);
  const std::string table = JoinPath("shards/1/copy", name);
  int flips = 0;
  int refusals = 0;
  for (uint64_t offset = 0; offset < Size(table); offset += 23) {
    const uint32_t bit = static_cast<uint32_t>(offset % 8);
    ASSERT_TRUE(disk_.FlipBit(table, offset, bit).ok());
    bool refused = false;
    const auto state = world_->source().OpenReadOnly("shards/1/copy", note);
    if (state.ok()) {
      ExpectTruthOrDataLoss(**state, truth, &refused);
    } else {
      EXPECT_TRUE(absl::IsDataLoss(state.status())) << state.status();
      refused = true;
    }
    ASSERT_TRUE(disk_.FlipBit(table, offset, bit).ok());
    ++flips;
    refusals += refused ? 1 : 0;
  }
  EXPECT_GT(flips, 400);
  EXPECT_GT(refusals, flips * 9 / 10);
}

TEST_F(LevelDBEngineTest, DamageThatACompactionMeetsStopsTheEngine) {
  auto engine = Open();
  // Overlapping tables in level 0, until LevelDB would merge them.
  for (uint64_t index = 1; index <= 3; ++index) WriteAndFlush(*engine, index, "v");
  for (const std::string& table : Tables()) {
    for (uint64_t offset = 0; offset < 40; ++offset) {
      ASSERT_TRUE(disk_.FlipBit(table, offset, 1).ok());
    }
  }
  absl::Status status;
  for (uint64_t index = 4; index <= 30 && status.ok(); ++index) {
    status = engine->Write(Put("k1", "v"), LogIndex(index));
    if (status.ok()) status = engine->Flush();
  }
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
}

TEST_F(LevelDBEngineTest, ATornEndOfTheManifestIsHiddenBeyondTheNoteOnly) {
  auto engine = Open();
  WriteAndFlush(*engine, 1, "v");
  const DurablePoint first = world_->last_report();
  WriteAndFlush(*engine, 2, "v");
  const DurablePoint second = world_->last_report();
  engine.reset();
  const std::string manifest = Manifest();
  Cut(manifest, Size(manifest) - 1);

  EXPECT_EQ(OpenCode(second.note), absl::StatusCode::kDataLoss);
  const auto reopened = world_->OpenWithNote(first.note, /*create=*/false);
  ASSERT_TRUE(reopened.ok()) << reopened.status();
  EXPECT_EQ((*reopened)->Durable().index, LogIndex(1));
  EXPECT_EQ(ReadAll(**reopened), (Rows{{"k1", "v"}}));
}

TEST_F(LevelDBEngineTest, EveryFlippedBitOfTheSyncedManifestIsDataLoss) {
  auto engine = Open();
  WriteAndFlush(*engine, 1, "v");
  const std::string note = *engine->Checkpoint("shards/1/copy");
  engine.reset();
  const std::string manifest =
      JoinPath("shards/1/copy", LevelDBManifestName(LevelDBFileName::Parse(Manifest()).number));
  for (uint64_t bit = 0; bit < Size(manifest) * 8; ++bit) {
    ASSERT_TRUE(disk_.FlipBit(manifest, bit / 8, bit % 8).ok());
    EXPECT_EQ(world_->source().OpenReadOnly("shards/1/copy", note).status().code(),
              absl::StatusCode::kDataLoss)
        << bit;
    ASSERT_TRUE(disk_.FlipBit(manifest, bit / 8, bit % 8).ok());
  }
}

// leveldb#251: RepairDB brought half of a batch back. Nothing here repairs: rows of one batch are
// in one table or in none.
TEST_F(LevelDBEngineTest, ABatchIsAllThereOrNotAtAll) {
  auto engine = Open();
  WriteBatch batch;
  for (int i = 0; i < 100; ++i) batch.Put("k" + std::to_string(i), std::string(3000, 'x'));
  ASSERT_TRUE(engine->Write(batch, LogIndex(1)).ok()) << "larger than the memtable";
  ASSERT_TRUE(engine->Write(Put("other", "y"), LogIndex(2)).ok());
  engine.reset();
  disk_.Crash(simulation::CrashModel::LoseAllUnsynced());
  engine = Open();
  const size_t rows = ReadAll(*engine).size();
  EXPECT_EQ(rows, engine->Durable().index == LogIndex() ? 0u : 100u);
}

// --- Failures of the disk.

TEST_F(LevelDBEngineTest, ACheckpointSyncsNothingUntilItIsOpened) {
  auto engine = Open();
  WriteAndFlush(*engine, 1, "v");
  disk_.FailNextSync();
  const auto note = engine->Checkpoint("shards/1/copy");
  ASSERT_TRUE(note.ok()) << note.status();
  EXPECT_FALSE(world_->source().Open("shards/1/copy", *note, /*create=*/false).ok());
  EXPECT_EQ(world_->fatal_errors().size(), 1u);
}

TEST_F(LevelDBEngineTest, AReadErrorIsAnErrorNotAMissingRow) {
  auto engine = Open();
  WriteAndFlush(*engine, 1, std::string(5000, 'v'));
  disk_.FailNextRead();
  EXPECT_FALSE(engine->Get("k1").ok());
}

// --- Checkpoints.

// Calls back before a link is made; has no room for files whose paths contain `no_room_for`.
class HookedDisk : public Disk {
 public:
  explicit HookedDisk(Disk& disk) : disk_(disk) {}
  std::function<void()> before_link = [] {};
  std::string no_room_for = "nothing";

  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override {
    const bool creates = mode == OpenMode::kCreate || mode == OpenMode::kCreateOrReuse;
    if (creates && path.find(no_room_for) != std::string::npos) {
      return absl::ResourceExhaustedError(path);
    }
    return disk_.Open(path, mode);
  }
  absl::StatusOr<bool> Exists(const std::string& path) override { return disk_.Exists(path); }
  absl::StatusOr<std::vector<std::string>> List(const std::string& folder) override {
    return disk_.List(folder);
  }
  absl::Status Remove(const std::string& path) override { return disk_.Remove(path); }
  absl::Status RemoveTree(const std::string& folder) override { return disk_.RemoveTree(folder); }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    return disk_.Rename(from, to);
  }
  absl::Status Link(const std::string& from, const std::string& to) override {
    before_link();
    return disk_.Link(from, to);
  }
  absl::Status CreateFolder(const std::string& folder) override {
    return disk_.CreateFolder(folder);
  }
  absl::Status SyncDir(const std::string& folder) override { return disk_.SyncDir(folder); }
  absl::StatusOr<uint64_t> FreeBytes(const std::string& folder) override {
    return disk_.FreeBytes(folder);
  }
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override {
    return disk_.Lock(path);
  }

 private:
  Disk& disk_;
};

TEST(LevelDBEngineCheckpoint, CompactionsMeanwhileTakeNothingAway) {
  simulation::SimWorld sim(1);
  simulation::SimClock clock(sim);
  SimDisk disk(1);
  HookedDisk hooked(disk);
  DeferredBackgroundPool pool;
  LevelDBEngineSource source(SmallLevelDBOptions(), hooked, clock, pool,
                             [](const absl::Status& status) { ADD_FAILURE() << status; });
  const auto engine = *source.Open("shards/1/7", "", true);
  uint64_t index = 0;
  const auto write_and_flush = [&] {
    ++index;
    ASSERT_TRUE(engine->Write(Put("k", std::to_string(index)), LogIndex(index)).ok());
    ASSERT_TRUE(engine->Flush().ok());
  };
  for (int i = 0; i < 3; ++i) write_and_flush();
  const std::vector<std::string> before = disk.List("shards/1/7").value();
  hooked.before_link = [&] {
    // Enough for LevelDB to merge the tables that are being linked.
    for (int i = 0; i < 10; ++i) write_and_flush();
  };
  const auto note = engine->Checkpoint("shards/1/copy");
  ASSERT_TRUE(note.ok()) << note.status();
  EXPECT_EQ(ReadAll(**source.OpenReadOnly("shards/1/copy", *note)), (Rows{{"k", "3"}}));
  EXPECT_NE(disk.List("shards/1/7").value(), before) << "the merged tables are gone afterwards";
}

// --- A MANIFEST only grows while it is in use.

class LargeManifest : public ::testing::Test {
 protected:
  LargeManifest() {
    EXPECT_TRUE(disk_.CreateFolder("shards").ok());
    EXPECT_TRUE(disk_.SyncDir(".").ok());
    LevelDBOptions options = SmallLevelDBOptions();
    options.manifest_bytes_max = 2000;
    source_ = std::make_unique<LevelDBEngineSource>(
        options, hooked_, clock_, pool_,
        [](const absl::Status& status) { ADD_FAILURE() << status; });
    engine_ = *source_->Open("shards/1/7", "", true);
    engine_->SetDurableListener([this](DurablePoint point) { last_ = std::move(point); });
  }
  void WriteAndFlush(int times) {
    for (int i = 0; i < times; ++i) {
      const std::string key = "k" + std::to_string(index_ % 10);
      rows_[key] = std::to_string(index_);
      ASSERT_TRUE(engine_->Write(Put(key, rows_[key]), LogIndex(index_++)).ok());
      ASSERT_TRUE(engine_->Flush().ok());
      largest_ = std::max(largest_, DecodeManifestPosition(last_.note)->synced_bytes);
    }
  }

  simulation::SimWorld sim_{1};
  simulation::SimClock clock_{sim_};
  SimDisk disk_{1};
  HookedDisk hooked_{disk_};
  DeferredBackgroundPool pool_;
  std::unique_ptr<LevelDBEngineSource> source_;
  std::unique_ptr<Engine> engine_;
  DurablePoint last_;
  Rows rows_;
  uint64_t index_ = 1;
  uint64_t largest_ = 0;
};

TEST_F(LargeManifest, IsReplacedByReopeningTheDatabase) {
  WriteAndFlush(200);
  EXPECT_LT(largest_, 4000u);
  EXPECT_EQ(ReadAll(*engine_), rows_);
  EXPECT_EQ(engine_->Durable().index, LogIndex(index_ - 1));
}

TEST_F(LargeManifest, IsReportedWithTheNoteOfTheNewOne) {
  WriteAndFlush(200);
  engine_.reset();
  disk_.Crash(simulation::CrashModel::LoseAllUnsynced());
  const auto reopened = source_->Open("shards/1/7", last_.note, false);
  ASSERT_TRUE(reopened.ok()) << reopened.status();
  EXPECT_EQ((*reopened)->Durable().index, LogIndex(index_ - 1));
}

TEST_F(LargeManifest, WaitsForOpenViews) {
  WriteAndFlush(1);
  const Rows before = rows_;
  {
    const auto view = engine_->OpenView();
    WriteAndFlush(100);
    EXPECT_GT(largest_, 4000u);
    EXPECT_EQ(ReadAll(**view), before);
  }
  largest_ = 0;
  WriteAndFlush(2);
  EXPECT_LT(largest_, 4000u);
  EXPECT_EQ(ReadAll(*engine_), rows_);
}

// The writer takes a full disk for something that passes, and tries the same batch again.
TEST_F(LargeManifest, IsReplacedOnceThereIsRoomAgain) {
  const auto write = [&] { return engine_->Write(Put("k", "late"), LogIndex(index_)); };
  hooked_.no_room_for = "MANIFEST";
  absl::Status failed;
  while (failed.ok()) {
    WriteAndFlush(1);
    const uint64_t manifest = DecodeManifestPosition(last_.note)->synced_bytes;
    if (manifest > 2000) failed = write();
    ASSERT_LT(manifest, 10'000u);
  }
  EXPECT_TRUE(absl::IsResourceExhausted(failed)) << failed;
  EXPECT_TRUE(absl::IsResourceExhausted(write()));
  EXPECT_FALSE(engine_->Get("k").ok());
  hooked_.no_room_for = "nothing";
  const absl::Status written = write();
  ASSERT_TRUE(written.ok()) << written;
  rows_["k"] = "late";
  EXPECT_EQ(ReadAll(*engine_), rows_);
  // The owner has heard of the new MANIFEST, whose note opens what it refers to.
  EXPECT_LT(DecodeManifestPosition(last_.note)->synced_bytes, 2000u);
  EXPECT_EQ(last_.index, LogIndex(index_ - 1));
}

// --- Real threads.

TEST(LevelDBEngineThreads, ReadersAndCheckpointsRunBesideTheWriter) {
  const auto world = EngineWorld::Make(EngineKind::kLevelDBOnPosix);
  auto engine = *world->Open();
  constexpr uint64_t kBatches = 600;
  std::atomic<bool> done = false;
  // Every state has `counter` == `mirror`, and a checkpoint's index besides.
  const auto consistent = [](const StateReader& state) {
    const auto counter = state.Get("counter");
    const auto mirror = state.Get("mirror");
    EXPECT_TRUE(counter.ok() && mirror.ok());
    EXPECT_EQ(*counter, *mirror);
    return counter->value_or("0");
  };
  std::thread reader([&] {
    while (!done) {
      const auto view = engine->OpenView();
      ASSERT_TRUE(view.ok());
      consistent(**view);
      engine->Stats();
    }
  });
  std::thread checkpointer([&] {
    for (int i = 0; !done; ++i) {
      const std::string folder = world->folder() + "-copy" + std::to_string(i);
      const auto note = engine->Checkpoint(folder);
      ASSERT_TRUE(note.ok()) << note.status();
      const auto copy = world->source().Open(folder, *note, /*create=*/false);
      ASSERT_TRUE(copy.ok()) << copy.status();
      EXPECT_EQ(consistent(**copy), std::to_string((*copy)->Durable().index.value()));
    }
  });
  for (uint64_t i = 1; i <= kBatches; ++i) {
    WriteBatch batch;
    batch.Put("counter", std::to_string(i));
    batch.Put("filling" + std::to_string(i % 50), std::string(3000, 'x'));
    batch.Put("mirror", std::to_string(i));
    ASSERT_TRUE(engine->Write(batch, LogIndex(i)).ok());
    if (i % 20 == 0) {
      ASSERT_TRUE(engine->Flush().ok());
    }
  }
  ASSERT_TRUE(engine->Flush().ok());
  world->AwaitDurable(LogIndex(kBatches));
  done = true;
  reader.join();
  checkpointer.join();
  EXPECT_EQ(consistent(*engine), std::to_string(kBatches));
  EXPECT_TRUE(world->fatal_errors().empty());
}

TEST(LevelDBEngineThreads, ClosingAndReopeningWaitForTheJobThatIsAboutToReport) {
  LevelDBOptions options = SmallLevelDBOptions();
  options.manifest_bytes_max = 1;  // every write finds it too large
  const auto world = EngineWorld::Make(EngineKind::kLevelDBOnPosix);
  PosixBackgroundPool pool(1);
  PosixClock clock;
  LevelDBEngineSource source(options, world->disk(), clock, pool,
                             [](const absl::Status& status) { ADD_FAILURE() << status; });
  Mutex mu;
  DurablePoint last;
  uint64_t index = 0;
  for (int opening = 0; opening < 20; ++opening) {
    auto engine = source.Open(world->folder(), last.note, /*create=*/opening == 0);
    ASSERT_TRUE(engine.ok()) << engine.status();
    (*engine)->SetDurableListener([&](DurablePoint point) {
      MutexLock lock(mu);
      last = std::move(point);
    });
    for (int i = 0; i < 20; ++i) {
      ++index;
      ASSERT_TRUE((*engine)->Write(Put("k", std::to_string(index)), LogIndex(index)).ok());
      ASSERT_TRUE((*engine)->Flush().ok());
    }
    engine->reset();
    // The last flush may not have come to its end; its row is the Raft log's then.
    index = last.index.value();
  }
}

}  // namespace
}  // namespace flotilla::storage
