// Segments: rotation, reuse, release, rewriting of idle groups, and damage of what holds the
// segments together.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "storage/log_format.h"
#include "storage/log_recovery.h"
#include "storage/log_segment_reader.h"
#include "tests/storage/log_rig.h"
#include <gtest/gtest.h>

namespace flotilla::storage {
namespace {

using simulation::CrashModel;

class LogSegmentsTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(rig_.Open().ok()); }

  void Restart() {
    rig_.PowerCut(CrashModel::LoseAllUnsynced());
    ASSERT_TRUE(rig_.Open().ok());
  }
  // Fills several segments with entries of one group; the first index is 1.
  void Fill(ShardId group, uint64_t entries) {
    rig_.Append(group, Create());
    for (uint64_t i = 1; i <= entries; ++i) ASSERT_TRUE(rig_.Append(group, Append(i, i)));
  }
  // Until a marker has told the disk what is superseded.
  void LetMarkersPass() { rig_.RunFor(rig_.options().marker_delay * 3); }

  SegmentHeader HeaderOf(const std::string& path) {
    return *SegmentReader::Open(rig_.disk(), path)->header();
  }
  // Makes `offset` of a file another byte.
  void Damage(const std::string& path, uint64_t offset) {
    ASSERT_TRUE(rig_.disk().FlipBit(path, offset, 5).ok());
  }
  // Of the batch or footer that follows the last whole batch of a file.
  uint64_t EndOfBatches(const std::string& path) {
    auto reader = SegmentReader::Open(rig_.disk(), path);
    uint64_t offset = kLogBlockBytes;
    while (true) {
      auto batch = reader->BatchAt(offset);
      if (!batch->has_value() || (*batch)->view.header.kind == BatchKind::kFooter) return offset;
      offset = (*batch)->End();
    }
  }

  LogRig rig_;
};

TEST_F(LogSegmentsTest, EverySegmentHasANumberAndASaltOfItsOwn) {
  Fill(kGroup, 20);
  std::vector<uint64_t> salts;
  SegmentNumber number(1);
  for (const std::string& path : rig_.Segments()) {
    const SegmentHeader header = HeaderOf(path);
    EXPECT_EQ(header.number, number);
    EXPECT_EQ(header.node, rig_.options().node);
    EXPECT_EQ(header.incarnation, rig_.options().incarnation);
    salts.push_back(header.salt);
    ++number;
  }
  std::sort(salts.begin(), salts.end());
  EXPECT_EQ(std::unique(salts.begin(), salts.end()), salts.end());
  EXPECT_GE(salts.size(), 3u);
}

TEST_F(LogSegmentsTest, ASegmentWithASuccessorHasAFooter) {
  Fill(kGroup, 20);
  const std::vector<std::string> paths = rig_.Segments();
  for (size_t i = 0; i + 1 < paths.size(); ++i) {
    auto reader = SegmentReader::Open(rig_.disk(), paths[i]);
    const auto footer = reader->BatchAt(EndOfBatches(paths[i]));
    ASSERT_TRUE(footer->has_value()) << paths[i];
    EXPECT_EQ((*footer)->view.header.kind, BatchKind::kFooter);
    EXPECT_EQ((*footer)->view.header.durable_lsn, (*footer)->view.header.lsn);
  }
}

// raft-engine: purge_trigger_force_rewrite; tan: ScanObsoleteFiles.
TEST_F(LogSegmentsTest, SegmentsGoWhenNothingInThemIsNeeded) {
  Fill(kGroup, 30);
  const size_t before = rig_.Segments().size();
  rig_.Append(kGroup, Compact(29));
  LetMarkersPass();
  EXPECT_LT(rig_.Segments().size(), before);
  EXPECT_LE(rig_.Segments().size(), 2u);
  Restart();
  EXPECT_EQ(Describe(rig_.recovered(kGroup).entries), "30@1");
}

// Entries of a leader that was deposed; nothing is compacted afterwards.
TEST_F(LogSegmentsTest, SegmentsGoWhenWhatTheyHoldIsOverwritten) {
  rig_.Append(kOther, Create());
  rig_.Append(kOther, Append(1, 1));
  Fill(kGroup, 30);
  rig_.Append(kGroup, Compact(29));
  rig_.Append(kOther, Compact(0));
  LetMarkersPass();
  const size_t before = rig_.Segments().size();
  ASSERT_GT(before, 2u) << "the other group's entry holds the oldest segment";
  rig_.Append(kOther, Append(1, 1, 2));
  LetMarkersPass();
  EXPECT_LT(rig_.Segments().size(), before);
  Restart();
  EXPECT_EQ(Describe(rig_.recovered(kOther).entries), "1@2");
}

