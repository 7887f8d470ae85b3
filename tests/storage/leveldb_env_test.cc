// The rules by which LevelDB's crash holes are closed, one by one.
#include "storage/leveldb_env.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/simulation/sim_clock.h"
#include "tests/simulation/sim_disk.h"
#include "tests/simulation/sim_world.h"
#include <gtest/gtest.h>

namespace flotilla::storage {
namespace {

using simulation::CrashModel;

constexpr char kFolder[] = "db";
constexpr char kTable[] = "db/000005.ldb";

class LevelDBEnvTest : public ::testing::Test {
 protected:
  LevelDBEnvTest() {
    EXPECT_TRUE(disk_.CreateFolder(kFolder).ok());
    EXPECT_TRUE(disk_.SyncDir(".").ok());
  }

  std::unique_ptr<leveldb::WritableFile> Create(LevelDBEnv& env, const std::string& path) {
    leveldb::WritableFile* file = nullptr;
    EXPECT_TRUE(env.NewWritableFile(path, &file).ok());
    return std::unique_ptr<leveldb::WritableFile>(file);
  }
  void WriteSynced(LevelDBEnv& env, const std::string& path, const std::string& contents) {
    const auto file = Create(env, path);
    EXPECT_TRUE(file->Append(contents).ok());
    EXPECT_TRUE(file->Sync().ok());
    EXPECT_TRUE(file->Close().ok());
  }
  bool Exists(const std::string& path) { return disk_.Exists(path).value(); }
  std::string Contents(const std::string& path) {
    return ReadWholeFile(disk_, path).value_or("<missing>");
  }

