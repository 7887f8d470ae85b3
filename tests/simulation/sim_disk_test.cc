#include "tests/simulation/sim_disk.h"

#include <algorithm>
#include <memory>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

constexpr size_t kSector = kSectorBytes;

std::unique_ptr<File> OpenFile(Disk& disk, const std::string& path,
                               OpenMode mode = OpenMode::kCreateOrReuse) {
  auto file = disk.Open(path, mode);
  EXPECT_TRUE(file.ok()) << file.status();
  return *std::move(file);
}

// A file whose name is durable and whose contents are `contents`, durable.
void WriteDurably(Disk& disk, const std::string& path, std::string_view contents) {
  const auto file = OpenFile(disk, path);
  EXPECT_TRUE(file->Truncate(0).ok());
  EXPECT_TRUE(file->Write(0, contents).ok());
  EXPECT_TRUE(file->Sync().ok());
  EXPECT_TRUE(disk.SyncDir(ParentFolder(path)).ok());
}

std::string Contents(Disk& disk, const std::string& path) {
  const auto contents = ReadWholeFile(disk, path);
  return contents.ok() ? *contents : "<" + std::string(contents.status().ToString()) + ">";
}

class SimDiskTest : public ::testing::Test {
 protected:
  SimDisk disk_{1};
};

TEST_F(SimDiskTest, ACrashLosesUnsyncedBytesAndKeepsSyncedOnes) {
  WriteDurably(disk_, "f", "synced");
  const auto file = OpenFile(disk_, "f");
  ASSERT_TRUE(file->Write(0, "unsync").ok());
  EXPECT_EQ(Contents(disk_, "f"), "unsync") << "the page cache shows it at once";
  disk_.Crash(CrashModel::LoseAllUnsynced());
  EXPECT_EQ(Contents(disk_, "f"), "synced");
}

TEST_F(SimDiskTest, AKilledProcessLosesNothing) {
  const auto file = OpenFile(disk_, "f");
  ASSERT_TRUE(file->Write(0, "unsynced").ok());
  disk_.KillProcess();
  EXPECT_EQ(Contents(disk_, "f"), "unsynced");
  disk_.Crash(CrashModel::LoseAllUnsynced());
  EXPECT_EQ(disk_.Exists("f").value(), false) << "a later power cut still does";
}

TEST_F(SimDiskTest, EachUnsyncedSectorHasAFateOfItsOwn) {
  const std::string before(64 * kSector, 'a');
  WriteDurably(disk_, "f", before);
  ASSERT_TRUE(OpenFile(disk_, "f")->Write(0, std::string(64 * kSector, 'b')).ok());
  const auto after =
      disk_.CloneAfterCrash(7, {.keep_old = 1, .keep_new = 1, .zero = 1, .garbage = 1});
  const std::string contents = Contents(*after, "f");
  ASSERT_EQ(contents.size(), before.size());
  std::set<std::string> fates;
  for (size_t at = 0; at < contents.size(); at += kSector) {
    const std::string sector = contents.substr(at, kSector);
    const bool whole = sector == std::string(kSector, sector[0]);
    fates.insert(whole ? std::string(1, sector[0]) : "garbage");
  }
  EXPECT_EQ(fates, (std::set<std::string>{"a", "b", std::string(1, '\0'), "garbage"}));
}

TEST_F(SimDiskTest, ACrashLeavesSyncedSectorsOfAFileInWritingAlone) {
  WriteDurably(disk_, "f", std::string(8 * kSector, 'a'));
  ASSERT_TRUE(OpenFile(disk_, "f")->Write(4 * kSector, std::string(kSector, 'b')).ok());
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const auto after = disk_.CloneAfterCrash(seed, {.zero = 1, .garbage = 1});
    std::string contents = Contents(*after, "f");
    contents.erase(4 * kSector, kSector);
    EXPECT_EQ(contents, std::string(7 * kSector, 'a'));
  }
}

TEST_F(SimDiskTest, AnUnsyncedSizeMayOrMayNotSurvive) {
  WriteDurably(disk_, "f", "ab");
  ASSERT_TRUE(OpenFile(disk_, "f")->Write(2, std::string(1000, 'c')).ok());
  std::set<size_t> sizes;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    sizes.insert(Contents(*disk_.CloneAfterCrash(seed, {}), "f").size());
  }
  EXPECT_TRUE(sizes.contains(2));
  EXPECT_TRUE(sizes.contains(1002));
  EXPECT_GT(sizes.size(), 2u) << "a part of the append may survive";
}

