// Snapshots, compaction and entries that are no longer in memory (etcd-raft and scylla).
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
using testing::Not;
using testing::SizeIs;

AppendResponse Ack(uint64_t index) { return {LogIndex(index), 0, std::nullopt}; }
AppendResponse Rejection(uint64_t refused, uint64_t hint, uint64_t hint_term) {
  return {LogIndex(refused), 0, AppendResponse::Conflict{LogIndex(hint), Term(hint_term)}};
}
SnapshotMeta MetaOf(uint64_t index, uint64_t term, int voters = 3, int learners = 0) {
  return {LogIndex(index), Term(term), MakeConfiguration(voters, learners), LogIndex(0)};
}

// A leader of three, with entries 1..11 applied and the first ten compacted. 3 was never heard of
// beyond `silent_match`.
CoreDriver CompactedLeader() {
  CoreDriver core({.options = {.check_quorum = false}});
  core.BecomeLeader();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(core->Propose(MakeBytes("x")).ok());
  core.Settle();
  core.Receive(2, 1, Ack(11));
  core.Settle();
  core->Compacted(LogIndex(10));
  return core;
}

// 3 says that it has only entry 1.
void AnswerFromFarBehind(CoreDriver& core) {
  core->PeerLost(NodeId(3));
  core.Settle();
  core.Receive(3, 1, Rejection(1, 1, 1));
  core.Receive(3, 1, HeartbeatResponse{});
  core.Tick();
  core.Settle();
}

TEST(RaftSnapshot, Restore) {
  CoreDriver core;
  core.Receive(2, 12, Heartbeat{});
  const SnapshotMeta meta = MetaOf(11, 11);
  ASSERT_TRUE(core->WouldInstall(meta));
  ASSERT_TRUE(core->SnapshotInstalled({meta}).ok());
  EXPECT_EQ(core->last_index(), LogIndex(11));
  EXPECT_EQ(core->TermAt(LogIndex(11)), Term(11));
  EXPECT_EQ(core->commit(), LogIndex(11));
  EXPECT_EQ(core->applied(), LogIndex(11));
  EXPECT_EQ(core->configuration(), meta.configuration);
  EXPECT_EQ(core->MetaAt(LogIndex(11)), meta);
}

TEST(RaftSnapshot, RestoreFromSnapMsgAnswersTheLeader) {
  CoreDriver core;
  core.Receive(2, 12, Heartbeat{});
  core.Settle();
  ASSERT_TRUE(core->SnapshotInstalled({MetaOf(11, 11)}).ok());
  EXPECT_THAT(core.Settle(), ElementsAre("1->2 ack term=12 index=11"));
}

TEST(RaftSnapshot, RestoreWithLearner) {
  CoreDriver core({.self = 4, .voters = 3, .learners = 1});
  ASSERT_TRUE(core->SnapshotInstalled({MetaOf(11, 11, 3, 1)}).ok());
  EXPECT_FALSE(core->configuration().IsVoter(ReplicaId(4)));
  EXPECT_TRUE(core->configuration().IsMember(ReplicaId(4)));
  core->Campaign();
  EXPECT_EQ(core->role(), Role::kFollower);
}

TEST(RaftSnapshot, RestoreWithVotersOutgoing) {
  CoreDriver core;
  SnapshotMeta meta = MetaOf(11, 11);
  meta.configuration.voters_outgoing = {MemberNumber(1), MemberNumber(2)};
  meta.configuration_index = LogIndex(9);
  ASSERT_TRUE(core->SnapshotInstalled({meta}).ok());
  EXPECT_TRUE(core->configuration().IsJoint());
  EXPECT_EQ(core->MetaAt(LogIndex(11)).configuration_index, LogIndex(9));
}

TEST(RaftSnapshot, RestoreVoterToLearner) {
  CoreDriver core({.self = 3});
  ASSERT_TRUE(core->SnapshotInstalled({MetaOf(11, 11, 2, 1)}).ok());
  core.Tick(50);
  EXPECT_EQ(core->role(), Role::kFollower);
}

