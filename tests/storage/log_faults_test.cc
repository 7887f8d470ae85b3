// Disks that fail or are full, folders of others, and the log's sense of time.
#include <functional>
#include <memory>
#include <string>

#include "base/coding.h"
#include "base/crc32c.h"
#include "storage/log_format.h"
#include "storage/log_segment_reader.h"
#include "tests/storage/log_rig.h"
#include <gtest/gtest.h>

namespace flotilla::storage {
namespace {

using simulation::CrashModel;
using std::chrono::microseconds;
using std::chrono::milliseconds;

class LogFaultsTest : public ::testing::Test {
 protected:
  void Start() {
    ASSERT_TRUE(rig_.Open().ok());
    ASSERT_TRUE(rig_.Append(kGroup, Create()));
  }
  uint64_t Syncs() const { return rig_.log().Status().durable_lsn.value(); }

  mutable LogRig rig_;
};

// raft-engine: file_write_error, concurrent_write_error.
TEST_F(LogFaultsTest, AFailedWriteIsFatalOnceAndAcknowledgesNothing) {
  Start();
  rig_.disk().FailNextWrite();
  EXPECT_FALSE(rig_.Append(kGroup, Append(1, 1)));
  EXPECT_EQ(rig_.fatal().size(), 1u);
  EXPECT_FALSE(rig_.Append(kGroup, Append(1, 1)));
  EXPECT_FALSE(rig_.Rewrite(kGroup));
  rig_.RunFor(std::chrono::seconds(5));
  EXPECT_EQ(rig_.fatal().size(), 1u);
  EXPECT_EQ(rig_.acks().size(), 1u);
}

TEST_F(LogFaultsTest, AFailedSyncIsNeverRetried) {
  Start();
  rig_.disk().FailNextSync();
  EXPECT_FALSE(rig_.Append(kGroup, Append(1, 1)));
  ASSERT_EQ(rig_.fatal().size(), 1u);
  const uint64_t calls = rig_.disk().calls();
  rig_.RunFor(std::chrono::seconds(5));
  EXPECT_EQ(rig_.disk().calls(), calls);
  rig_.PowerCut(CrashModel::LoseAllUnsynced());
  ASSERT_TRUE(rig_.Open().ok());
  EXPECT_TRUE(rig_.recovered(kGroup).entries.empty());
}

// Rebello et al., USENIX ATC 2020: after a failed sync the pages count as clean.
TEST_F(LogFaultsTest, WhatAFailedSyncDroppedIsNotLostSilentlyByALaterPowerCut) {
  Start();
  rig_.disk().FailNextSync();
  rig_.Append(kGroup, Append(1, 1));
  rig_.Kill();
  ASSERT_TRUE(rig_.Open().ok());
  ASSERT_EQ(rig_.recovered(kGroup).entries.size(), 1u) << "the page cache shows it";
  rig_.PowerCut(CrashModel::LoseAllUnsynced());
  ASSERT_TRUE(rig_.Open().ok());
  EXPECT_TRUE(rig_.recovered(kGroup).suspect);
}

// raft-engine: file_open_error, file_rotate_error.
TEST_F(LogFaultsTest, AFailureWhilePreparingASegmentIsFatalToo) {
  Start();
  for (uint64_t i = 1; i <= 4; ++i) ASSERT_TRUE(rig_.Append(kGroup, Append(i, i)));
  rig_.Queue(kGroup, Append(5, 8));
  rig_.disk().FailNextSync();
  rig_.Submit();
  rig_.Settle();
  EXPECT_EQ(rig_.fatal().size(), 1u);
}

TEST_F(LogFaultsTest, ASyncErrorAtAnyTimeIsEitherFatalOrInAnOpenThatFails) {
  for (uint64_t k = 0;; ++k) {
    LogRig rig;
    uint64_t step = 0;
    const auto arm = [&] {
      if (step++ == k) rig.disk().FailNextSync();
    };
    arm();
    const bool opened = rig.Open().ok();
    for (uint64_t i = 0; opened && i < 14 && rig.fatal().empty(); ++i) {
      arm();
      rig.Append(ShardId(i + 1), Create());
    }
    if (step <= k) break;
    EXPECT_TRUE(!opened || rig.fatal().size() == 1) << "step " << k;
    rig.PowerCut({});
    EXPECT_TRUE(rig.Open().ok());
    EXPECT_GE(rig.recovery().groups.size(), rig.acks().size());
  }
}

// raft-engine: no_space_write_error.
TEST_F(LogFaultsTest, AFullDiskHoldsAppendsBackUntilSpaceReturns) {
  Start();
  const uint64_t used = rig_.disk().UsedBytes();
  rig_.disk().SetOptions({.capacity_bytes = used});
  uint64_t index = 1;
  while (rig_.Append(kGroup, Append(index, index))) ++index;
  EXPECT_TRUE(rig_.log().Status().disk_full);
  EXPECT_GT(rig_.log().Status().queued_bytes, 0u);
  EXPECT_TRUE(rig_.fatal().empty());
  EXPECT_EQ(rig_.Read(kGroup, 1, index)->size(), index - 1) << "reads go on";
  rig_.disk().SetOptions({.capacity_bytes = used + (1 << 20)});
  rig_.RunFor(std::chrono::seconds(2));
  EXPECT_FALSE(rig_.log().Status().disk_full);
  EXPECT_TRUE(rig_.acked(index)) << "the creation was number 0";
  rig_.PowerCut(CrashModel::LoseAllUnsynced());
  ASSERT_TRUE(rig_.Open().ok());
  EXPECT_EQ(rig_.recovered(kGroup).entries.size(), index);
}

TEST_F(LogFaultsTest, AFullDiskIsLeftByCompactionToo) {
  Start();
  for (uint64_t i = 1; i <= 12; ++i) rig_.Append(kGroup, Append(i, i));
  rig_.disk().SetOptions({.capacity_bytes = rig_.disk().UsedBytes()});
  uint64_t index = 13;
  while (!rig_.log().Status().disk_full) {
    rig_.Append(kGroup, Append(index, index));
    ++index;
  }
  // The last room of the current segment is for this.
  ASSERT_TRUE(rig_.Append(kGroup, Compact(index - 2)));
  rig_.Settle();
  EXPECT_FALSE(rig_.log().Status().disk_full) << "at once, not after the next look";
  EXPECT_TRUE(rig_.Append(kGroup, Append(index, index + 20)));
}

TEST_F(LogFaultsTest, AFullDiskDoesNotKeepTheLogFromClosing) {
  Start();
  rig_.disk().SetOptions({.capacity_bytes = rig_.disk().UsedBytes()});
  uint64_t index = 1;
  while (rig_.Append(kGroup, Append(index, index))) ++index;
  rig_.Close();
  rig_.disk().SetOptions({});
  ASSERT_TRUE(rig_.Open().ok());
  EXPECT_EQ(rig_.recovered(kGroup).entries.size(), index - 1);
}

TEST_F(LogFaultsTest, TooMuchWaitingIsReportedAsOverload) {
  rig_.options().max_queued_bytes = 10'000;
  Start();
  EXPECT_FALSE(rig_.log().Status().overloaded);
  rig_.Queue(kGroup, Append(1, 20, 1, 1000));
  EXPECT_TRUE(rig_.log().Status().overloaded);
  rig_.Submit();
  rig_.Settle();
  EXPECT_FALSE(rig_.log().Status().overloaded);
}

TEST_F(LogFaultsTest, AnUnreadableDiskIsNoEmptyLog) {
  Start();
  rig_.Kill();
  rig_.disk().FailNextRead();
  EXPECT_FALSE(rig_.Open().ok());
  rig_.Kill();
  ASSERT_TRUE(rig_.Open().ok());
  EXPECT_TRUE(rig_.HasRecovered(kGroup));
}

TEST_F(LogFaultsTest, TheFolderOfAnotherNodeOrLifeIsRefused) {
  Start();
  rig_.Kill();
  rig_.options().node = NodeId(4);
  EXPECT_EQ(rig_.Open().code(), absl::StatusCode::kFailedPrecondition);
  rig_.options().node = NodeId(3);
  rig_.options().incarnation = Incarnation(99);
  EXPECT_EQ(rig_.Open().code(), absl::StatusCode::kFailedPrecondition);
}

// --- Formats of other builds. --------------------------------------------------------------------

class LogOtherFormatTest : public LogFaultsTest {
 protected:
  // Changes a byte of the frame at `offset` of the only segment and mends the checksum.
  void Forge(uint64_t offset, uint64_t frame_bytes, size_t byte, char value) {
    Start();
    rig_.RunFor(milliseconds(50));
    rig_.Kill();
    const std::string path = rig_.Segments().back();
    const auto file = *rig_.disk().Open(path, OpenMode::kReadWrite);
    std::string frame = *file->Read(offset, frame_bytes);
    frame[byte] = value;
    StoreFixed32(frame.data() + 4, ExtendCrc32c(Crc32c(frame.substr(0, 4)), frame.substr(8)));
    ASSERT_TRUE(file->Write(offset, frame).ok());
    ASSERT_TRUE(file->Sync().ok());
  }

