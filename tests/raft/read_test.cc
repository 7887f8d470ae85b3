// Linearizable reads (Raft thesis 6.4; etcd-raft's ReadOnly tests).
#include <cstdint>
#include <optional>
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

AppendResponse Ack(uint64_t index, ReadCounter counter = 0) {
  return {LogIndex(index), counter, std::nullopt};
}

// The index that the last read was answered with; none if it failed; nullopt if it waits.
std::optional<LogIndex> LastRead(const CoreDriver& core) {
  if (core.reads().empty()) return std::nullopt;
  return core.reads().back().index;
}

TEST(RaftRead, OptionSafeOnLeaderAndFollowers) {
  TestNetwork network;
  network.Start(3);
  network.Elect(1);
  for (int round = 0; round < 3; ++round) {
    for (int node : network.nodes()) {
      for (int i = 0; i < 5; ++i) network.Propose(1, "x");
      network.Stabilize();
      const auto read = network.Step(node, [](RaftCore& core) { return core.ReadIndex(); });
      ASSERT_TRUE(read.ok());
      network.Stabilize();
      ASSERT_THAT(network.reads(node), SizeIs(1));
      EXPECT_EQ(network.reads(node)[0].id, *read);
      EXPECT_EQ(network.reads(node)[0].index, network.core(1).commit());
      network.reads(node).clear();
    }
  }
}

TEST(RaftRead, WithLearner) {
  TestNetwork network;
  network.Start(1, 1);
  network.Elect(1);
  network.Propose(1, "x");
  network.Stabilize();
  for (int node : {1, 2}) {
    ASSERT_TRUE(network.Step(node, [](RaftCore& core) { return core.ReadIndex(); }).ok());
    network.Stabilize();
    ASSERT_THAT(network.reads(node), SizeIs(1));
    EXPECT_EQ(network.reads(node)[0].index, LogIndex(2));
  }
}

TEST(RaftRead, OnASingleNode) {
  CoreDriver core({.voters = 1});
  core.WinElection();
  core.Settle();
  ASSERT_TRUE(core->ReadIndex().ok());
  core.Settle();
  EXPECT_EQ(LastRead(core), LogIndex(1));
}

TEST(RaftRead, ForNewLeaderWaitsForItsFirstCommit) {
  CoreDriver core({.term = 1, .commit = 1, .log = {1, 1}});
  core.WinElection();
  ASSERT_TRUE(core->ReadIndex().ok());
  EXPECT_THAT(core.Settle(), IsEmpty());
  core.Receive(2, 2, HeartbeatResponse{5});  // a round that never was
  core.Settle();
  EXPECT_EQ(LastRead(core), std::nullopt);
  core.Receive(2, 2, Ack(3));
  core.Settle();
  EXPECT_EQ(LastRead(core), std::nullopt);  // the round has only begun
  core.Receive(2, 2, HeartbeatResponse{1});
  core.Settle();
  EXPECT_EQ(LastRead(core), LogIndex(3));
}

TEST(RaftRead, IsConfirmedByAQuorumOnly) {
  CoreDriver core({.voters = 5});
  core.BecomeLeader();
  ASSERT_TRUE(core->ReadIndex().ok());
  core.Settle();
  core.Receive(2, 1, HeartbeatResponse{1});
  core.Receive(2, 1, HeartbeatResponse{1});
  core.Settle();
  EXPECT_EQ(LastRead(core), std::nullopt);
  core.Receive(3, 1, HeartbeatResponse{1});
  core.Settle();
  EXPECT_EQ(LastRead(core), LogIndex(1));
}

TEST(RaftRead, LearnersDoNotConfirm) {
  CoreDriver core({.voters = 3, .learners = 2});
  core.BecomeLeader();
  ASSERT_TRUE(core->ReadIndex().ok());
  core.Settle();
  core.Receive(4, 1, HeartbeatResponse{1});
  core.Receive(5, 1, HeartbeatResponse{1});
  core.Settle();
  EXPECT_EQ(LastRead(core), std::nullopt);
}