TEST(RaftSnapshot, RestoreLearnerPromotion) {
  CoreDriver core({.self = 3, .voters = 2, .learners = 1});
  ASSERT_TRUE(core->SnapshotInstalled({MetaOf(11, 11, 3)}).ok());
  core->Campaign();
  EXPECT_EQ(core->role(), Role::kPreCandidate);
}

TEST(RaftSnapshot, LearnerReceivesSnapshot) {
  TestNetwork network;
  network.Start(1);
  network.Elect(1);
  for (int i = 0; i < 5; ++i) network.Propose(1, "x");
  network.Stabilize();
  network.at(1).FlushState();
  network.at(1).Compact(LogIndex(6));
  network.Change(1, {.add_learners = {NodeId(2)}});
  network.Stabilize();
  network.TickAll(3);
  EXPECT_EQ(network.at(2).state(), network.at(1).state());
  EXPECT_EQ(network.at(2).disk().snapshot.index, LogIndex(7));
}

TEST(RaftSnapshot, RestoreIgnoreSnapshot) {
  // What is committed here is not undone, and what the log has needs no snapshot.
  CoreDriver core({.term = 1, .commit = 2, .log = {1, 1, 1}});
  EXPECT_FALSE(core->WouldInstall(MetaOf(1, 1)));
  EXPECT_FALSE(core->WouldInstall(MetaOf(2, 1)));
  EXPECT_FALSE(core->WouldInstall(MetaOf(3, 1)));
  EXPECT_TRUE(core->WouldInstall(MetaOf(3, 2)));
  EXPECT_TRUE(core->WouldInstall(MetaOf(4, 1)));
  EXPECT_EQ(core->SnapshotInstalled({MetaOf(2, 1)}).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(core->last_index(), LogIndex(3));
}

TEST(RaftSnapshot, ProvideSnap) {
  CoreDriver core = CompactedLeader();
  AnswerFromFarBehind(core);
  ASSERT_THAT(core.snapshots(), SizeIs(1));
  EXPECT_EQ(core.snapshots()[0].to, MemberNumber(3));
  EXPECT_EQ(core.snapshots()[0].term, Term(1));
  EXPECT_EQ(core.snapshots()[0].at_least, LogIndex(10));
}

TEST(RaftSnapshot, IgnoreProvidingSnapToWhoIsNotHeardOf) {
  CoreDriver core = CompactedLeader();
  core.Tick(25);  // a check of the quorum's activity has passed
  core->PeerLost(NodeId(3));
  core.Tick(5);
  core.Settle();
  EXPECT_THAT(core.snapshots(), IsEmpty());
}

TEST(RaftSnapshot, PendingSnapshotPausesReplication) {
  CoreDriver core = CompactedLeader();
  AnswerFromFarBehind(core);
  ASSERT_TRUE(core->Propose(MakeBytes("y")).ok());
  EXPECT_THAT(core.Settle(), Not(Contains(HasSubstr("1->3 append"))));
  core.Receive(3, 1, HeartbeatResponse{});
  core.Tick();
  EXPECT_THAT(core.Settle(), Contains("1->3 heartbeat term=1 commit=1"));
  EXPECT_THAT(core.snapshots(), SizeIs(1)) << "one transfer at a time";
  EXPECT_TRUE(core->Status().peers[1].snapshot_pending);
}

TEST(RaftSnapshot, SnapshotFailureIsTriedAgainAfterAHeartbeat) {
  CoreDriver core = CompactedLeader();
  AnswerFromFarBehind(core);
  core->SnapshotFinished(MemberNumber(3), Term(1), false, LogIndex(0));
  core.Settle();
  EXPECT_THAT(core.snapshots(), SizeIs(1));
  core.Receive(3, 1, HeartbeatResponse{});
  core.Tick();
  core.Settle();
  EXPECT_THAT(core.snapshots(), SizeIs(2));
}

TEST(RaftSnapshot, SnapshotSucceedGoesOnBehindIt) {
  CoreDriver core = CompactedLeader();
  AnswerFromFarBehind(core);
  core->SnapshotFinished(MemberNumber(3), Term(1), true, LogIndex(11));
  EXPECT_THAT(core.Settle(), ElementsAre("1->3 append term=1 prev=11@1 commit=11"));
  core.Receive(3, 1, Ack(11));
  ASSERT_TRUE(core->Propose(MakeBytes("y")).ok());
  EXPECT_THAT(core.Settle(), Contains(HasSubstr("1->3 append term=1 prev=11@1")));
}

TEST(RaftSnapshot, SucceedViaAppRespBehind) {
  // The peer got a snapshot from elsewhere, older than the pending one but new enough.
  CoreDriver core = CompactedLeader();
  AnswerFromFarBehind(core);
  core.Receive(3, 1, Ack(10));
  EXPECT_FALSE(core->Status().peers[1].snapshot_pending);
  EXPECT_THAT(core.Settle(), Contains("1->3 append term=1 prev=10@1 commit=11 [11@1 \"x\"]"));
}

TEST(RaftSnapshot, AnAcknowledgementThatIsStillTooFarBehindChangesNothing) {
  CoreDriver core = CompactedLeader();
  AnswerFromFarBehind(core);
  core.Receive(3, 1, Ack(5));
  EXPECT_TRUE(core->Status().peers[1].snapshot_pending);
}

TEST(RaftSnapshot, SnapshotAbortByAnotherTerm) {
  // A transfer of an earlier leadership ends (scylladb#29092): it says nothing about this one's.
  CoreDriver core = CompactedLeader();
  AnswerFromFarBehind(core);
  core->SnapshotFinished(MemberNumber(3), Term(0), true, LogIndex(11));
  EXPECT_TRUE(core->Status().peers[1].snapshot_pending);
  core.Receive(2, 2, Heartbeat{});
  core->SnapshotFinished(MemberNumber(3), Term(1), true, LogIndex(11));
  EXPECT_THAT(core.Settle(), Not(Contains(HasSubstr("append"))));
}

TEST(RaftSnapshot, SlowNodeRestore) {
  TestNetwork network;
  network.Start(3);
  network.Elect(1);
  network.Isolate(3);
  for (int i = 0; i < 20; ++i) network.Propose(1, "x");
  network.Stabilize();
  network.at(1).FlushState();
  network.at(1).Compact(network.core(1).applied());
  network.Heal();
  network.TickAll(4);
  network.Propose(1, "y");
  network.Stabilize();
  EXPECT_EQ(network.at(3).state(), network.at(1).state());
  EXPECT_EQ(network.core(3).commit(), network.core(1).commit());
}

TEST(RaftSnapshot, CompactionHintSparesWhoKeepsUp) {
  CoreDriver core({.options = {.check_quorum = false}});
  core.BecomeLeader();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(core->Propose(MakeBytes("x")).ok());
  core.Settle();
  core.Receive(2, 1, Ack(11));
  core.Receive(3, 1, Ack(6));
  core.Settle();
  EXPECT_EQ(core->CompactionHint(), LogIndex(6));
  // A silent peer is not waited for.
  for (int i = 0; i < 25; ++i) {
    core.Receive(2, 1, HeartbeatResponse{});
    core.Tick();
  }
  EXPECT_EQ(core->CompactionHint(), LogIndex(11));
}

TEST(RaftSnapshot, CompactionHintKeepsTheLogFromATransferOn) {
  CoreDriver core = CompactedLeader();
  AnswerFromFarBehind(core);
  ASSERT_TRUE(core->Propose(MakeBytes("y")).ok());
  core.Settle();
  core.Receive(2, 1, Ack(12));
  core.Settle();
  ASSERT_EQ(core->applied(), LogIndex(12));
  EXPECT_EQ(core->CompactionHint(), LogIndex(10));
}

TEST(RaftSnapshot, ReplacesAConflictingLogAndItsConfiguration) {
  // scylladb#9551: what trailed the snapshot must not leave its configuration behind.
  TestNetwork network({.check_quorum = false});
  network.Start(3, 1);
  network.Elect(1);
  network.Isolate(1);
  network.Change(1, {.add_voters = {NodeId(4)}});
  network.CompleteAll(1);
  ASSERT_TRUE(network.core(1).configuration().IsJoint());
  network.Elect(2);
  for (int i = 0; i < 5; ++i) network.Propose(2, "x");
  network.Stabilize();
  network.at(2).FlushState();
  network.at(2).Compact(network.core(2).applied());
  network.Heal();
  network.TickAll(4);
  EXPECT_EQ(network.at(1).state(), network.at(2).state());
  EXPECT_EQ(network.core(1).configuration(), MakeConfiguration(3, 1));
}

TEST(RaftSnapshot, KeepsTheMatchingSuffix) {
  // The snapshot is behind the end of a log that agrees with it.
  CoreDriver core({.term = 1, .log = {1, 1, 1, 1}});
  core.Receive(2, 1, Heartbeat{});
  core.Settle();
  ASSERT_TRUE(core->SnapshotInstalled({MetaOf(2, 1)}).ok());
  EXPECT_EQ(core->last_index(), LogIndex(4));
  EXPECT_EQ(core->Status().first_index, LogIndex(3));
  core.Receive(2, 1, Heartbeat{LogIndex(4), 0});
  core.Settle();
  ASSERT_THAT(core.committed(), SizeIs(2));
  EXPECT_EQ(core.committed()[0].index, LogIndex(3));
}

TEST(RaftSnapshot, WhileAppendsAreInFlight) {
  // Their completion says nothing about the log that the snapshot left.
  CoreDriver core({.term = 1});
  core.Receive(2, 1, AppendRequest{LogIndex(0), Term(0), LogIndex(0), 0, EntriesOf({1, 1, 1, 1})});
  core.Send();
  core.Receive(3, 5, Heartbeat{});
  ASSERT_TRUE(core->SnapshotInstalled({MetaOf(3, 4)}).ok());
  core.Receive(3, 5, AppendRequest{LogIndex(3), Term(4), LogIndex(4), 0, EntriesOf({5}, 4)});
  core->AppendDone(1);
  EXPECT_EQ(core->Status().durable, LogIndex(3));
  core.Settle();
  EXPECT_EQ(core->Status().durable, LogIndex(4));
  ASSERT_THAT(core.committed(), SizeIs(1));
  EXPECT_EQ(core.committed()[0].term, Term(5));
}

TEST(RaftSnapshot, CommittedEntriesGivenOutBeforeAreForgotten) {
  // Their application is overtaken by the snapshot; a late ApplyDone is harmless.
  CoreDriver core({.term = 1, .log = {1, 1}});
  core.Receive(2, 1, Heartbeat{LogIndex(2), 0});
  core.Send();
  ASSERT_THAT(core.committed(), SizeIs(2));
  ASSERT_TRUE(core->SnapshotInstalled({MetaOf(9, 1)}).ok());
  core->ApplyDone(LogIndex(2));
  EXPECT_EQ(core->applied(), LogIndex(9));
}

TEST(RaftSnapshot, UsesTheCorrectTerm) {
  // The snapshot was durable before the term that it came in.
  InitialState initial;
  initial.self = MemberNumber(1);
  initial.group = ShardId(1);
  initial.hard_state = {Term(3), ReplicaId(2), LogIndex(0)};
  initial.snapshot = MetaOf(11, 7);
  initial.applied = LogIndex(11);
  CoreDriver core({}, initial);
  EXPECT_EQ(core->term(), Term(7));
  EXPECT_TRUE(core->Status().vote.is_none());
  core.Settle();
  ASSERT_THAT(core.writes(), SizeIs(1));
  EXPECT_EQ(core.writes()[0].hard_state->term, Term(7));
}

TEST(RaftSnapshot, OfALaterTermThanOnesOwn) {
  CoreDriver core({.term = 3, .vote = 1});
  ASSERT_TRUE(core->SnapshotInstalled({MetaOf(11, 7)}).ok());
  EXPECT_EQ(core->term(), Term(7));
  EXPECT_TRUE(core->Status().vote.is_none());
}

TEST(RaftSnapshot, AppendEntryInsideSnapshot) {
  // Scylla: an append that begins before the snapshot's index is answered with what is committed.
  CoreDriver core;
  core.Receive(2, 2, Heartbeat{});
  core.Settle();
  ASSERT_TRUE(core->SnapshotInstalled({MetaOf(5, 1)}).ok());
  core.Settle();
  core.Receive(2, 2, AppendRequest{LogIndex(3), Term(1), LogIndex(3), 0, EntriesOf({1, 1, 1}, 4)});
  EXPECT_THAT(core.Settle(), ElementsAre("1->2 ack term=2 index=5"));
  EXPECT_EQ(core->last_index(), LogIndex(5));
}

TEST(RaftSnapshot, MetaAtKnowsTheConfigurationOfItsIndex) {
  TestNetwork network;
  network.Start(1);
  network.Elect(1);
  network.Propose(1, "x");
  network.Stabilize();
  network.Change(1, {.add_learners = {NodeId(2)}});
  network.Stabilize();
  EXPECT_EQ(network.core(1).MetaAt(LogIndex(2)).configuration, MakeConfiguration(1));
  EXPECT_EQ(network.core(1).MetaAt(LogIndex(2)).configuration_index, LogIndex(0));
  EXPECT_EQ(network.core(1).MetaAt(LogIndex(3)).configuration, MakeConfiguration(1, 1));
  EXPECT_EQ(network.core(1).MetaAt(LogIndex(3)).configuration_index, LogIndex(3));
}

// A leader of three with entries 1..6, all out of its cache, just as 3 answers from far behind.
class LeaderThatMustFetch : public CoreDriver {
 public:
  LeaderThatMustFetch() : CoreDriver({.options = {.check_quorum = false, .entry_cache_bytes = 0}}) {
    BecomeLeader();
    for (int i = 0; i < 5; ++i) EXPECT_TRUE((*this)->Propose(MakeBytes("x")).ok());
    Settle();
    Receive(2, 1, Ack(6));
    Settle();
    AnswerFromFarBehind(*this);
  }
};

TEST(RaftFetch, EvictedEntriesAreFetchedForASlowPeer) {
  LeaderThatMustFetch core;
  ASSERT_THAT(core.fetches(), SizeIs(1));
  EXPECT_EQ(core.fetches()[0].first, LogIndex(2));
  EXPECT_EQ(core.fetches()[0].last, LogIndex(6));
  core.Tick();
  core.Settle();
  EXPECT_THAT(core.fetches(), SizeIs(1)) << "one at a time";
  core->EntriesFetched(EntriesOf({1, 1, 1}, 2));  // a prefix will do
  EXPECT_THAT(core.Settle(), Contains(HasSubstr("1->3 append term=1 prev=1@1")));
  core.Receive(3, 1, Ack(4));
  core.Settle();
  ASSERT_THAT(core.fetches(), SizeIs(2));
  EXPECT_EQ(core.fetches()[1].first, LogIndex(5));
}

TEST(RaftFetch, EntriesThatAreGoneAreReplacedByASnapshot) {
  LeaderThatMustFetch core;
  core->EntriesFetched({});
  core.Settle();
  ASSERT_THAT(core.snapshots(), SizeIs(1));
  EXPECT_GE(core.snapshots()[0].at_least, LogIndex(2));
}

// Found by the simulator: a peer was sent snapshots of what it had, for ever.
TEST(RaftFetch, WhatIsGoneIsAskedForAgainAfterTheSnapshot) {
  LeaderThatMustFetch core;
  core->EntriesFetched({});
  core.Settle();
  ASSERT_THAT(core.snapshots(), SizeIs(1));
  core->SnapshotFinished({NodeId(3), ReplicaId(3)}, Term(1), true, LogIndex(3));
  core.Settle();
  core.Receive(3, 1, Ack(3));
  core.Settle();
  EXPECT_THAT(core.snapshots(), SizeIs(1));
  ASSERT_THAT(core.fetches(), SizeIs(2));
  EXPECT_EQ(core.fetches()[1].first, LogIndex(4));
}

TEST(RaftFetch, AnAnswerThatNobodyWaitsForIsIgnored) {
  CoreDriver core;
  core.BecomeLeader();
  core->EntriesFetched(EntriesOf({1}));
  EXPECT_THAT(core.Settle(), IsEmpty());
}

TEST(RaftFetch, AnAnswerOutlivesTheLeadershipThatAsked) {
  LeaderThatMustFetch core;
  core.Receive(2, 2, Heartbeat{});
  core->EntriesFetched(EntriesOf({1, 1, 1}, 2));
  EXPECT_THAT(core.Settle(), Not(Contains(HasSubstr("append "))));
}

}  // namespace
}  // namespace flotilla::raft
