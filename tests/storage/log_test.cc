// What the log promises when nothing goes wrong but restarts and power cuts.
#include "storage/log.h"

#include <memory>
#include <string>
#include <vector>

#include "tests/storage/log_rig.h"
#include <gtest/gtest.h>

namespace flotilla::storage {
namespace {

using simulation::CrashModel;

class LogTest : public ::testing::Test {
 protected:
  // Everything unsynced is lost, then the log is opened again.
  void Restart() {
    rig_.PowerCut(CrashModel::LoseAllUnsynced());
    ASSERT_TRUE(rig_.Open().ok());
  }
  void SetUp() override { ASSERT_TRUE(rig_.Open().ok()); }

  LogRig rig_;
};

TEST_F(LogTest, AFreshFolderIsAnEmptyLog) {
  EXPECT_TRUE(rig_.recovery().groups.empty());
  EXPECT_TRUE(rig_.recovery().tombstones.empty());
  Restart();
  EXPECT_TRUE(rig_.recovery().groups.empty());
}

TEST_F(LogTest, WhatWasAcknowledgedIsFoundAfterAPowerCut) {
  ASSERT_TRUE(rig_.Append(kGroup, Create()));
  ASSERT_TRUE(rig_.Append(kGroup, Append(1, 3)));
  ASSERT_TRUE(rig_.Append(kGroup, Vote(4, 2)));
  Restart();
  ASSERT_EQ(rig_.recovery().groups.size(), 1u);
  const RecoveredGroup& group = rig_.recovered(kGroup);
  EXPECT_EQ(group.replica, ReplicaId(1));
  EXPECT_EQ(group.generation, Generation(1));
  EXPECT_EQ(group.hard_state.term, Term(4));
  EXPECT_EQ(group.hard_state.vote, ReplicaId(2));
  EXPECT_EQ(group.engine_note, "created");
  EXPECT_EQ(group.snapshot.configuration, ThreeMembers());
  EXPECT_EQ(Describe(group.entries), "1@1 2@1 3@1");
  EXPECT_FALSE(group.suspect);
}

TEST_F(LogTest, OnlyConfigurationsAreRecoveredWithTheirPayload) {
  AppendRecord record = Append(1, 2);
  record.entries[1].kind = raft::EntryKind::kConfiguration;
  ASSERT_TRUE(rig_.Append(kGroup, Create()));
  ASSERT_TRUE(rig_.Append(kGroup, record));
  Restart();
  const RecoveredGroup& group = rig_.recovered(kGroup);
  EXPECT_EQ(group.entries[0].payload, nullptr);
  EXPECT_EQ(View(group.entries[1].payload), View(record.entries[1].payload));
  EXPECT_EQ(*rig_.log().LoadEntries(kGroup, LogIndex(1), LogIndex(2)), record.entries);
}

TEST_F(LogTest, ARunningLogRecallsWhatARestartWouldRecover) {
  EXPECT_FALSE(rig_.log().Recall(kGroup).has_value());
  ASSERT_TRUE(rig_.Append(kGroup, Create()));
  ASSERT_TRUE(rig_.Append(kGroup, Append(1, 3)));
  const std::optional<RecalledGroup> recalled = rig_.log().Recall(kGroup);
  ASSERT_TRUE(recalled.has_value());
  EXPECT_EQ(recalled->last_index, LogIndex(3));
  Restart();
  const RecoveredGroup& recovered = rig_.recovered(kGroup);
  EXPECT_EQ(recalled->group.replica, recovered.replica);
  EXPECT_EQ(recalled->group.generation, recovered.generation);
  EXPECT_EQ(recalled->group.hard_state, recovered.hard_state);
  EXPECT_EQ(recalled->group.snapshot, recovered.snapshot);
  EXPECT_EQ(recalled->group.engine_note, recovered.engine_note);
}

TEST_F(LogTest, NothingIsAcknowledgedBeforeItIsSynced) {
  const size_t record = rig_.Queue(kGroup, Create());
  EXPECT_FALSE(rig_.acked(record));
  rig_.RunFor(std::chrono::seconds(1));
  EXPECT_FALSE(rig_.acked(record)) << "nothing was submitted";
  rig_.Submit();
  EXPECT_FALSE(rig_.acked(record)) << "never within the call";
  rig_.Settle();
  EXPECT_TRUE(rig_.acked(record));
}

TEST_F(LogTest, WhateverQueuedGoesOutWithOneSync) {
  rig_.Append(kGroup, Create());
  const uint64_t calls = rig_.disk().calls();
  for (uint64_t group = 10; group < 30; ++group) rig_.Queue(ShardId(group), Create());
  rig_.Submit();
  rig_.Settle();
  EXPECT_EQ(rig_.disk().calls() - calls, 2u) << "a write and a sync";
  EXPECT_EQ(rig_.acks().size(), 21u);
}

TEST_F(LogTest, CallbacksRunInTheOrderOfTheCalls) {
  rig_.Queue(kGroup, Create());
  rig_.Queue(kGroup, CommitOnly(1, 0));
  rig_.Queue(kOther, Create());
  rig_.Submit();
  rig_.Queue(kOther, CommitOnly(1, 0));
  rig_.Queue(kGroup, Append(1, 1));
  rig_.Submit();
  rig_.Settle();
  EXPECT_EQ(rig_.acks(), (std::vector<size_t>{0, 1, 2, 3, 4}));
}

TEST_F(LogTest, ACommitIndexAloneCausesNoWrite) {
  rig_.Append(kGroup, Create());
  rig_.RunFor(std::chrono::milliseconds(50));
  const uint64_t calls = rig_.disk().calls();
  const size_t record = rig_.Queue(kGroup, CommitOnly(1, 0));
  rig_.Submit();
  rig_.RunFor(std::chrono::seconds(1));
  EXPECT_TRUE(rig_.acked(record));
  EXPECT_EQ(rig_.disk().calls(), calls);
  rig_.Append(kOther, Create());
  EXPECT_EQ(rig_.disk().calls(), calls + 2) << "it went along with the next batch";
}

TEST_F(LogTest, EntriesReplaceTheSuffixTheyConflictWith) {  // tan: EntryOverwrite
  rig_.Append(kGroup, Create());
  rig_.Append(kGroup, Append(1, 5, 1));
  rig_.Append(kGroup, Append(3, 3, 2));
  EXPECT_EQ(Describe(*rig_.Read(kGroup, 1, 9)), "1@1 2@1 3@2");
  Restart();
  EXPECT_EQ(Describe(rig_.recovered(kGroup).entries), "1@1 2@1 3@2");
}

TEST_F(LogTest, TheLogGoesOnInAnotherSegmentWhenOneIsFull) {  // LogCabin: append_rollover
  rig_.Append(kGroup, Create());
  for (uint64_t i = 1; i <= 40; ++i) ASSERT_TRUE(rig_.Append(kGroup, Append(i, i)));
  EXPECT_GT(rig_.Segments().size(), 5u);
  Restart();
  EXPECT_EQ(rig_.recovered(kGroup).entries.size(), 40u);
  EXPECT_EQ(rig_.Read(kGroup, 1, 40)->size(), 40u);
}

TEST_F(LogTest, ARecordMayBeLargerThanASegment) {  // LogCabin: append_largerThanMaxSegmentSize
  rig_.Append(kGroup, Create());
  ASSERT_TRUE(rig_.Append(kGroup, Append(1, 3, 1, 100'000)));
  ASSERT_TRUE(rig_.Append(kGroup, Append(4, 4)));
  Restart();
  EXPECT_EQ(rig_.recovered(kGroup).entries.size(), 4u);
  EXPECT_EQ(*rig_.Read(kGroup, 1, 4, 1 << 20), [] {
    std::vector<raft::Entry> entries = Append(1, 3, 1, 100'000).entries;
    entries.push_back(MakeEntry(4, 1));
    return entries;
  }());
}

TEST_F(LogTest, ASnapshotDiscardsTheLogAndNamesTheNewState) {  // tan: InstallSnapshot
  rig_.Append(kGroup, Create());
  rig_.Append(kGroup, Append(1, 5));
  rig_.Append(kGroup, Create(1, 100, 2));
  Restart();
  const RecoveredGroup& group = rig_.recovered(kGroup);
  EXPECT_EQ(group.generation, Generation(2));
  EXPECT_EQ(group.snapshot.index, LogIndex(100));
  EXPECT_TRUE(group.entries.empty());
  EXPECT_TRUE(rig_.Append(kGroup, Append(101, 101)));
}

TEST_F(LogTest, CompactionForgetsEntriesAndKeepsTheNote) {
  rig_.Append(kGroup, Create());
  rig_.Append(kGroup, Append(1, 5));
  rig_.Append(kGroup, Vote(3, 2));
  rig_.Append(kGroup, Compact(3, 1, "manifest at 17"));
  EXPECT_EQ(rig_.Read(kGroup, 3, 5).status().code(), absl::StatusCode::kNotFound);
  Restart();
  const RecoveredGroup& group = rig_.recovered(kGroup);
  EXPECT_EQ(Describe(group.entries), "4@1 5@1");
  EXPECT_EQ(group.engine_note, "manifest at 17");
  EXPECT_EQ(group.snapshot.index, LogIndex(3));
  EXPECT_EQ(group.hard_state.vote, ReplicaId(2)) << "a compaction forgets no vote";
}

TEST_F(LogTest, ATombstoneOutlivesTheReplicaAndBindsTheNextOne) {
  rig_.Append(kGroup, Create(4));
  rig_.Append(kGroup, TombstoneRecord{ReplicaId(5)});
  rig_.Append(kGroup, TombstoneRecord{ReplicaId(3)});
  Restart();
  EXPECT_TRUE(rig_.recovery().groups.empty());
  ASSERT_EQ(rig_.recovery().tombstones.size(), 1u);
  EXPECT_EQ(rig_.recovery().tombstones[0].lowest_allowed, ReplicaId(5)) << "it never falls";
  rig_.Append(kGroup, Create(6));
  Restart();
  EXPECT_EQ(rig_.recovered(kGroup).replica, ReplicaId(6));
  EXPECT_EQ(rig_.recovery().tombstones.size(), 1u);
}

TEST_F(LogTest, TheRemovalOfOneGroupLeavesOthersAlone) {
  // tan: RemovedEntriesMultiplexedLogSetup
  rig_.Append(kGroup, Create());
  rig_.Append(kOther, Create());
  for (uint64_t i = 1; i <= 20; ++i) {
    rig_.Append(kGroup, Append(i, i));
    rig_.Append(kOther, Append(i, i));
  }
  rig_.Append(kGroup, TombstoneRecord{ReplicaId(2)});
  rig_.RunFor(std::chrono::seconds(1));
  Restart();
  EXPECT_FALSE(rig_.HasRecovered(kGroup));
  EXPECT_EQ(rig_.recovered(kOther).entries.size(), 20u);
  EXPECT_EQ(rig_.Read(kOther, 1, 20)->size(), 20u);
}

TEST_F(LogTest, AnOrderlyStopLosesNothing) {
  rig_.Append(kGroup, Create());
  rig_.Queue(kGroup, Append(1, 2));
  rig_.Queue(kGroup, CommitOnly(1, 2));
  rig_.Close();
  ASSERT_TRUE(rig_.Open().ok());
  EXPECT_EQ(Describe(rig_.recovered(kGroup).entries), "1@1 2@1");
  EXPECT_EQ(rig_.recovered(kGroup).hard_state.commit, LogIndex(2));
  EXPECT_EQ(rig_.recovery().torn_bytes, 0u);
}

}  // namespace
}  // namespace flotilla::storage
