// The core and its disk and state machine, which answer late (etcd-raft's asynchronous storage
// writes, raft-rs's async_ready tests) and forget what was not durable.
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "tests/raft/core_driver.h"
#include "tests/raft/test_network.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flotilla::raft {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

AppendResponse Ack(uint64_t index) { return {LogIndex(index), 0, std::nullopt}; }
AppendRequest Append(uint64_t prev_index, uint64_t prev_term, std::vector<Entry> entries,
                     uint64_t commit = 0) {
  return {LogIndex(prev_index), Term(prev_term), LogIndex(commit), 0, std::move(entries)};
}

TEST(RaftStorage, Start) {
  // A fresh member wants nothing.
  CoreDriver core;
  EXPECT_FALSE(core->HasOutputs());
  EXPECT_TRUE(core->TakeOutputs().empty());
}

TEST(RaftStorage, RestartGivesOutWhatIsCommittedAndNotApplied) {
  CoreDriver core({.term = 1, .commit = 3, .applied = 1, .log = {1, 1, 1, 1}});
  EXPECT_TRUE(core->HasOutputs());
  core.Settle();
  ASSERT_THAT(core.committed(), SizeIs(2));
  EXPECT_EQ(core.committed()[0].index, LogIndex(2));
  EXPECT_EQ(core->applied(), LogIndex(3));
}

TEST(RaftStorage, RestartFromSnapshot) {
  InitialState initial;
  initial.self = MemberNumber(1);
  initial.group = ShardId(1);
  initial.hard_state = {Term(2), ReplicaId(), LogIndex(3)};
  initial.snapshot = {LogIndex(2), Term(1), MakeConfiguration(3), LogIndex(0)};
  initial.entries = EntriesOf({1, 2}, 3);
  initial.applied = LogIndex(2);
  CoreDriver core({}, initial);
  core.Settle();
  ASSERT_THAT(core.committed(), SizeIs(1));
  EXPECT_EQ(core.committed()[0].index, LogIndex(3));
  EXPECT_EQ(core.LogTerms(), (std::vector<uint64_t>{1, 2}));
}

TEST(RaftStorage, TheCommitHintMayLagBehindWhatIsApplied) {
  CoreDriver core({.term = 1, .commit = 1, .applied = 3, .log = {1, 1, 1}});
  EXPECT_EQ(core->commit(), LogIndex(3));
  EXPECT_EQ(core->applied(), LogIndex(3));
}

TEST(RaftStorage, AVoteWaitsForItsWrite) {
  CoreDriver core({.log = {}});
  core.Receive(2, 1, VoteRequest{});
  EXPECT_THAT(core.Send(), IsEmpty());
  ASSERT_THAT(core.writes(), SizeIs(1));
  EXPECT_EQ(core.writes()[0].hard_state->vote, ReplicaId(2));
  EXPECT_TRUE(core.writes()[0].must_sync);
  EXPECT_THAT(core.CompleteWrites(), ElementsAre("1->2 vote term=1 granted"));
}

TEST(RaftStorage, ARefusalNeedsNoDisk) {
  CoreDriver core({.term = 1, .vote = 3});
  core.Receive(2, 1, VoteRequest{});
  EXPECT_THAT(core.Send(), ElementsAre("1->2 vote term=1 refused"));
  core.Receive(3, 1, Append(5, 1, {}));
  EXPECT_THAT(core.Send(), Contains(HasSubstr("rejection")));
}

TEST(RaftStorage, AsyncReadyFollower) {
  // Appends pile up while the disk is busy; each acknowledgement waits for its own write.
  CoreDriver core({.term = 1});
  core.Receive(2, 1, Append(0, 0, EntriesOf({1})));
  EXPECT_THAT(core.Send(), IsEmpty());
  core.Receive(2, 1, Append(1, 1, EntriesOf({1}, 2), 1));
  EXPECT_THAT(core.Send(), IsEmpty());
  EXPECT_THAT(core.writes(), SizeIs(2));
  EXPECT_THAT(core.committed(), IsEmpty()) << "the state never overtakes the local log";
  EXPECT_THAT(core.CompleteWrites(),
              ElementsAre("1->2 ack term=1 index=1", "1->2 ack term=1 index=2"));
  EXPECT_THAT(core.committed(), SizeIs(1));
}