  simulation::SimWorld sim_{1};
  simulation::SimClock clock_{sim_};
  simulation::SimDisk disk_{1};
  DeferredBackgroundPool pool_;
  std::vector<absl::Status> fatal_;
  const std::function<void(const absl::Status&)> on_fatal_ = [this](const absl::Status& status) {
    fatal_.push_back(status);
  };
  const LevelDBWorld world_{disk_, clock_, pool_, on_fatal_};
  std::vector<std::pair<WrittenPoint, ManifestPosition>> reports_;
  LevelDBEnv env_{world_, kFolder, LevelDBEnv::Mode::kReadWrite, FolderState{},
                  [this](WrittenPoint point, ManifestPosition position) {
                    reports_.emplace_back(point, position);
                  }};
};

// leveldb#196: the folder was never synced after a file was created in it.
TEST_F(LevelDBEnvTest, ASyncedTableHasADurableName) {
  WriteSynced(env_, kTable, "rows");
  disk_.Crash(CrashModel::LoseAllUnsynced());
  EXPECT_EQ(Contents(kTable), "rows");
}

TEST_F(LevelDBEnvTest, ASyncedManifestHasADurableName) {
  WriteSynced(env_, "db/MANIFEST-000004", "edits");
  disk_.Crash(CrashModel::LoseAllUnsynced());
  EXPECT_EQ(Contents("db/MANIFEST-000004"), "edits");
}

// leveldb#195: CURRENT was renamed into place without a sync of the folder.
TEST_F(LevelDBEnvTest, ARenameIsDurableWhenItReturns) {
  WriteSynced(env_, "db/000004.dbtmp", "MANIFEST-000004\n");
  ASSERT_TRUE(env_.RenameFile("db/000004.dbtmp", "db/CURRENT").ok());
  disk_.Crash(CrashModel::LoseAllUnsynced());
  EXPECT_EQ(Contents("db/CURRENT"), "MANIFEST-000004\n");
}

// leveldb#193: a log was closed without a sync, so that a newer one could outlive it. Here no log
// has contents; only its entry in the folder, which LevelDB must find and remove, is real.
TEST_F(LevelDBEnvTest, ALogIsAnEmptyFileWhateverIsWritten) {
  const auto log = Create(env_, "db/000003.log");
  ASSERT_TRUE(log->Append("batch").ok());
  ASSERT_TRUE(log->Sync().ok());
  EXPECT_EQ(Contents("db/000003.log"), "");
  ASSERT_TRUE(env_.RemoveFile("db/000003.log").ok());
  EXPECT_FALSE(Exists("db/000003.log"));
}

TEST_F(LevelDBEnvTest, TheRemovalOfALogIsReportedWithTheSyncedManifest) {
  Create(env_, "db/000003.log");
  env_.Opened(LogIndex(10));
  env_.BatchReturned(LogIndex(11), 1);
  Create(env_, "db/000006.log");
  const auto manifest = Create(env_, "db/MANIFEST-000004");
  ASSERT_TRUE(manifest->Append("12345").ok());
  ASSERT_TRUE(manifest->Sync().ok());
  ASSERT_TRUE(manifest->Append("not synced yet").ok());
  ASSERT_TRUE(env_.RemoveFile("db/000003.log").ok());
  ASSERT_EQ(reports_.size(), 1u);
  EXPECT_EQ(reports_[0].first.index, LogIndex(11));
  EXPECT_EQ(reports_[0].second, (ManifestPosition{.number = 4, .synced_bytes = 5}));
}

TEST_F(LevelDBEnvTest, ALogThatCannotBeRemovedIsProofAllTheSame) {
  Create(env_, "db/000003.log");
  env_.Opened(LogIndex(10));
  env_.BatchReturned(LogIndex(11), 1);
  Create(env_, "db/000006.log");
  ASSERT_TRUE(disk_.Remove("db/000003.log").ok());
  EXPECT_FALSE(env_.RemoveFile("db/000003.log").ok());
  EXPECT_EQ(reports_.size(), 1u);
}

// An fsync that failed once may succeed the next time without having written anything.
TEST_F(LevelDBEnvTest, AfterAFailedSyncNothingIsWrittenAnyMore) {
  const auto table = Create(env_, kTable);
  const auto other = Create(env_, "db/000006.ldb");
  ASSERT_TRUE(table->Append("rows").ok());
  disk_.FailNextSync();
  EXPECT_FALSE(table->Sync().ok());
  ASSERT_EQ(fatal_.size(), 1u);

  EXPECT_FALSE(table->Sync().ok());
  EXPECT_TRUE(other->Append("rows").ok()) << "into a buffer";
  EXPECT_FALSE(other->Flush().ok());
  EXPECT_FALSE(other->Sync().ok());
  leveldb::WritableFile* file = nullptr;
  EXPECT_FALSE(env_.NewWritableFile("db/000007.ldb", &file).ok());
  EXPECT_FALSE(env_.RenameFile(kTable, "db/CURRENT").ok());
  EXPECT_FALSE(env_.RemoveFile(kTable).ok());
  EXPECT_EQ(Contents("db/000006.ldb"), "");
  EXPECT_TRUE(Exists(kTable));
  EXPECT_EQ(fatal_.size(), 1u) << "reported once";
}

TEST_F(LevelDBEnvTest, AFailedSyncOfTheFolderIsAsFatal) {
  WriteSynced(env_, "db/000004.dbtmp", "MANIFEST-000004\n");
  disk_.FailNextSync();
  EXPECT_FALSE(env_.RenameFile("db/000004.dbtmp", "db/CURRENT").ok());
  EXPECT_EQ(fatal_.size(), 1u);
}

TEST_F(LevelDBEnvTest, AFullDiskIsRememberedAsTheReason) {
  disk_.SetOptions({.capacity_bytes = 100});
  const auto table = Create(env_, kTable);
  ASSERT_TRUE(table->Append(std::string(200, 'x')).ok());
  EXPECT_FALSE(table->Flush().ok());
  EXPECT_EQ(env_.failure().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(fatal_.empty());
}

// A checkpoint shares tables by hard links.
TEST_F(LevelDBEnvTest, ATableCreatedAgainLeavesItsOldContentsToOthers) {
  WriteSynced(env_, kTable, "shared");
  ASSERT_TRUE(disk_.Link(kTable, "copy").ok());
  WriteSynced(env_, kTable, "new");
  EXPECT_EQ(Contents("copy"), "shared");
  EXPECT_EQ(Contents(kTable), "new");
}

TEST_F(LevelDBEnvTest, WhileACheckpointIsMadeNoTableIsRemoved) {
  WriteSynced(env_, kTable, "rows");
  {
    const LevelDBEnv::RemovalPause outer(env_);
    {
      const LevelDBEnv::RemovalPause inner(env_);
      ASSERT_TRUE(env_.RemoveFile(kTable).ok());
    }
    EXPECT_TRUE(Exists(kTable)) << "another checkpoint still runs";
  }
  EXPECT_FALSE(Exists(kTable));
}

// LevelDB would take NotFound for a missing row.
TEST_F(LevelDBEnvTest, AMissingTableIsCorruption) {
  leveldb::RandomAccessFile* file = nullptr;
  EXPECT_TRUE(env_.NewRandomAccessFile(kTable, &file).IsCorruption());
}

// LevelDB creates a database where it finds none.
TEST_F(LevelDBEnvTest, ADiskThatCannotTellDoesNotLookEmpty) {
  disk_.DieAtCall(1);
  EXPECT_TRUE(env_.FileExists("db/CURRENT"));
}

TEST_F(LevelDBEnvTest, TheHiddenEndOfTheManifestIsNotRead) {
  WriteSynced(env_, "db/MANIFEST-000004", "soundtorn");
  LevelDBEnv env(world_, kFolder, LevelDBEnv::Mode::kReadWrite,
                 FolderState{.exists = true, .manifest_number = 4, .manifest_bytes = 5}, nullptr);
  leveldb::SequentialFile* opened = nullptr;
  ASSERT_TRUE(env.NewSequentialFile("db/MANIFEST-000004", &opened).ok());
  const std::unique_ptr<leveldb::SequentialFile> file(opened);
  char scratch[100];
  leveldb::Slice read;
  ASSERT_TRUE(file->Read(3, &read, scratch).ok());
  EXPECT_EQ(read.ToString(), "sou");
  ASSERT_TRUE(file->Read(100, &read, scratch).ok());
  EXPECT_EQ(read.ToString(), "nd");
}

TEST_F(LevelDBEnvTest, OpenedReadOnlyItForgetsWhatIsWritten) {
  WriteSynced(env_, kTable, "rows");
  LevelDBEnv env(world_, kFolder, LevelDBEnv::Mode::kReadOnly, FolderState{}, nullptr);
  WriteSynced(env, "db/MANIFEST-000009", "edits");
  WriteSynced(env, "db/000009.dbtmp", "MANIFEST-000009\n");
  EXPECT_TRUE(env.RenameFile("db/000009.dbtmp", "db/CURRENT").ok());
  EXPECT_TRUE(env.RemoveFile(kTable).ok());
  leveldb::WritableFile* file = nullptr;
  EXPECT_FALSE(env.NewWritableFile("db/000010.ldb", &file).ok()) << "a compaction must not succeed";
  EXPECT_EQ(disk_.List(kFolder).value(), std::vector<std::string>{"000005.ldb"});
}

TEST_F(LevelDBEnvTest, AJobNeverRunsInsideSchedule) {
  bool ran = false;
  env_.Schedule([](void* flag) { *static_cast<bool*>(flag) = true; }, &ran);
  EXPECT_FALSE(ran) << "LevelDB schedules under the lock that the job takes";
  pool_.Settle();
  EXPECT_TRUE(ran);
}

}  // namespace
}  // namespace flotilla::storage