TEST_F(LogSegmentsTest, ASegmentStaysUntilWhatSupersedesItIsDurable) {  // clickhouse#112101
  Fill(kGroup, 30);
  const size_t before = rig_.Segments().size();
  rig_.Queue(kGroup, Compact(29));
  rig_.RunFor(std::chrono::seconds(1));
  EXPECT_EQ(rig_.Segments().size(), before) << "queued is not durable";
  rig_.Submit();
  rig_.Settle();
  EXPECT_LT(rig_.Segments().size(), before);
}

TEST_F(LogSegmentsTest, SupersededSegmentsAreUsedAgain) {
  Fill(kGroup, 12);
  uint64_t index = 12;
  uint64_t files = 0;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 6; ++i) {
      ++index;
      ASSERT_TRUE(rig_.Append(kGroup, Append(index, index)));
    }
    rig_.Append(kGroup, Compact(index));
    LetMarkersPass();
    files = std::max<uint64_t>(files, rig_.Segments().size() + rig_.Files("spare-").size());
  }
  EXPECT_LE(files, 7u) << "the disk space does not grow";
  Restart();
  EXPECT_EQ(rig_.recovered(kGroup).snapshot.index, LogIndex(index));
}

// raft-engine: recycle_with_stale_logbatch_at_tail, dirty_recovery.
TEST_F(LogSegmentsTest, BatchesOfAFormerLifeOfAFileAreNotTakenForNewOnes) {
  Fill(kGroup, 30);
  rig_.Append(kGroup, Compact(30));
  LetMarkersPass();
  ASSERT_FALSE(rig_.Files("spare-").empty());
  // Rotate until a recycled file is the newest segment, then leave it nearly empty.
  uint64_t index = 30;
  for (int i = 0; i < 12; ++i) {
    ++index;
    ASSERT_TRUE(rig_.Append(kGroup, Append(index, index, 2)));
    Restart();
    ASSERT_EQ(rig_.recovered(kGroup).entries.back().index, LogIndex(index));
    ASSERT_FALSE(rig_.recovered(kGroup).suspect);
  }
}

TEST_F(LogSegmentsTest, AfterARestartNothingIsAppendedToAnOldSegment) {  // cqlite#1390
  Fill(kGroup, 2);
  const std::string old = rig_.Segments().back();
  const uint64_t end = EndOfBatches(old);
  Restart();
  rig_.Append(kGroup, Append(3, 3));
  EXPECT_EQ(EndOfBatches(old), end);
  EXPECT_GT(rig_.Segments().back(), old);
  auto reader = SegmentReader::Open(rig_.disk(), old);
  EXPECT_EQ((*reader->BatchAt(end))->view.header.kind, BatchKind::kFooter);
}

TEST_F(LogSegmentsTest, ATornBatchIsCountedAndItsSegmentClosed) {
  Fill(kGroup, 2);
  const std::string path = rig_.Segments().back();
  const uint64_t end = EndOfBatches(path);
  rig_.Queue(kGroup, Append(3, 3, 1, 9000));
  rig_.disk().DieAtCall(2);
  rig_.Submit();
  rig_.Settle();
  rig_.Kill();
  // The write itself arrived whole: the process died before its sync.
  Damage(path, end + 6000);
  ASSERT_TRUE(rig_.Open().ok());
  EXPECT_EQ(rig_.recovery().torn_bytes, 12288u);
  EXPECT_EQ(Describe(rig_.recovered(kGroup).entries), "1@1 2@1");
  ASSERT_TRUE(rig_.Append(kGroup, Append(3, 3, 2)));
  Restart();
  EXPECT_EQ(Describe(rig_.recovered(kGroup).entries), "1@1 2@1 3@2");
  EXPECT_EQ(rig_.recovery().torn_bytes, 0u);
}

// LogCabin: constructor_nogap_segmentMissing; raft-engine: incomplete_purge.
TEST_F(LogSegmentsTest, AMissingSegmentIsNoticedWhereverItStood) {
  Fill(kGroup, 30);
  const std::vector<std::string> paths = rig_.Segments();
  for (size_t missing = 0; missing + 1 < paths.size(); ++missing) {
    const auto disk = rig_.disk().CloneAfterCrash(1, CrashModel::LoseAllUnsynced());
    ASSERT_TRUE(disk->Remove(paths[missing]).ok());
    const auto log = ReadLog(rig_.options(), *disk);
    if (missing == 0) {
      EXPECT_EQ(log.status().code(), absl::StatusCode::kDataLoss);
    } else {
      ASSERT_TRUE(log.ok()) << log.status();
      EXPECT_TRUE(log->recovery.groups[0].suspect);
    }
  }
}

