// Damage of every place of a small log: what was acknowledged is found, or the log says loudly that
// it is not. The last batch without a later one that vouches for it is the one exception, because a
// flipped bit there cannot be told from a torn write.
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "storage/log_recovery.h"
#include "storage/log_segment_reader.h"
#include "tests/storage/log_model.h"
#include "tests/storage/log_rig.h"
#include <gtest/gtest.h>

namespace flotilla::storage {
namespace {

using simulation::CrashModel;

struct BatchPlace {
  std::string path;
  uint64_t offset = 0;
  uint64_t used_bytes = 0;  // without the padding
  uint64_t bytes = 0;
  BatchHeader header;
};

class LogDamageTest : public ::testing::Test {
 protected:
  // One batch for each record.
  void Write(ShardId group, const LogRecord& record) {
    history_.Add(group, record);
    ASSERT_TRUE(rig_.Append(group, record));
    history_.Acknowledge(history_.size() - 1);
  }

  // Several groups and every kind of record; several segments, of which the first are deleted.
  void WriteSmallLog() {
    ASSERT_TRUE(rig_.Open().ok());
    Write(kGroup, Create());
    Write(kOther, Create(2));
    for (uint64_t i = 1; i <= 8; ++i) Write(kGroup, Append(i, i));
    Write(kGroup, Compact(8));
    Write(ShardId(9), TombstoneRecord{ReplicaId(3)});
    Write(kOther, Create(2, 50, 2));
    ASSERT_TRUE(rig_.Rewrite(kGroup));
    Write(kGroup, Append(9, 10));
    Write(kOther, Vote(7, 3));
    Write(kGroup, Append(10, 10, 2));
  }

  // Ends the process before a marker vouches for the last batch.
  void StopUnvouched() { rig_.PowerCut(CrashModel::LoseAllUnsynced()); }
  void StopVouched() {
    rig_.RunFor(rig_.options().marker_delay * 3);
    StopUnvouched();
  }

  std::vector<BatchPlace> Batches() {
    std::vector<BatchPlace> batches;
    for (const std::string& path : rig_.Segments()) {
      auto reader = SegmentReader::Open(rig_.disk(), path);
      uint64_t offset = kLogBlockBytes;
      while (true) {
        auto batch = reader->BatchAt(offset);
        if (!batch->has_value()) break;
        const BatchHeader& header = (*batch)->view.header;
        batches.push_back(
            {path, offset, kBatchHeaderBytes + header.item_bytes, header.BytesOnDisk(), header});
        offset = (*batch)->End();
      }
    }
    return batches;
  }

  Recovery Undamaged() { return ReadLog(rig_.options(), rig_.disk())->recovery; }

  // Empty when nothing was lost silently, compared with `truth`; else what was.
  std::string SilentLoss(const absl::StatusOr<RecoveredLog>& log, const Recovery& truth) {
    if (!log.ok()) return "";
    std::map<ShardId, const RecoveredGroup*> found;
    for (const RecoveredGroup& group : log->recovery.groups) found[group.group] = &group;
    if (found.size() != truth.groups.size()) return "another number of groups";
    for (const RecoveredGroup& group : truth.groups) {
      if (!found.contains(group.group)) return "group " + ToString(group.group) + " is gone";
      if (found[group.group]->suspect) continue;
      const Recovery expected{.groups = {group}, .tombstones = {}};
      const Recovery actual{.groups = {*found[group.group]}, .tombstones = {}};
      if (Describe(expected) != Describe(actual)) return Describe(actual);
    }
    if (log->recovery.tombstones.size() != truth.tombstones.size()) return "a tombstone is gone";
    for (size_t i = 0; i < truth.tombstones.size(); ++i) {
      if (log->recovery.tombstones[i].lowest_allowed != truth.tombstones[i].lowest_allowed) {
        return "a tombstone differs";
      }
    }
    return "";
  }

  // Calls check(path, byte, recovered) with every bit of the headers and batches flipped, and with
  // every 61st of the padding.
  template <typename Check>
  void FlipEveryBit(const Check& check) {
    for (const BatchPlace& batch : Batches()) {
      FlipBits(batch.path, batch.offset, batch.offset + batch.used_bytes, 1, check);
      FlipBits(batch.path, batch.offset + batch.used_bytes, batch.offset + batch.bytes, 61, check);
    }
    for (const std::string& path : rig_.Segments()) {
      FlipBits(path, 0, 64, 1, check);
      FlipBits(path, 64, kLogBlockBytes, 61, check);
    }
  }

