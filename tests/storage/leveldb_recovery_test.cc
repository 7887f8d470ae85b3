#include "storage/leveldb_recovery.h"

#include <string>

#include "storage/leveldb_manifest.h"
#include "tests/simulation/sim_disk.h"
#include <gtest/gtest.h>

namespace flotilla::storage {
namespace {

using Kind = LevelDBFileName::Kind;

class LevelDBRecovery : public ::testing::Test {
 protected:
  void Put(const std::string& path, std::string_view contents) {
    ASSERT_TRUE(disk_.CreateFolder(ParentFolder(path)).ok());
    ASSERT_TRUE(ReplaceFileDurably(disk_, path, contents).ok());
  }
  absl::StatusCode Inspect(std::string_view note = "") {
    return InspectLevelDBFolder(disk_, "db", note).status().code();
  }

  simulation::SimDisk disk_{1};
  const std::string note_ = EncodeManifestPosition({.number = 4, .synced_bytes = 0});
};

TEST_F(LevelDBRecovery, NamesAreToldApart) {
  const auto expect = [](std::string_view path, Kind kind, uint64_t number) {
    const LevelDBFileName name = LevelDBFileName::Parse(path);
    EXPECT_EQ(name.kind, kind) << path;
    EXPECT_EQ(name.number, number) << path;
  };
  expect("a/1.log/000012.log", Kind::kLog, 12);
  expect("000012.ldb", Kind::kTable, 12);
  expect("12.dbtmp", Kind::kTemporary, 12);
  expect("MANIFEST-000012", Kind::kManifest, 12);
  for (const char* other : {"CURRENT", "LOCK", "MANIFEST-", "MANIFEST-1x", "x12.log", "12.log2",
                            ".log", "MANIFEST-99999999999999999999"}) {
    expect(other, Kind::kOther, 0);
  }
  EXPECT_EQ(LevelDBManifestName(7), "MANIFEST-000007");
  EXPECT_EQ(LevelDBTableName(1234567), "1234567.ldb");
}

TEST_F(LevelDBRecovery, AMissingOrEmptyFolderHoldsNoDatabase) {
  EXPECT_FALSE(InspectLevelDBFolder(disk_, "db", "")->exists);
  ASSERT_TRUE(disk_.CreateFolder("db").ok());
  EXPECT_FALSE(InspectLevelDBFolder(disk_, "db", "")->exists);
}

TEST_F(LevelDBRecovery, AnInterruptedCreationHoldsNoDatabase) {
  Put("db/MANIFEST-000001", "something");
  Put("db/000001.dbtmp", "MANIFEST");
  EXPECT_FALSE(InspectLevelDBFolder(disk_, "db", "")->exists);
}

TEST_F(LevelDBRecovery, ADatabaseThatLostCurrentIsDataLossNotEmpty) {
  Put("db/MANIFEST-000004", "");
  EXPECT_EQ(Inspect(note_), absl::StatusCode::kDataLoss);
  Put("db/000005.ldb", "rows");
  EXPECT_EQ(Inspect(), absl::StatusCode::kDataLoss);
}

TEST_F(LevelDBRecovery, ACurrentThatNamesNoManifestIsDataLoss) {
  for (const char* text : {"", "MANIFEST-000004", "MANIFEST-000004\n\n", "000004.ldb\n", "\n"}) {
    Put("db/CURRENT", text);
    Put("db/MANIFEST-000004", "");
    EXPECT_EQ(Inspect(), absl::StatusCode::kDataLoss) << text;
  }
}

TEST_F(LevelDBRecovery, AManifestThatIsGoneIsDataLoss) {
  Put("db/CURRENT", "MANIFEST-000004\n");
  EXPECT_EQ(Inspect(), absl::StatusCode::kDataLoss);
}

TEST_F(LevelDBRecovery, CurrentNeverGoesBackToAnOlderManifest) {
  Put("db/CURRENT", "MANIFEST-000003\n");
  Put("db/MANIFEST-000003", "");
  EXPECT_EQ(Inspect(), absl::StatusCode::kOk);
  EXPECT_EQ(Inspect(note_), absl::StatusCode::kDataLoss);
}

TEST_F(LevelDBRecovery, AnUnreadableFolderIsAnErrorNotAnEmptyOne) {
  disk_.DieAtCall(1);
  EXPECT_EQ(Inspect(), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace flotilla::storage