TEST_F(LogSegmentsTest,
       ASupersededSegmentThatCameBackDoesNoHarm) {  // raft-engine: incomplete_purge
  Fill(kGroup, 30);
  const auto before = rig_.disk().CloneAfterCrash(1, CrashModel::LoseAllUnsynced());
  const std::vector<std::string> old = rig_.Segments();
  rig_.Append(kGroup, Compact(29));
  LetMarkersPass();
  const std::vector<std::string> left = rig_.Segments();
  ASSERT_GT(left.size() + 1, 1u);
  const auto first_left = std::find(old.begin(), old.end(), left.front());
  ASSERT_NE(first_left, old.begin());
  // As if the removal of the youngest of them had never reached the disk.
  const std::string& back = *std::prev(first_left);
  rig_.PowerCut(CrashModel::LoseAllUnsynced());
  ASSERT_TRUE(ReplaceFileDurably(rig_.disk(), back, *ReadWholeFile(*before, back)).ok());
  ASSERT_TRUE(rig_.Open().ok());
  EXPECT_EQ(Describe(rig_.recovered(kGroup).entries), "30@1");
  EXPECT_FALSE(rig_.recovered(kGroup).suspect);
  rig_.Append(kGroup, Append(31, 31));
  LetMarkersPass();
  EXPECT_FALSE(*rig_.disk().Exists(back)) << "it goes the way of the others";
}

TEST_F(LogSegmentsTest, ADamagedFooterLosesNothingThatTheNextSegmentCanVouchFor) {
  Fill(kGroup, 12);
  const std::string path = rig_.Segments()[0];
  Damage(path, EndOfBatches(path) + 20);
  Restart();
  EXPECT_FALSE(rig_.recovered(kGroup).suspect);
  EXPECT_EQ(rig_.recovered(kGroup).entries.size(), 12u);
}

TEST_F(LogSegmentsTest, ADamagedSegmentHeaderMakesItsGroupsSuspectAndLeavesOthersAlone) {
  rig_.Append(kOther, Create());
  Fill(kGroup, 20);
  rig_.Append(kOther, Append(1, 1));
  LetMarkersPass();
  Damage(rig_.Segments()[1], 9);
  Restart();
  EXPECT_TRUE(rig_.recovered(kGroup).suspect);
  EXPECT_FALSE(rig_.recovered(kOther).suspect);
}

TEST_F(LogSegmentsTest, ADamagedHeaderOfTheLastSegmentIsRefused) {
  Fill(kGroup, 20);
  Damage(rig_.Segments().back(), 9);
  rig_.Kill();
  EXPECT_EQ(rig_.Open().code(), absl::StatusCode::kDataLoss);
}

TEST_F(LogSegmentsTest, IdleGroupsThatPinTheOldestSegmentsAreNamedWorstFirst) {
  EXPECT_TRUE(rig_.log().GroupsPinningOldest().empty());
  rig_.Append(kOther, Create());
  rig_.Append(kOther, Append(1, 2));
  rig_.Append(ShardId(3), TombstoneRecord{ReplicaId(9)});
  Fill(kGroup, 60);
  rig_.Append(kGroup, Create(1, 60, 2));
  LetMarkersPass();
  ASSERT_GT(rig_.log().Status().bytes, rig_.options().budget_bytes);
  EXPECT_EQ(rig_.log().GroupsPinningOldest(), (std::vector<ShardId>{kOther, ShardId(3)}));
}

// raft-engine: rewrite_and_recover, rewrite_atomic_group.
TEST_F(LogSegmentsTest, ARewriteFreesTheOldSegmentsAndKeepsTheGroup) {
  rig_.Append(kOther, Create());
  rig_.Append(kOther, Append(1, 5));
  rig_.Append(kOther, Compact(2, 1, "note"));
  rig_.Append(kOther, Vote(6, 3));
  rig_.Append(ShardId(3), TombstoneRecord{ReplicaId(9)});
  Fill(kGroup, 60);
  rig_.Append(kGroup, Create(1, 60, 2));
  for (const ShardId group : rig_.log().GroupsPinningOldest()) EXPECT_TRUE(rig_.Rewrite(group));
  LetMarkersPass();
  EXPECT_TRUE(rig_.log().GroupsPinningOldest().empty());
  EXPECT_LT(rig_.Segments().size(), 3u);
  EXPECT_EQ(rig_.Read(kOther, 3, 5)->size(), 3u);
  Restart();
  const RecoveredGroup& group = rig_.recovered(kOther);
  EXPECT_EQ(Describe(group.entries), "3@1 4@1 5@1");
  EXPECT_EQ(group.hard_state.term, Term(6));
  EXPECT_EQ(group.engine_note, "note");
  EXPECT_EQ(rig_.recovery().tombstones[0].lowest_allowed, ReplicaId(9));
}