TEST_F(SimDiskTest, ANameThatWasNotSyncedIsLostWithItsSyncedContents) {
  const auto file = OpenFile(disk_, "f");
  ASSERT_TRUE(file->Write(0, "synced").ok());
  ASSERT_TRUE(file->Sync().ok());
  disk_.Crash(CrashModel::LoseAllUnsynced());
  EXPECT_EQ(disk_.Exists("f").value(), false);
}

TEST_F(SimDiskTest, ASyncedFileInAFolderWithoutADurableNameIsLost) {
  ASSERT_TRUE(disk_.CreateFolder("a/b").ok());
  WriteDurably(disk_, "a/b/f", "x");
  ASSERT_TRUE(disk_.SyncDir("a").ok());
  disk_.Crash(CrashModel::LoseAllUnsynced());
  EXPECT_EQ(disk_.Exists("a").value(), false);
}

TEST_F(SimDiskTest, ARenameIsAtomicAndDurableWithItsFolder) {
  WriteDurably(disk_, "new", "new");
  WriteDurably(disk_, "f", "old");
  ASSERT_TRUE(disk_.Rename("new", "f").ok());
  std::set<std::string> outcomes;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const auto after = disk_.CloneAfterCrash(seed, {});
    const bool source_left = after->Exists("new").value();
    outcomes.insert(Contents(*after, "f") + (source_left ? "+source" : ""));
  }
  EXPECT_EQ(outcomes, (std::set<std::string>{"new", "old+source"}));
  ASSERT_TRUE(disk_.SyncDir(".").ok());
  disk_.Crash(CrashModel::LoseAllUnsynced());
  EXPECT_EQ(Contents(disk_, "f"), "new");
}

TEST_F(SimDiskTest, ARemovedFileComesBackWhenTheRemovalWasNotSynced) {
  WriteDurably(disk_, "f", "x");
  ASSERT_TRUE(disk_.Remove("f").ok());
  EXPECT_EQ(disk_.Exists("f").value(), false);
  disk_.Crash(CrashModel::LoseAllUnsynced());
  EXPECT_EQ(Contents(disk_, "f"), "x");
}

TEST_F(SimDiskTest, ReplaceFileDurablySurvivesACrashAtEveryCallWholeOldOrNew) {
  WriteDurably(disk_, "f", "old contents");
  const uint64_t before = disk_.calls();
  const auto rehearsal = disk_.CloneAfterCrash(0, CrashModel::LoseAllUnsynced());
  ASSERT_TRUE(ReplaceFileDurably(*rehearsal, "f", "new").ok());
  const uint64_t calls = rehearsal->calls();
  ASSERT_GT(calls, 4u);
  for (uint64_t k = 1; k <= calls; ++k) {
    const auto disk = disk_.CloneAfterCrash(k, CrashModel::LoseAllUnsynced());
    disk->DieAtCall(k);
    EXPECT_FALSE(ReplaceFileDurably(*disk, "f", "new").ok());
    disk->Crash({.zero = 1, .garbage = 1});
    const std::string contents = Contents(*disk, "f");
    EXPECT_TRUE(contents == "old contents" || contents == "new") << k << ": " << contents;
  }
  EXPECT_EQ(disk_.calls(), before) << "clones do not touch the original";
}

TEST_F(SimDiskTest, HardLinksShareContentsAlsoAfterACrash) {
  WriteDurably(disk_, "f", "one");
  ASSERT_TRUE(disk_.Link("f", "g").ok());
  ASSERT_TRUE(disk_.SyncDir(".").ok());
  const auto file = OpenFile(disk_, "g");
  ASSERT_TRUE(file->Write(0, "two").ok());
  ASSERT_TRUE(file->Sync().ok());
  disk_.Crash(CrashModel::LoseAllUnsynced());
  EXPECT_EQ(Contents(disk_, "f"), "two");
  ASSERT_TRUE(OpenFile(disk_, "f")->Write(0, "six").ok());
  EXPECT_EQ(Contents(disk_, "g"), "six");
}

