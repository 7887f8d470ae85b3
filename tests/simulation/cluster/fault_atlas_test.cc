#include "tests/simulation/cluster/fault_atlas.h"

#include <memory>
#include <string>
#include <vector>

#include "storage/log_format.h"
#include "tests/simulation/cluster/quiet_world.h"
#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint64_t kSalt = 7;
constexpr uint64_t kBlock = storage::kLogBlockBytes;

// A segment with batches of one block each; `durable[i]` is what the one of LSN i + 1 vouches for.
std::string Segment(const std::vector<uint64_t>& durable) {
  std::string segment = storage::EncodeSegmentHeader({.node = NodeId(1),
                                                      .incarnation = Incarnation(1),
                                                      .number = storage::SegmentNumber(1),
                                                      .salt = kSalt});
  uint64_t lsn = 0;
  for (const uint64_t vouched : durable) {
    std::string batch(storage::kBatchHeaderBytes, '\0');
    storage::SealBatch({.lsn = Lsn(++lsn), .salt = kSalt, .durable_lsn = Lsn(vouched)}, batch);
    segment += batch;
  }
  return segment + std::string(kBlock, '\0');
}

TEST(VouchedBytes, EndWhereTheBatchBeginsThatTheNewestOneCallsDurable) {
  EXPECT_EQ(VouchedBytes(Segment({0, 1, 2})), 2 * kBlock)
      << "the third may be lost, the second not";
  EXPECT_EQ(VouchedBytes(Segment({0, 1, 1})), kBlock);
  EXPECT_EQ(VouchedBytes(Segment({0})), 0u);
  EXPECT_EQ(VouchedBytes(Segment({})), 0u);
  EXPECT_EQ(VouchedBytes(""), 0u);
}

TEST(VouchedBytes, EndBeforeWhatCannotBeRead) {
  std::string segment = Segment({0, 1, 2, 3});
  segment[3 * kBlock + 20] ^= 1;
  EXPECT_EQ(VouchedBytes(segment), kBlock);
  segment[10] ^= 1;
  EXPECT_EQ(VouchedBytes(segment), 0u) << "without a header nothing is vouched for";
}

void Put(SimDisk& disk, const std::string& path, std::string_view contents) {
  ASSERT_TRUE(disk.CreateFolder(ParentFolder(path)).ok());
  const auto file = disk.Open(path, OpenMode::kCreateOrReuse);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->Write(0, contents).ok());
}

TEST(DamagePlaces, AreAllOldSegmentsAndFilesAndTheVouchedPartOfTheNewestSegment) {
  SimDisk disk(1);
  const auto segment = [](uint64_t number) {
    return "/data/log/" + storage::SegmentFileName(storage::SegmentNumber(number));
  };
  Put(disk, segment(1), Segment({0}));
  Put(disk, segment(2), Segment({0, 1, 2}));
  Put(disk, "/data/log/" + storage::SpareFileName(storage::SegmentNumber(3)), "spare");
  Put(disk, "/data/shards/1/2/state-1", "abc");
  Put(disk, "/data/log/MEMBER", "");
  EXPECT_EQ(DamagePlaces(disk, "/data"), (std::vector<DamagePlace>{{"/data/shards/1/2/state-1", 3},
                                                                   {segment(1), 3 * kBlock},
                                                                   {segment(2), 2 * kBlock}}));
}

// Machines without a process, each with one file.
class FaultAtlasTest : public ::testing::Test {
 protected:
  void Run(const FaultAtlasOptions& options) {
    for (const auto& machine : quiet_.machines) Put(machine->disk(), "/data/f", contents_);
    atlas_ = std::make_unique<FaultAtlas>(
        FaultAtlas::World{.world = quiet_.world,
                          .machines = quiet_.machines,
                          .nemesis = quiet_.nemesis,
                          .faults = quiet_.faults,
                          .record = quiet_.record,
                          .can_spare = [this](NodeIndex) { return can_spare_; }},
        options);
    quiet_.faults.Start();
    quiet_.world.RunFor(seconds(100));
  }

  // How many are not as they were.
  size_t Damaged() const {
    size_t damaged = 0;
    for (const auto& machine : quiet_.machines) {
      const auto contents = ReadWholeFile(machine->disk(), "/data/f");
      damaged += contents.ok() && *contents == contents_ ? 0 : 1;
    }
    return damaged;
  }

  const std::string contents_ = std::string(5000, 'a');
  bool can_spare_ = true;
  QuietWorld quiet_{5};
  std::unique_ptr<FaultAtlas> atlas_;
};

TEST_F(FaultAtlasTest, OneMachineOnlyIsDamagedHoweverOften) {
  Run({.damage = milliseconds(500)});
  EXPECT_GT(quiet_.faults.count(), 100u);
  EXPECT_EQ(Damaged(), 1u);
  EXPECT_TRUE(atlas_->any_damaged());
  EXPECT_TRUE(atlas_->wiped().empty());
}

TEST_F(FaultAtlasTest, NothingIsDamagedThatTheOthersCannotSpare) {
  can_spare_ = false;
  Run({.damage = milliseconds(500), .wipes = true, .founders = 5});
  EXPECT_GT(quiet_.faults.count(), 100u);
  EXPECT_EQ(Damaged(), 0u);
  EXPECT_FALSE(atlas_->any_damaged());
}

TEST_F(FaultAtlasTest, AWipedDiskIsEmptyAndLeftAlone) {
  Run({.damage = milliseconds(500), .wipes = true, .founders = 5});
  ASSERT_EQ(atlas_->wiped().size(), 1u);
  EXPECT_TRUE(quiet_.machines[*atlas_->wiped().begin()]->disk().FilesBelow("/").empty());
  EXPECT_EQ(Damaged(), 1u);
}

TEST_F(FaultAtlasTest, BeyondItAllMachinesAreDamagedAndOneFounderIsNotWiped) {
  can_spare_ = false;
  Run({.damage = milliseconds(500), .wipes = true, .founders = 4, .beyond = true});
  EXPECT_EQ(Damaged(), 5u);
  EXPECT_EQ(atlas_->wiped().size(), 4u);
  EXPECT_TRUE(atlas_->wiped().contains(4)) << "it founded nothing";
}

}  // namespace
}  // namespace flotilla::simulation