// raft-engine: partial_rewrite_rewrite_online, fetch_with_concurrently_rewrite.
TEST_F(LogSegmentsTest, ARewriteTakesInWhatIsAppendedWhileItReads) {
  rig_.Append(kGroup, Create());
  rig_.Append(kGroup, Append(1, 6));
  bool rewritten = false;
  rig_.Queue(kGroup, Append(7, 7));  // not even on its way to the disk
  rig_.log().Rewrite(kGroup, [&] { rewritten = true; });
  rig_.Queue(kGroup, Append(5, 6, 2));  // overwrites what is being read
  rig_.Queue(kGroup, Compact(2));
  rig_.Submit();
  rig_.Settle();
  EXPECT_TRUE(rewritten);
  EXPECT_EQ(Describe(*rig_.Read(kGroup, 3, 9)), "3@1 4@1 5@2 6@2");
  Restart();
  EXPECT_EQ(Describe(rig_.recovered(kGroup).entries), "3@1 4@1 5@2 6@2");
}

TEST_F(LogSegmentsTest, ASnapshotMakesARewriteInProgressUnnecessary) {
  rig_.Append(kGroup, Create());
  rig_.Append(kGroup, Append(1, 6));
  bool rewritten = false;
  rig_.log().Rewrite(kGroup, [&] { rewritten = true; });
  rig_.Queue(kGroup, Create(1, 40, 2));
  rig_.Queue(kGroup, Append(41, 41));
  rig_.Submit();
  rig_.Settle();
  EXPECT_TRUE(rewritten);
  Restart();
  EXPECT_EQ(Describe(rig_.recovered(kGroup).entries), "41@1");
}

TEST_F(LogSegmentsTest, SegmentsAreNotReusedUnderARead) {
  Fill(kGroup, 12);
  const std::string first = rig_.Segments()[0];
  std::vector<raft::Entry> read;
  rig_.log().ReadEntries(kGroup, LogIndex(1), LogIndex(12), 1 << 20,
                         [&](auto entries) { read = *std::move(entries); });
  rig_.Append(kGroup, Compact(12));
  LetMarkersPass();
  EXPECT_EQ(read.size(), 12u);
  EXPECT_FALSE(*rig_.disk().Exists(first)) << "afterwards it goes";
}

TEST_F(LogSegmentsTest, ARecordUnderWayReleasesNothingWhenAReadEnds) {
  Fill(kGroup, 12);
  const std::string first = rig_.Segments()[0];
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    LogRig rig(seed, rig_.options(), rig_.disk().CloneAfterCrash(1, CrashModel::LoseAllUnsynced()));
    rig.SetDelays({.work_delay_mean = std::chrono::milliseconds(1)});
    ASSERT_TRUE(rig.Open().ok());
    rig.RunFor(std::chrono::milliseconds(20));
    bool read = false;
    rig.log().ReadEntries(kGroup, LogIndex(1), LogIndex(12), 1 << 20, [&](auto) { read = true; });
    const size_t compacted = rig.Queue(kGroup, Compact(12));
    rig.Submit();
    while (!read || !rig.acked(compacted)) {
      ASSERT_TRUE(rig.acked(compacted) || *rig.disk().Exists(first)) << "seed " << seed;
      ASSERT_TRUE(rig.world().Step());
    }
  }
}

TEST_F(LogSegmentsTest, ReadsStopAtTheirBudgetButNotBeforeOneEntry) {
  rig_.Append(kGroup, Create());
  rig_.Append(kGroup, Append(1, 10, 1, 1000));
  EXPECT_EQ(rig_.Read(kGroup, 1, 10, 0)->size(), 1u);
  EXPECT_EQ(rig_.Read(kGroup, 1, 10, 3500)->size(), 3u);
  EXPECT_EQ(rig_.Read(kGroup, 8, 20, 1 << 20)->size(), 3u);
  EXPECT_EQ(rig_.Read(kGroup, 11, 20).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(rig_.Read(kOther, 1, 1).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(LogSegmentsTest, AnEntryDamagedOnDiskIsNotReadBack) {  // raft-engine: file_read_error
  rig_.Append(kGroup, Create());
  rig_.Append(kGroup, Append(1, 3, 1, 1000));
  const std::string path = rig_.Segments().back();
  Damage(path, EndOfBatches(path) - kLogBlockBytes + 1500);
  EXPECT_EQ(rig_.Read(kGroup, 1, 3).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(rig_.Read(kGroup, 1, 1).ok()) << "what is whole can still be read";
}

TEST_F(LogSegmentsTest, WhatIsOverwrittenWhileItIsReadIsNotHandedOut) {
  rig_.Append(kGroup, Create());
  rig_.Append(kGroup, Append(1, 6));
  absl::StatusCode code = absl::StatusCode::kOk;
  rig_.log().ReadEntries(kGroup, LogIndex(1), LogIndex(6), 1 << 20,
                         [&](const auto& entries) { code = entries.status().code(); });
  rig_.Queue(kGroup, Append(4, 4, 2));
  rig_.Settle();
  EXPECT_EQ(code, absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace flotilla::storage