TEST(RaftRead, WhatWasInFlightBeforeDoesNotConfirm) {
  // etcd#20418: acknowledgements of earlier messages say nothing about now.
  CoreDriver core;
  core.BecomeLeader();
  ASSERT_TRUE(core->Propose(MakeBytes("x")).ok());
  core.Tick();
  core.Settle();  // an append and a heartbeat are in flight
  ASSERT_TRUE(core->ReadIndex().ok());
  core.Settle();
  core.Receive(2, 1, Ack(2, 0));
  core.Receive(3, 1, HeartbeatResponse{0});
  core.Settle();
  EXPECT_EQ(LastRead(core), std::nullopt);
}

TEST(RaftRead, TheIndexIsThatOfTheRegistration) {
  CoreDriver core;
  core.BecomeLeader();
  ASSERT_TRUE(core->ReadIndex().ok());
  ASSERT_TRUE(core->Propose(MakeBytes("x")).ok());
  core.Settle();
  core.Receive(2, 1, Ack(2, 1));
  core.Settle();
  EXPECT_EQ(LastRead(core), LogIndex(1));
}

TEST(RaftRead, AppendsCarryTheRoundAndTheirEchoNeedsNoDisk) {
  CoreDriver leader;
  leader.BecomeLeader();
  ASSERT_TRUE(leader->ReadIndex().ok());
  ASSERT_TRUE(leader->Propose(MakeBytes("x")).ok());
  EXPECT_THAT(leader.Send(),
              ElementsAre("1->2 append term=1 prev=1@1 commit=1 round=1 [2@1 \"x\"]",
                          "1->3 append term=1 prev=1@1 commit=1 round=1 [2@1 \"x\"]"));
  CoreDriver follower({.self = 2, .term = 1, .log = {1}});
  follower.Receive(1, 1, AppendRequest{LogIndex(1), Term(1), LogIndex(1), 1, EntriesOf({1}, 2)});
  EXPECT_THAT(follower.Send(), ElementsAre("2->1 heartbeat-ack term=1 round=1"));
  EXPECT_THAT(follower.CompleteWrites(), ElementsAre("2->1 ack term=1 index=2 round=1"));
}

TEST(RaftRead, AnOldRoundIsNotEchoedTwice) {
  CoreDriver follower({.self = 2, .term = 1, .log = {1}});
  follower.Receive(1, 1, AppendRequest{LogIndex(1), Term(1), LogIndex(1), 1, EntriesOf({1}, 2)});
  follower.Send();
  follower.Receive(1, 1, AppendRequest{LogIndex(2), Term(1), LogIndex(1), 1, EntriesOf({1}, 3)});
  EXPECT_THAT(follower.Send(), IsEmpty());
}

TEST(RaftRead, ReadsBetweenTwoFlushesShareARound) {
  CoreDriver core;
  core.BecomeLeader();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(core->ReadIndex().ok());
  EXPECT_THAT(core.Settle(), SizeIs(2));
  core.Receive(3, 1, HeartbeatResponse{1});
  core.Settle();
  EXPECT_THAT(core.reads(), SizeIs(50));
}

TEST(RaftRead, FailsWhenTheLeadershipIsLost) {
  CoreDriver core;
  core.BecomeLeader();
  ASSERT_TRUE(core->ReadIndex().ok());
  core.Settle();
  core.Receive(2, 2, Heartbeat{});
  core.Settle();
  EXPECT_EQ(LastRead(core), LogIndex(0));
}

TEST(RaftRead, FailsWhenTheQuorumIsLost) {
  CoreDriver core;
  core.BecomeLeader();
  ASSERT_TRUE(core->ReadIndex().ok());
  core.Settle();
  core.Tick(25);
  core.Settle();
  EXPECT_EQ(LastRead(core), LogIndex(0));
}

TEST(RaftRead, RoundsOfAnEarlierTermConfirmNothing) {
  CoreDriver core;
  core.BecomeLeader();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(core->ReadIndex().ok());
    core.Settle();
    core.Receive(2, 1, HeartbeatResponse{static_cast<ReadCounter>(i + 1)});
  }
  core.Receive(2, 2, Heartbeat{});
  core.Settle();
  core.BecomeLeader();  // term 3
  ASSERT_TRUE(core->ReadIndex().ok());
  core.Settle();
  const size_t done = core.reads().size();
  core.Receive(2, 1, HeartbeatResponse{5});  // late
  core.Settle();
  EXPECT_EQ(core.reads().size(), done);
}