  void ExpectRefusedUntouched() {
    const uint64_t before = rig_.disk().UsedBytes();
    const std::string contents = *ReadWholeFile(rig_.disk(), rig_.Segments().back());
    EXPECT_EQ(rig_.Open().code(), absl::StatusCode::kUnimplemented);
    EXPECT_EQ(rig_.disk().UsedBytes(), before);
    EXPECT_EQ(*ReadWholeFile(rig_.disk(), rig_.Segments().back()), contents);
  }

  // Bytes of the first batch, which creates a replica.
  uint64_t FirstBatchBytes() {
    LogRig other;
    EXPECT_TRUE(other.Open().ok());
    EXPECT_TRUE(other.Append(kGroup, Create()));
    auto reader = SegmentReader::Open(other.disk(), other.Segments()[0]);
    return kBatchHeaderBytes + (*reader->BatchAt(kLogBlockBytes))->view.header.item_bytes;
  }
};

TEST_F(LogOtherFormatTest, ANewerSegmentVersionIsRefused) {
  Forge(0, 64, 1, 2);
  ExpectRefusedUntouched();
}

TEST_F(LogOtherFormatTest, UnknownSegmentFlagsAreRefused) {
  Forge(0, 64, 2, 1);
  ExpectRefusedUntouched();
}

TEST_F(LogOtherFormatTest, ANewerBatchVersionIsRefused) {
  Forge(kLogBlockBytes, FirstBatchBytes(), 1, 2);
  ExpectRefusedUntouched();
}

TEST_F(LogOtherFormatTest, AnUnknownBatchKindIsRefused) {
  Forge(kLogBlockBytes, FirstBatchBytes(), 0, 0x39);
  ExpectRefusedUntouched();
}

TEST_F(LogOtherFormatTest, AnUnknownItemKindIsRefused) {
  Forge(kLogBlockBytes, FirstBatchBytes(), kBatchHeaderBytes, 77);
  ExpectRefusedUntouched();
}

TEST_F(LogOtherFormatTest, UnknownItemFlagsAreRefused) {
  Forge(kLogBlockBytes, FirstBatchBytes(), kBatchHeaderBytes + 1, 1);
  ExpectRefusedUntouched();
}

// --- Time. ---------------------------------------------------------------------------------------

TEST_F(LogFaultsTest, AMarkerVouchesForTheLastBatchSoonAndOnlyOnce) {
  Start();
  const uint64_t written = Syncs();
  rig_.RunFor(milliseconds(9));
  EXPECT_EQ(Syncs(), written);
  rig_.RunFor(milliseconds(2));
  EXPECT_EQ(Syncs(), written + 1);
  rig_.RunFor(std::chrono::seconds(10));
  EXPECT_EQ(Syncs(), written + 1);
}

TEST_F(LogFaultsTest, ABusyLogNeedsNoMarkers) {
  Start();
  const uint64_t written = Syncs();
  for (uint64_t i = 1; i <= 50; ++i) {
    rig_.Append(kGroup, Append(i, i));
    rig_.RunFor(milliseconds(3));
  }
  EXPECT_EQ(Syncs(), written + 50);
}

class LogRoundsTest : public LogFaultsTest {
 protected:
  void SetUp() override {
    rig_.options().round_spacing = milliseconds(2);
    Start();
    rig_.RunFor(milliseconds(50));
  }
};

TEST_F(LogRoundsTest, ALoneCallerNeverWaits) {
  for (uint64_t i = 1; i <= 5; ++i) EXPECT_TRUE(rig_.Append(kGroup, Append(i, i)));
}

TEST_F(LogRoundsTest, UnderLoadWritesKeepTheirDistance) {
  EXPECT_TRUE(rig_.Append(kGroup, Append(1, 5))) << "the first of a burst goes at once";
  EXPECT_FALSE(rig_.Append(kGroup, Append(6, 9)));
  const size_t second = rig_.Queue(kOther, Create());
  rig_.Submit();
  rig_.RunFor(microseconds(1500));
  EXPECT_FALSE(rig_.acked(second));
  const uint64_t written = Syncs();
  rig_.RunFor(microseconds(500));
  EXPECT_TRUE(rig_.acked(second));
  EXPECT_EQ(Syncs(), written + 1) << "both in one batch";
}

}  // namespace
}  // namespace flotilla::storage
