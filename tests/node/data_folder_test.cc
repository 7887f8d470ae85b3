#include "node/data_folder.h"

#include <memory>
#include <utility>

#include "tests/simulation/sim_disk.h"
#include "tests/simulation/sim_world.h"
#include <gtest/gtest.h>

namespace flotilla::node {
namespace {

class DataFolderTest : public testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<DataFolder>> Open(uint64_t node = 1) {
    return DataFolder::Open(disk_, "/data/n1", NodeId(node), random_);
  }
  void WriteFile(const std::string& path, std::string_view contents) {
    ASSERT_TRUE(disk_.CreateFolder(ParentFolder(path)).ok());
    auto file = disk_.Open(path, OpenMode::kCreateOrReuse);
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_TRUE((*file)->Truncate(0).ok());
    ASSERT_TRUE((*file)->Write(0, contents).ok());
  }

  simulation::SimDisk disk_{1};
  Random random_{7};
};

TEST_F(DataFolderTest, AnEmptyFolderBecomesTheNodesForGood) {
  Incarnation incarnation;
  {
    auto folder = Open();
    ASSERT_TRUE(folder.ok()) << folder.status();
    incarnation = (*folder)->identity().incarnation;
    EXPECT_FALSE(incarnation.is_none());
  }
  auto again = Open();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ((*again)->identity().incarnation, incarnation);
}

TEST_F(DataFolderTest, TheIncarnationSurvivesAPowerCut) {
  auto folder = Open();
  ASSERT_TRUE(folder.ok());
  const Incarnation incarnation = (*folder)->identity().incarnation;
  folder->reset();
  disk_.Crash(simulation::CrashModel::LoseAllUnsynced());
  auto again = Open();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ((*again)->identity().incarnation, incarnation);
}

// Found by the simulator: the node could never start again.
TEST_F(DataFolderTest, APowerCutBeforeTheFirstEntryIsNoLostLog) {
  auto folder = Open();
  ASSERT_TRUE(folder.ok());
  Identity identity = (*folder)->identity();
  identity.cluster = ClusterId(5);
  ASSERT_TRUE((*folder)->SaveIdentity(identity).ok());
  folder->reset();
  disk_.Crash(simulation::CrashModel::LoseAllUnsynced());
  auto again = Open();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE((*again)->CheckLogIsThere().ok()) << (*again)->CheckLogIsThere();
  ASSERT_TRUE(disk_.RemoveTree("/data/n1/log").ok());
  ASSERT_TRUE(disk_.CreateFolder("/data/n1/log").ok());
  EXPECT_EQ((*again)->CheckLogIsThere().code(), absl::StatusCode::kDataLoss);
}

TEST_F(DataFolderTest, AnotherNodesFolderIsRefusedByName) {
  ASSERT_TRUE(Open(1).ok());
  const auto other = Open(2);
  EXPECT_EQ(other.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(other.status().message().find("belongs to node 1"), absl::string_view::npos);
}

TEST_F(DataFolderTest, AFolderInUseIsRefused) {
  const auto first = Open();
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(Open().status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(DataFolderTest, AFolderOfSomethingElseIsNotTouched) {
  WriteFile("/data/n1/photos.zip", "precious");
  EXPECT_EQ(Open().status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(*disk_.Exists("/data/n1/IDENTITY"));
}

TEST_F(DataFolderTest, ShardsWithoutAnIdentityAreNotFormattedOver) {
  ASSERT_TRUE(Open().ok());
  WriteFile("/data/n1/shards/1/1/rows", "precious");
  ASSERT_TRUE(disk_.Remove("/data/n1/IDENTITY").ok());
  EXPECT_EQ(Open().status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(DataFolderTest, ADamagedIdentityIsRefused) {
  ASSERT_TRUE(Open().ok());
  auto bytes = ReadWholeFile(disk_, "/data/n1/IDENTITY");
  ASSERT_TRUE(bytes.ok());
  for (size_t i = 3; i < bytes->size(); ++i) {
    std::string damaged = *bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_EQ(DecodeIdentity(damaged).status().code(), absl::StatusCode::kDataLoss) << i;
  }
}

TEST_F(DataFolderTest, ANewerFormatIsRefusedByName) {
  ASSERT_TRUE(Open().ok());
  auto bytes = ReadWholeFile(disk_, "/data/n1/IDENTITY");
  ASSERT_TRUE(bytes.ok());
  (*bytes)[1] = 9;
  WriteFile("/data/n1/IDENTITY", *bytes);
  EXPECT_EQ(Open().status().code(), absl::StatusCode::kUnimplemented);
}

TEST_F(DataFolderTest, OnlyNamedGenerationsSurviveAStart) {
  auto folder = Open();
  ASSERT_TRUE(folder.ok());
  WriteFile("/data/n1/shards/1/1/rows", "old");
  WriteFile("/data/n1/shards/1/2/rows", "live");
  WriteFile("/data/n1/shards/1/checkpoint-9/rows", "half");
  WriteFile("/data/n1/shards/2/1/rows", "gone");
  ASSERT_TRUE((*folder)->RemoveUnnamedGenerations({{ShardId(1), Generation(2)}}).ok());
  EXPECT_TRUE(*disk_.Exists("/data/n1/shards/1/2/rows"));
  EXPECT_FALSE(*disk_.Exists("/data/n1/shards/1/1"));
  EXPECT_FALSE(*disk_.Exists("/data/n1/shards/1/checkpoint-9"));
  EXPECT_FALSE(*disk_.Exists("/data/n1/shards/2/1"));
}

TEST_F(DataFolderTest, OtherGenerationsOfOneShardAreRemoved) {
  auto folder = Open();
  ASSERT_TRUE(folder.ok());
  WriteFile("/data/n1/shards/1/2/rows", "live");
  WriteFile("/data/n1/shards/1/checkpoint-9/rows", "half");
  WriteFile("/data/n1/shards/2/1/rows", "another's");
  ASSERT_TRUE((*folder)->RemoveOtherGenerations(ShardId(1), Generation(2)).ok());
  EXPECT_TRUE(*disk_.Exists("/data/n1/shards/1/2/rows"));
  EXPECT_FALSE(*disk_.Exists("/data/n1/shards/1/checkpoint-9"));
  EXPECT_TRUE(*disk_.Exists("/data/n1/shards/2/1/rows"));
  EXPECT_TRUE((*folder)->RemoveOtherGenerations(ShardId(3), Generation(1)).ok());
}

}  // namespace
}  // namespace flotilla::node