TEST(RaftRead, WhenQuorumBecomesLess) {
  // raft-rs read_when_quorum_becomes_less: a smaller configuration may confirm a waiting read.
  CoreDriver core({.voters = 2});
  core.BecomeLeader();
  ASSERT_TRUE(core->ProposeConfiguration({.remove = {NodeId(2)}}).ok());
  core.Settle();
  core.Receive(2, 1, Ack(2));  // joint, committed: left by itself
  core.Settle();
  ASSERT_TRUE(core->ReadIndex().ok());
  core.Settle();
  EXPECT_NE(LastRead(core), std::nullopt);
}

TEST(RaftRead, JointConfigurationsNeedBothMajorities) {
  CoreDriver core({.voters = 3, .learners = 2});
  core.BecomeLeader();
  ASSERT_TRUE(core->ProposeConfiguration(
                      {.add_voters = {NodeId(4), NodeId(5)}, .remove = {NodeId(2), NodeId(3)}})
                  .ok());
  ASSERT_TRUE(core->ReadIndex().ok());
  core.Settle();
  core.Receive(4, 1, HeartbeatResponse{1});
  core.Receive(5, 1, HeartbeatResponse{1});
  core.Settle();
  EXPECT_EQ(LastRead(core), std::nullopt);
  core.Receive(2, 1, HeartbeatResponse{1});
  core.Settle();
  EXPECT_EQ(LastRead(core), LogIndex(1));
}

TEST(RaftRead, WithoutALeaderThereIsNobodyToAsk) {
  CoreDriver core;
  EXPECT_EQ(core->ReadIndex().status().code(), absl::StatusCode::kUnavailable);
  core->Campaign();
  EXPECT_EQ(core->ReadIndex().status().code(), absl::StatusCode::kUnavailable);
}

TEST(RaftRead, FreesReadMemory) {
  RaftOptions options;
  options.max_waiting_reads = 3;
  CoreDriver core({.options = options});
  core.BecomeLeader();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(core->ReadIndex().ok());
  EXPECT_EQ(core->ReadIndex().status().code(), absl::StatusCode::kResourceExhausted);
  core.Settle();
  core.Receive(2, 1, HeartbeatResponse{1});
  EXPECT_TRUE(core->ReadIndex().ok());
}