TEST(RaftStorage, ARepeatedAppendIsNotAcknowledgedBeforeItsFirstCopyIsDurable) {
  CoreDriver core({.term = 1});
  core.Receive(2, 1, Append(0, 0, EntriesOf({1})));
  core.Send();
  core.Receive(2, 1, Append(0, 0, EntriesOf({1})));
  EXPECT_THAT(core.Send(), IsEmpty());
  ASSERT_THAT(core.writes(), SizeIs(2));
  EXPECT_TRUE(core.writes()[1].entries.empty());
  EXPECT_FALSE(core.writes()[1].must_sync);
}

TEST(RaftStorage, AnEmptyAppendIsNotAcknowledgedBeforeTheTermIsDurable) {
  CoreDriver core({.term = 1, .log = {1}});
  core.Receive(2, 3, Append(1, 1, {}));
  EXPECT_THAT(core.Send(), IsEmpty());
  EXPECT_THAT(core.CompleteWrites(), ElementsAre("1->2 ack term=3 index=1"));
}

TEST(RaftStorage, AsyncReadyLeaderCommitsWithoutItsOwnDisk) {
  CoreDriver core;
  core.BecomeLeader();
  ASSERT_TRUE(core->Propose(MakeBytes("x")).ok());
  core.Send();
  core.Receive(2, 1, Ack(2));
  EXPECT_EQ(core->commit(), LogIndex(1)) << "one disk of three";
  core.Receive(3, 1, Ack(2));
  EXPECT_EQ(core->commit(), LogIndex(2));
  core.Send();
  EXPECT_THAT(core.committed(), SizeIs(1)) << "committed, but not in the own log for sure";
  core.CompleteWrites();
  EXPECT_THAT(core.committed(), SizeIs(2));
}

TEST(RaftStorage, SingleNodeCommitsOnlyWhatIsDurable) {
  CoreDriver core({.voters = 1});
  core.WinElection();
  core.Settle();
  ASSERT_TRUE(core->Propose(MakeBytes("x")).ok());
  core.Send();
  EXPECT_EQ(core->commit(), LogIndex(1));
  core.CompleteWrites();
  EXPECT_EQ(core->commit(), LogIndex(2));
}

TEST(RaftStorage, AsyncReadyBecomeLeaderWithEntriesStillBeingWritten) {
  CoreDriver core({.term = 1});
  core.Receive(2, 1, Append(0, 0, EntriesOf({1, 1})));
  core.Send();
  core->Campaign();
  core.Send();
  core.Receive(3, 2, VoteResponse{true, true});
  core.Send();
  ASSERT_EQ(core->role(), Role::kCandidate);
  const Lines after = core.CompleteWrites();
  EXPECT_THAT(after, Contains("1->3 vote-request term=2 last=2@1"));
  core.Receive(3, 2, VoteResponse{false, true});
  EXPECT_EQ(core->role(), Role::kLeader);
  EXPECT_EQ(core->last_index(), LogIndex(3));
}

TEST(RaftStorage, OverwriteEntriesWhileTheirWriteIsUnderWay) {
  CoreDriver core({.term = 1});
  core.Receive(2, 1, Append(0, 0, EntriesOf({1, 1, 1})));
  core.Send();
  core.Receive(3, 2, Append(1, 1, EntriesOf({2}, 2)));
  core.Send();
  ASSERT_THAT(core.writes(), SizeIs(2));
  EXPECT_EQ(core.writes()[1].entries[0].index, LogIndex(2));
  core->AppendDone(core.writes()[0].ticket);
  EXPECT_EQ(core->Status().durable, LogIndex(1));
  core->AppendDone(core.writes()[1].ticket);
  EXPECT_EQ(core->Status().durable, LogIndex(2));
}

TEST(RaftStorage, CommitPagination) {
  CoreDriver core({.voters = 1, .options = {.max_apply_batch_bytes = 250}});
  core.WinElection();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(core->Propose(CommandOfSize(100)).ok());
  const Outputs first = core->TakeOutputs();
  core->AppendDone(first.persist->ticket);
  size_t batches = 0;
  size_t entries = 0;
  while (core->HasOutputs()) {
    const Outputs outputs = core->TakeOutputs();
    if (outputs.committed.empty()) continue;
    EXPECT_LE(outputs.committed.size(), 2u);
    ++batches;
    entries += outputs.committed.size();
  }
  EXPECT_EQ(entries, 5u);
  EXPECT_EQ(batches, 3u);
}