  template <typename Check>
  void FlipBits(const std::string& path, uint64_t from, uint64_t to, uint64_t stride,
                const Check& check) {
    for (uint64_t bit = from * 8; bit < to * 8; bit += stride) {
      ASSERT_TRUE(rig_.disk().FlipBit(path, bit / 8, bit % 8).ok());
      check(path, bit / 8, ReadLog(rig_.options(), rig_.disk()));
      ASSERT_TRUE(rig_.disk().FlipBit(path, bit / 8, bit % 8).ok());
    }
  }

  LogRig rig_;
  RecordHistory history_;
};

TEST_F(LogDamageTest, NoFlippedBitLosesAnythingSilently) {
  WriteSmallLog();
  StopVouched();
  const Recovery truth = Undamaged();
  ASSERT_EQ(Describe(truth), history_.After(history_.size()).Describe());
  int unharmed = 0;
  int suspect = 0;
  int refused = 0;
  FlipEveryBit([&](const std::string& path, uint64_t byte, const auto& log) {
    ASSERT_EQ(SilentLoss(log, truth), "") << path << " byte " << byte;
    if (!log.ok()) {
      ++refused;
    } else if (Describe(log->recovery) == Describe(truth)) {
      ++unharmed;
    } else {
      ++suspect;
    }
  });
  // Each outcome is a real one.
  EXPECT_GT(unharmed, 100);
  EXPECT_GT(suspect, 1000);
  EXPECT_GT(refused, 100);
}

TEST_F(LogDamageTest, OnlyTheUnvouchedLastBatchCanBeLostToAFlippedBit) {
  WriteSmallLog();
  StopUnvouched();
  const Recovery truth = Undamaged();
  const BatchPlace last = Batches().back();
  ASSERT_EQ(last.header.kind, BatchKind::kItems);
  ASSERT_GT(last.header.item_count, 0u);
  const std::string without_last = history_.After(history_.size() - 1).Describe();
  int lost = 0;
  FlipEveryBit([&](const std::string& path, uint64_t byte, const auto& log) {
    const bool in_last =
        path == last.path && byte >= last.offset && byte < last.offset + last.used_bytes;
    if (in_last) {
      ASSERT_TRUE(log.ok());
      ASSERT_EQ(Describe(log->recovery), without_last) << path << " byte " << byte;
      ++lost;
    } else {
      ASSERT_EQ(SilentLoss(log, truth), "") << path << " byte " << byte;
    }
  });
  EXPECT_EQ(lost, static_cast<int>(last.used_bytes * 8));
}

TEST_F(LogDamageTest, ADamagedBatchIsSuspicionOnlyForGroupsThatItMayHaveHeld) {
  ASSERT_TRUE(rig_.Open().ok());
  Write(kGroup, Create());
  Write(kOther, Create());
  Write(ShardId(9), Create());
  Write(kGroup, Append(1, 1));
  Write(kOther, Append(1, 1));  // damaged below
  Write(kGroup, Append(2, 2));
  Write(kOther, Append(2, 2));
  StopVouched();
  const BatchPlace damaged = Batches()[4];
  ASSERT_TRUE(rig_.disk().FlipBit(damaged.path, damaged.offset + 70, 0).ok());
  ASSERT_TRUE(rig_.Open().ok());
  EXPECT_FALSE(rig_.recovered(kGroup).suspect) << "its next item follows without a gap";
  EXPECT_EQ(Describe(rig_.recovered(kGroup).entries), "1@1 2@1");
  EXPECT_TRUE(rig_.recovered(kOther).suspect);
  EXPECT_TRUE(rig_.recovered(ShardId(9)).suspect) << "nothing was heard of it since";
}

// Its records were written again, in one batch, when their segments were released.
TEST_F(LogDamageTest, AnIdleGroupOfWhichNothingIsLeftIsMissed) {
  ASSERT_TRUE(rig_.Open().ok());
  Write(kOther, Create(2));
  Write(ShardId(9), TombstoneRecord{ReplicaId(3)});
  Write(kGroup, Create());
  for (uint64_t i = 1; i <= 8; ++i) Write(kGroup, Append(i, i));
  // In another life of the process.
  StopVouched();
  ASSERT_TRUE(rig_.Open().ok());
  ASSERT_TRUE(rig_.Rewrite(ShardId(9)));
  Write(kGroup, Compact(8));
  Write(kGroup, Append(9, 9));
  ASSERT_TRUE(rig_.Rewrite(kOther));
  for (uint64_t i = 10; i <= 14; ++i) Write(kGroup, Append(i, i));
  StopVouched();
  ASSERT_EQ(rig_.Segments().front().find("0001.wal"), std::string::npos) << "it is not released";
  const Recovery truth = Undamaged();
  int missed = 0;
  for (const BatchPlace& batch : Batches()) {
    FlipBits(batch.path, batch.offset + 8, batch.offset + 9, 8,
             [&](const std::string& path, uint64_t byte, const auto& log) {
               ASSERT_EQ(SilentLoss(log, truth), "") << path << " byte " << byte;
               const std::string why = log.status().ToString();
               if (why.find("of 3 groups only") != std::string::npos) ++missed;
             });
  }
  EXPECT_EQ(missed, 1);
}

TEST_F(LogDamageTest, ALostVoteIsNoticedAlthoughTheEntriesGoOn) {
  ASSERT_TRUE(rig_.Open().ok());
  Write(kGroup, Create());
  Write(kGroup, Append(1, 1));
  Write(kGroup, Vote(5, 2));  // damaged below
  Write(kGroup, Append(2, 2));
  StopVouched();
  const BatchPlace damaged = Batches()[2];
  ASSERT_TRUE(rig_.disk().FlipBit(damaged.path, damaged.offset + 70, 0).ok());
  ASSERT_TRUE(rig_.Open().ok());
  EXPECT_TRUE(rig_.recovered(kGroup).suspect);
}

TEST_F(LogDamageTest, ARewriteOrASnapshotAfterTheDamageClearsTheSuspicion) {
  ASSERT_TRUE(rig_.Open().ok());
  Write(kGroup, Create());
  Write(kOther, Create());
  Write(kGroup, Append(1, 2));  // damaged below
  Write(kOther, Append(1, 1));
  ASSERT_TRUE(rig_.Rewrite(kGroup));
  Write(kOther, Create(1, 9, 2));
  StopVouched();
  const BatchPlace damaged = Batches()[2];
  ASSERT_TRUE(rig_.disk().FlipBit(damaged.path, damaged.offset, 3).ok());
  ASSERT_TRUE(rig_.Open().ok());
  EXPECT_FALSE(rig_.recovered(kGroup).suspect);
  EXPECT_EQ(Describe(rig_.recovered(kGroup).entries), "1@1 2@1");
  EXPECT_FALSE(rig_.recovered(kOther).suspect);
}

TEST_F(LogDamageTest, ALostCreationIsRefusedBecauseNobodyKnowsWhoWasCreated) {
  ASSERT_TRUE(rig_.Open().ok());
  Write(kGroup, Create());
  Write(kOther, Create());  // damaged below
  Write(kGroup, Append(1, 2));
  StopVouched();
  const BatchPlace damaged = Batches()[1];
  ASSERT_TRUE(rig_.disk().FlipBit(damaged.path, damaged.offset + 80, 3).ok());
  EXPECT_EQ(rig_.Open().code(), absl::StatusCode::kDataLoss);
}

TEST_F(LogDamageTest, ASuspicionOutlivesTheDamagedSegment) {
  ASSERT_TRUE(rig_.Open().ok());
  Write(kGroup, Create());
  Write(kOther, Create());
  Write(kOther, Append(1, 2));  // damaged below
  Write(kGroup, Append(1, 1));
  StopVouched();
  const BatchPlace damaged = Batches()[2];
  ASSERT_TRUE(rig_.disk().FlipBit(damaged.path, damaged.offset, 3).ok());
  ASSERT_TRUE(rig_.Open().ok());
  ASSERT_TRUE(rig_.recovered(kOther).suspect);
  EXPECT_TRUE(rig_.recovered(kOther).entries.empty());
  EXPECT_EQ(rig_.recovered(kOther).generation, Generation(1)) << "a source of snapshot files";
  ASSERT_FALSE(rig_.recovered(kGroup).suspect);
  for (uint64_t i = 2; i <= 20; ++i) ASSERT_TRUE(rig_.Append(kGroup, Append(i, i)));
  ASSERT_TRUE(rig_.Append(kGroup, Create(1, 100, 2)));
  StopVouched();
  ASSERT_NE(rig_.Segments().front(), damaged.path) << "the damage is gone";
  ASSERT_TRUE(rig_.Open().ok());
  EXPECT_TRUE(rig_.recovered(kOther).suspect);
  EXPECT_FALSE(rig_.recovered(kGroup).suspect);
  ASSERT_TRUE(rig_.Rewrite(kOther)) << "which does not whitewash it";
  StopVouched();
  ASSERT_TRUE(rig_.Open().ok());
  EXPECT_TRUE(rig_.recovered(kOther).suspect);
  ASSERT_TRUE(rig_.Append(kOther, Create(5)));
  StopVouched();
  ASSERT_TRUE(rig_.Open().ok());
  EXPECT_FALSE(rig_.recovered(kOther).suspect) << "another replica, above suspicion";
}

TEST_F(LogDamageTest, AnImageOfTheLogInsideAValueIsNotTakenForTheLog) {
  rig_.options().segment_bytes = 16 * kLogBlockBytes;
  ASSERT_TRUE(rig_.Open().ok());
  Write(kGroup, Create());
  Write(kOther, Create());
  // Where a payload begins inside its batch is the same for the next one of its size.
  Write(kGroup, Append(1, 1, 1, 9000));
  const BatchPlace probe = Batches()[2];
  const std::string file = *ReadWholeFile(rig_.disk(), probe.path);
  const uint64_t skew = file.find("1@1.") % kLogBlockBytes;
  std::string payload(9000, 'x');
  payload.replace(kLogBlockBytes - skew, kLogBlockBytes,
                  file.substr(kLogBlockBytes, kLogBlockBytes));
  AppendRecord record = Append(2, 2);
  record.entries[0].payload = MakeBytes(payload);
  Write(kGroup, record);
  Write(kOther, Append(1, 1));
  StopVouched();
  const BatchPlace holder = Batches()[3];
  auto reader = SegmentReader::Open(rig_.disk(), holder.path);
  ASSERT_TRUE((*reader->BatchAt(holder.offset + kLogBlockBytes)).has_value()) << "a good forgery";
  ASSERT_TRUE(rig_.disk().FlipBit(holder.path, holder.offset + 20, 0).ok());
  ASSERT_TRUE(rig_.Open().ok());
  EXPECT_TRUE(rig_.recovered(kGroup).suspect);
  EXPECT_FALSE(rig_.recovered(kOther).suspect);
}

// raft-engine: tail_corruption; LogCabin: loadOpenSegment_{corruptDelete,truncateZeroAndOk};
// tan: RecoverLastPartialBlock.
TEST_F(LogDamageTest, ALogCutAtAnyByteOfItsLastBatchesHoldsAllThatCameBefore) {
  WriteSmallLog();
  StopUnvouched();
  const std::vector<BatchPlace> batches = Batches();
  for (size_t back = 1; back <= 3; ++back) {
    const BatchPlace& batch = batches[batches.size() - back];
    ASSERT_EQ(batch.path, batches.back().path);
    const std::string before = history_.After(history_.size() - back).Describe();
    const std::string after = history_.After(history_.size() - back + 1).Describe();
    for (uint64_t size = batch.offset; size < batch.offset + batch.bytes; ++size) {
      const auto disk = rig_.disk().CloneAfterCrash(1, {});
      ASSERT_TRUE((*disk->Open(batch.path, OpenMode::kReadWrite))->Truncate(size).ok());
      const auto log = ReadLog(rig_.options(), *disk);
      ASSERT_TRUE(log.ok()) << log.status();
      // A file that ends inside the padding is not what this log writes.
      ASSERT_EQ(Describe(log->recovery), before) << "cut at " << size;
      if (size > batch.offset + 64 && size % 16 != 0) size += 13;
    }
    const auto disk = rig_.disk().CloneAfterCrash(1, {});
    const auto file = disk->Open(batch.path, OpenMode::kReadWrite);
    ASSERT_TRUE((*file)->Truncate(batch.offset + batch.bytes).ok());
    EXPECT_EQ(Describe(ReadLog(rig_.options(), *disk)->recovery), after);
  }
}

TEST_F(LogDamageTest, ATornBatchIsCutWhateverItsMissingPartHolds) {
  WriteSmallLog();
  StopUnvouched();
  const BatchPlace last = Batches().back();
  const std::string before = history_.After(history_.size() - 1).Describe();
  Random random(1);
  for (uint64_t cut = last.offset; cut < last.offset + last.used_bytes; ++cut) {
    for (const bool garbage : {false, true}) {
      const auto disk = rig_.disk().CloneAfterCrash(1, {});
      std::string rest(last.offset + last.bytes - cut, '\0');
      if (garbage) {
        for (char& c : rest) c = static_cast<char>(random.Next());
      }
      ASSERT_TRUE((*disk->Open(last.path, OpenMode::kReadWrite))->Write(cut, rest).ok());
      const auto log = ReadLog(rig_.options(), *disk);
      ASSERT_TRUE(log.ok()) << log.status();
      ASSERT_EQ(Describe(log->recovery), before) << "torn at " << cut;
      ASSERT_EQ(log->tail->offset, last.offset);
    }
  }
}

}  // namespace
}  // namespace flotilla::storage