TEST(RaftRead, AFollowersReadsAreBoundedToo) {
  RaftOptions options;
  options.max_waiting_reads = 2;
  CoreDriver core({.term = 1, .options = options});
  core.Receive(2, 1, Heartbeat{});
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(core->ReadIndex().ok());
  EXPECT_EQ(core->ReadIndex().status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(RaftRead, DuplicateRequestsAreAnsweredOnce) {
  CoreDriver core;
  core.BecomeLeader();
  core.Receive(2, 1, ReadIndexRequest{77});
  core.Receive(2, 1, ReadIndexRequest{77});
  core.Settle();
  core.Receive(3, 1, HeartbeatResponse{1});
  EXPECT_THAT(core.Settle(), ElementsAre("1->2 read-response term=1 question=1 index=1"));
}

TEST(RaftRead, ARetriedQuestionIsConfirmedByALaterRoundOnly) {
  // etcd#20418 in full: the first answer was lost, entries were committed meanwhile by this leader,
  // the question is asked again, and late acknowledgements of the first round arrive.
  CoreDriver core;
  core.BecomeLeader();
  core.Receive(2, 1, ReadIndexRequest{77});
  core.Settle();
  core.Receive(3, 1, HeartbeatResponse{1});
  core.Settle();
  ASSERT_TRUE(core->Propose(MakeBytes("x")).ok());
  core.Settle();
  core.Receive(3, 1, Ack(2));
  core.Settle();
  core.Receive(2, 1, ReadIndexRequest{77});
  core.Settle();
  core.Receive(2, 1, HeartbeatResponse{1});  // late
  EXPECT_THAT(core.Settle(), Not(Contains(HasSubstr("read-response"))));
  core.Receive(2, 1, HeartbeatResponse{2});
  EXPECT_THAT(core.Settle(), Contains("1->2 read-response term=1 question=1 index=2"));
}

TEST(RaftRead, NodeReadIndexToOldLeader) {
  // The question reaches a member that does not lead any more: refused, so that it is asked anew.
  CoreDriver core({.term = 2});
  core.Receive(3, 2, Heartbeat{});
  core.Settle();
  core.Receive(2, 2, ReadIndexRequest{77});
  EXPECT_THAT(core.Settle(), ElementsAre("1->2 read-response term=2 question=1 index=0"));
}

TEST(RaftRead, StrangersGetNoAnswer) {
  CoreDriver core;
  core.BecomeLeader();
  core.Receive(9, 1, ReadIndexRequest{77});
  EXPECT_THAT(core.Settle(), IsEmpty());
}

TEST(RaftRead, AFollowersReadsFailWithItsLeader) {
  CoreDriver core({.term = 1});
  core.Receive(2, 1, Heartbeat{});
  ASSERT_TRUE(core->ReadIndex().ok());
  core.Settle();
  ASSERT_TRUE(core->ReadIndex().ok());  // not even asked yet
  core.Receive(3, 2, Heartbeat{});
  core.Settle();
  ASSERT_THAT(core.reads(), SizeIs(2));
  for (const ReadReady& read : core.reads()) EXPECT_TRUE(read.index.is_none());
}

TEST(RaftRead, AFollowersReadsFailWhenTheConnectionBreaks) {
  CoreDriver core({.self = 2, .term = 1});
  core.Receive(1, 1, Heartbeat{});
  ASSERT_TRUE(core->ReadIndex().ok());
  core.Settle();
  core->PeerLost(NodeId(1));
  core.Settle();
  EXPECT_EQ(LastRead(core), LogIndex(0));
}

TEST(RaftRead, ContextsDifferBetweenLives) {
  // An answer to a question of an earlier life must not be taken for one of now.
  const auto first_question = [](uint64_t seed) {
    InitialState initial;
    initial.self = MemberNumber(1);
    initial.group = ShardId(1);
    initial.snapshot.configuration = MakeConfiguration(3);
    RaftCore core({}, initial, seed);
    core.Receive({ShardId(1), MemberNumber(2), MemberNumber(1), Term(1), Heartbeat{}});
    EXPECT_TRUE(core.ReadIndex().ok());
    for (const Message& message : core.TakeOutputs().messages) {
      if (const auto* request = std::get_if<ReadIndexRequest>(&message.body)) {
        return request->context;
      }
    }
    return uint64_t{0};
  };
  EXPECT_NE(first_question(1), first_question(2));
}

TEST(RaftRead, TheAnswerBringsTheCommitAlong) {
  // So that the follower can serve the read without waiting for the next heartbeat.
  TestNetwork network;
  network.Start(3);
  network.Elect(1);
  network.Propose(1, "x");
  for (int i = 0; i < 6; ++i) {
    for (int node : network.nodes()) network.CompleteAll(node);
    network.DeliverInFlight();
  }
  ASSERT_EQ(network.core(3).commit(), LogIndex(1));
  ASSERT_TRUE(network.Step(3, [](RaftCore& core) { return core.ReadIndex(); }).ok());
  for (int i = 0; i < 6; ++i) {
    for (int node : network.nodes()) network.CompleteAll(node);
    network.DeliverInFlight();
  }
  ASSERT_THAT(network.reads(3), SizeIs(1));
  EXPECT_EQ(network.reads(3)[0].index, LogIndex(2));
  EXPECT_EQ(network.core(3).applied(), LogIndex(2));
}

TEST(RaftRead, ADeposedLeaderConfirmsNothing) {
  // 1 is cut off and does not know of leader 2 yet: its read waits, and fails.
  TestNetwork network({.check_quorum = false});
  network.Start(3);
  network.Elect(1);
  network.Isolate(1);
  network.Elect(2);
  network.Propose(2, "new");
  network.Stabilize();
  ASSERT_TRUE(network.Step(1, [](RaftCore& core) { return core.ReadIndex(); }).ok());
  network.Stabilize();
  EXPECT_THAT(network.reads(1), IsEmpty());
  network.Heal();
  network.TickAll(2);
  ASSERT_THAT(network.reads(1), SizeIs(1));
  EXPECT_TRUE(network.reads(1)[0].index.is_none());
}

}  // namespace
}  // namespace flotilla::raft