TEST_F(SimDiskTest, AfterAFailedSyncTheNextOneSucceedsWithoutWriting) {
  WriteDurably(disk_, "f", "old");
  const auto file = OpenFile(disk_, "f");
  ASSERT_TRUE(file->Write(0, "new").ok());
  disk_.FailNextSync();
  EXPECT_EQ(file->Sync().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(file->Sync().ok());
  EXPECT_EQ(Contents(disk_, "f"), "new");
  disk_.Crash({});
  EXPECT_EQ(Contents(disk_, "f"), "old");
}

TEST_F(SimDiskTest, AFailedReadIsAnIoErrorOnce) {
  WriteDurably(disk_, "f", "x");
  const auto file = OpenFile(disk_, "f");
  disk_.FailNextRead();
  EXPECT_EQ(file->Read(0, 1).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(file->Read(0, 1).ok());
}

TEST_F(SimDiskTest, AFailedWriteMayHaveWrittenAPart) {
  const auto file = OpenFile(disk_, "f");
  std::set<uint64_t> sizes;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(file->Truncate(0).ok());
    disk_.FailNextWrite();
    EXPECT_EQ(file->Write(0, "abcd").code(), absl::StatusCode::kDataLoss);
    sizes.insert(file->Size().value());
  }
  EXPECT_EQ(sizes, (std::set<uint64_t>{0, 1, 2, 3, 4}));
}

TEST_F(SimDiskTest, AFullDiskWritesWhatFitsAndSaysSo) {
  disk_.SetOptions({.capacity_bytes = 10});
  const auto file = OpenFile(disk_, "f");
  EXPECT_TRUE(file->Write(0, "12345678").ok());
  EXPECT_EQ(disk_.FreeBytes(".").value(), 2u);
  EXPECT_EQ(file->Write(8, "abcd").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Contents(disk_, "f"), "12345678ab");
  EXPECT_TRUE(file->Write(0, "over").ok()) << "overwriting needs no space";
}

TEST_F(SimDiskTest, ErrorsAreDrawnAtTheirRate) {
  disk_.SetOptions({.read_error = 500'000});
  const auto file = OpenFile(disk_, "f");
  int failed = 0;
  for (int i = 0; i < 1000; ++i) failed += file->Read(0, 1).ok() ? 0 : 1;
  EXPECT_GT(failed, 400);
  EXPECT_LT(failed, 600);
}

TEST_F(SimDiskTest, AFlippedBitIsSeenAndStays) {
  WriteDurably(disk_, "f", "a");
  ASSERT_TRUE(disk_.FlipBit("f", 0, 1).ok());
  EXPECT_EQ(Contents(disk_, "f"), "c");
  disk_.Crash({});
  EXPECT_EQ(Contents(disk_, "f"), "c");
}

TEST_F(SimDiskTest, ALatentErrorFailsEveryReadThatMeetsItUntilTheSectorIsWritten) {
  WriteDurably(disk_, "f", std::string(4 * kSector, 'a'));
  ASSERT_TRUE(disk_.LoseSector("f", kSector + 7).ok());
  const auto file = OpenFile(disk_, "f");
  EXPECT_EQ(file->Read(0, 4 * kSector).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_FALSE(file->Read(2 * kSector - 1, 1).ok());
  EXPECT_TRUE(file->Read(0, kSector).ok());
  EXPECT_TRUE(file->Read(2 * kSector, kSector).ok());
  disk_.Crash({});
  EXPECT_FALSE(ReadWholeFile(disk_, "f").ok()) << "it outlives a crash";
  EXPECT_EQ(disk_.counts().unreadable, 3u);
  ASSERT_TRUE(OpenFile(disk_, "f")->Write(kSector, std::string(kSector, 'b')).ok());
  EXPECT_TRUE(ReadWholeFile(disk_, "f").ok());
}

TEST_F(SimDiskTest, AReadOfWhatWasChangedIsCounted) {
  WriteDurably(disk_, "f", std::string(2 * kSector, 'a'));
  ASSERT_TRUE(disk_.FlipBit("f", 0, 0).ok());
  const auto file = OpenFile(disk_, "f");
  EXPECT_TRUE(file->Read(kSector, 10).ok());
  EXPECT_EQ(disk_.counts().changed, 0u);
  EXPECT_TRUE(file->Read(0, 10).ok());
  EXPECT_EQ(disk_.counts().changed, 1u);
}

TEST_F(SimDiskTest, AMisdirectedWriteLandsOnAnotherSectorAndLeavesTheOldData) {
  const std::string before(16 * kSector, 'a');
  ASSERT_TRUE(disk_.CreateFolder("log").ok());
  WriteDurably(disk_, "log/f", before);
  WriteDurably(disk_, "f", before);
  disk_.MisdirectNextWrite("log/", false);
  ASSERT_TRUE(OpenFile(disk_, "f")->Write(0, "b").ok());
  EXPECT_EQ(Contents(disk_, "f")[0], 'b') << "another file";
  const auto file = OpenFile(disk_, "log/f");
  ASSERT_TRUE(file->Write(kSector, std::string(kSector, 'b')).ok());
  ASSERT_TRUE(file->Sync().ok());
  const std::string contents = Contents(disk_, "log/f");
  EXPECT_EQ(contents.substr(kSector, kSector), std::string(kSector, 'a'));
  const size_t landing = contents.find('b');
  ASSERT_NE(landing, std::string::npos);
  EXPECT_EQ(landing % kSector, 0u);
  EXPECT_EQ(std::count(contents.begin(), contents.end(), 'b'), static_cast<long>(kSector));
  disk_.Crash(CrashModel::LoseAllUnsynced());
  EXPECT_EQ(Contents(disk_, "log/f"), contents);
  EXPECT_EQ(disk_.counts().misdirected, 1u);
  ASSERT_TRUE(OpenFile(disk_, "log/f")->Write(0, "c").ok());
  EXPECT_EQ(Contents(disk_, "log/f")[0], 'c') << "one only";
}

TEST_F(SimDiskTest, AMisdirectedWriteOfAWholeFileIsNowhere) {
  disk_.MisdirectNextWrite("f", false);
  const auto file = OpenFile(disk_, "f");
  ASSERT_TRUE(file->Write(0, "abc").ok());
  EXPECT_EQ(Contents(disk_, "f"), std::string(3, '\0'));
}

TEST_F(SimDiskTest, AMisdirectedWriteThatNothingVouchesForIsFoundInItsPlaceAfterACrash) {
  const std::string before(16 * kSector, 'a');
  for (const bool vouched : {false, true}) {
    WriteDurably(disk_, "f", before);
    disk_.MisdirectNextWrite("f", true);
    const auto file = OpenFile(disk_, "f");
    ASSERT_TRUE(file->Write(0, std::string(kSector, 'b')).ok());
    ASSERT_TRUE(file->Sync().ok());
    EXPECT_EQ(Contents(disk_, "f")[0], 'a');
    if (vouched) {
      ASSERT_TRUE(file->Write(15 * kSector, "c").ok());
      ASSERT_TRUE(file->Sync().ok());
    }
    disk_.Crash(CrashModel::LoseAllUnsynced());
    const std::string healed = std::string(kSector, 'b') + std::string(15 * kSector, 'a');
    EXPECT_EQ(Contents(disk_, "f") == healed, !vouched);
  }
  EXPECT_EQ(disk_.counts().misdirected, 1u);
}

TEST_F(SimDiskTest, TheHarnessLooksWithoutCallingTheDisk) {
  ASSERT_TRUE(disk_.CreateFolder("a/b").ok());
  WriteDurably(disk_, "a/b/f", "x");
  WriteDurably(disk_, "a/e", "y");
  WriteDurably(disk_, "g", "z");
  const uint64_t calls = disk_.calls();
  EXPECT_EQ(disk_.FilesBelow("a"), (std::vector<std::string>{"a/b/f", "a/e"}));
  EXPECT_EQ(disk_.Peek("a/b/f"), "x");
  EXPECT_EQ(disk_.Peek("none"), "");
  EXPECT_EQ(disk_.calls(), calls);
}

TEST_F(SimDiskTest, WhatACrashLostIsCounted) {
  WriteDurably(disk_, "f", std::string(64 * kSector, 'a'));
  ASSERT_TRUE(OpenFile(disk_, "f")->Write(0, std::string(64 * kSector, 'b')).ok());
  ASSERT_TRUE(OpenFile(disk_, "unnamed")->Write(0, "x").ok());
  disk_.Crash({.keep_name = 0});
  EXPECT_GT(disk_.counts().lost.sectors, 10u);
  EXPECT_LT(disk_.counts().lost.sectors, 54u);
  EXPECT_EQ(disk_.counts().lost.torn_files, 1u);
  EXPECT_EQ(disk_.counts().lost.names, 1u);
}

TEST_F(SimDiskTest, ErrorsAreCountedByKind) {
  const auto file = OpenFile(disk_, "f");
  disk_.FailNextWrite();
  EXPECT_FALSE(file->Write(0, "abc").ok());
  disk_.FailNextRead();
  EXPECT_FALSE(file->Read(0, 1).ok());
  disk_.FailNextSync();
  EXPECT_FALSE(file->Sync().ok());
  disk_.SetOptions({.capacity_bytes = 2});
  EXPECT_FALSE(file->Write(0, "abcdef").ok());
  const DiskCounts& counts = disk_.counts();
  EXPECT_EQ(counts.write_errors, 1u);
  EXPECT_EQ(counts.read_errors, 1u);
  EXPECT_EQ(counts.sync_errors, 1u);
  EXPECT_EQ(counts.no_space, 1u);
}

TEST_F(SimDiskTest, FromTheChosenCallOnEveryCallFailsUntilTheCrash) {
  const auto file = OpenFile(disk_, "f");
  int died = 0;
  disk_.DieAtCall(2, [&] { ++died; });
  EXPECT_TRUE(file->Write(0, "a").ok());
  EXPECT_FALSE(file->Sync().ok());
  EXPECT_FALSE(file->Read(0, 1).ok());
  EXPECT_FALSE(disk_.Exists("f").ok());
  EXPECT_EQ(died, 1);
  disk_.Crash(CrashModel::LoseAllUnsynced());
  EXPECT_TRUE(disk_.Exists("f").ok());
}

TEST_F(SimDiskTest, ADeathMayFollowACallOfAChosenKind) {
  const auto file = OpenFile(disk_, "f");
  int died = 0;
  disk_.DieAfterCall(DiskCall::kSync, 2, 1, [&] { ++died; });
  EXPECT_TRUE(file->Sync().ok());
  EXPECT_TRUE(file->Write(0, "a").ok());
  EXPECT_TRUE(file->Sync().ok()) << "it is carried out";
  EXPECT_TRUE(file->Write(1, "b").ok()) << "and so is one more";
  EXPECT_FALSE(file->Write(2, "c").ok());
  EXPECT_EQ(died, 1);
}

TEST_F(SimDiskTest, FilesAndLocksOfAFormerLifeAreDead) {
  WriteDurably(disk_, "f", "x");
  const auto file = OpenFile(disk_, "f");
  const auto lock = disk_.Lock("lock");
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(disk_.Lock("lock").status().code(), absl::StatusCode::kFailedPrecondition);
  disk_.KillProcess();
  EXPECT_FALSE(file->Write(0, "y").ok());
  EXPECT_TRUE(disk_.Lock("lock").ok());
}

TEST_F(SimDiskTest, CallsCostTheirLatencyAndStallsMore) {
  const auto file = OpenFile(disk_, "f");
  EXPECT_EQ(disk_.TakeLatency(), Duration::zero());
  disk_.SetOptions({.sync_latency_mean = std::chrono::milliseconds(1)});
  ASSERT_TRUE(file->Sync().ok());
  EXPECT_GT(disk_.TakeLatency(), Duration::zero());
  EXPECT_EQ(disk_.TakeLatency(), Duration::zero()) << "taken once";
  disk_.SetOptions({.stall = 1'000'000, .stall_mean = std::chrono::seconds(10)});
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(file->Sync().ok());
  EXPECT_GT(disk_.TakeLatency(), std::chrono::seconds(20));
}

TEST_F(SimDiskTest, OneSeedCrashesAlikeAndAnotherOtherwise) {
  ASSERT_TRUE(OpenFile(disk_, "f")->Write(0, std::string(32 * kSector, 'a')).ok());
  ASSERT_TRUE(disk_.SyncDir(".").ok());
  const CrashModel model{.garbage = 1};
  const std::string first = Contents(*disk_.CloneAfterCrash(1, model), "f");
  EXPECT_EQ(first, Contents(*disk_.CloneAfterCrash(1, model), "f"));
  EXPECT_NE(first, Contents(*disk_.CloneAfterCrash(2, model), "f"));
}

}  // namespace
}  // namespace flotilla::simulation