TEST(RaftStorage, CommitPaginationAfterRestart) {
  CoreDriver core({.term = 1,
                   .commit = 10,
                   .log = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
                   .options = {.max_apply_batch_bytes = 100}});
  core.Settle();
  ASSERT_THAT(core.committed(), SizeIs(10));
  for (size_t i = 0; i < 10; ++i) EXPECT_EQ(core.committed()[i].index, LogIndex(i + 1));
}

TEST(RaftStorage, BackpressureOfASlowStateMachine) {
  // Scylla's backpressure: entries beyond the budget are left to later, the leadership is not.
  CoreDriver core({.term = 1, .options = {.max_unapplied_bytes = 50}});
  core.Receive(2, 1, Append(0, 0, EntriesOf({1, 1, 1}), 3));
  core.Send();
  core.CompleteWrites();
  core.Receive(2, 1, Append(3, 1, EntriesOf({1}, 4), 3));
  EXPECT_THAT(core.Send(), IsEmpty());
  EXPECT_EQ(core->last_index(), LogIndex(3));
  core.Receive(2, 1, Heartbeat{LogIndex(3), 0});
  EXPECT_THAT(core.Send(), ElementsAre("1->2 heartbeat-ack term=1"));
  core->ApplyDone(LogIndex(3));
  core.Receive(2, 1, Append(3, 1, EntriesOf({1}, 4), 3));
  EXPECT_EQ(core->last_index(), LogIndex(4));
}

TEST(RaftStorage, UncommittedEntriesNeverCountAsBackpressure) {
  // They cannot drain before more is taken in: counting them could stop a group for ever.
  CoreDriver core({.term = 1, .options = {.max_unapplied_bytes = 50}});
  core.Receive(2, 1, Append(0, 0, EntriesOf({1, 1, 1, 1, 1})));
  core.Receive(2, 1, Append(5, 1, EntriesOf({1}, 6)));
  EXPECT_EQ(core->last_index(), LogIndex(6));
}

TEST(RaftStorage, ACrashForgetsExactlyWhatWasNotDurable) {
  TestNetwork network;
  network.Start(3);
  network.Elect(1);
  network.Propose(1, "kept");
  network.Stabilize();
  network.Propose(1, "lost");
  network.Crash(1);
  network.Restart(1);
  EXPECT_EQ(network.core(1).last_index(), LogIndex(2));
  EXPECT_EQ(network.core(1).Status().vote, ReplicaId(1));
}

TEST(RaftStorage, AWholeGroupComesBackFromACrashOfAll) {
  TestNetwork network;
  network.Start(3);
  network.Elect(1);
  for (int i = 0; i < 10; ++i) network.Propose(1, std::to_string(i));
  network.Stabilize();
  const TestState before = network.at(1).state();
  for (int node : network.nodes()) network.Crash(node);
  for (int node : network.nodes()) network.Restart(node);
  network.TickAll(60);
  ASSERT_NE(network.Leader(), 0);
  for (int node : network.nodes()) EXPECT_GE(network.at(node).state().applied, before.applied);
}

TEST(RaftStorage, BlockProposalWithoutALeader) {
  CoreDriver core;
  EXPECT_EQ(core->Propose(MakeBytes("x")).status().code(), absl::StatusCode::kFailedPrecondition);
  core->Campaign();
  EXPECT_EQ(core->Propose(MakeBytes("x")).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(RaftStorage, ConsumeReadyOutputsAreGivenOutOnce) {
  CoreDriver core;
  core.BecomeLeader();
  ASSERT_TRUE(core->Propose(MakeBytes("x")).ok());
  EXPECT_FALSE(core->TakeOutputs().empty());
  EXPECT_FALSE(core->HasOutputs());
  EXPECT_TRUE(core->TakeOutputs().empty());
}

TEST(RaftStorage, ACoreCanBeMoved) {
  CoreDriver core;
  core.BecomeLeader();
  RaftCore moved = std::move(*core);
  EXPECT_EQ(moved.role(), Role::kLeader);
  EXPECT_TRUE(moved.Propose(MakeBytes("x")).ok());
}

TEST(RaftStorageDeathTest, AMemberWithoutItsLogDoesNotStart) {
  EXPECT_DEATH(CoreDriver({.term = 1, .commit = 5, .log = {1}}), "CHECK failed");
}

TEST(RaftStorageDeathTest, ATermBelowTheLogsDoesNotStart) {
  EXPECT_DEATH(CoreDriver({.term = 1, .log = {2}}), "CHECK failed");
}

}  // namespace
}  // namespace flotilla::raft
