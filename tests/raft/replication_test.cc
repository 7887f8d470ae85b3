// The log: replication, commitment, flow control (etcd-raft's raft_test.go, log and progress).
#include <cstdint>
#include <string>
#include <tuple>
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
AppendResponse Rejection(uint64_t refused, uint64_t hint, uint64_t hint_term) {
  return {LogIndex(refused), 0, AppendResponse::Conflict{LogIndex(hint), Term(hint_term)}};
}
AppendRequest Append(uint64_t prev_index, uint64_t prev_term, std::vector<Entry> entries = {},
                     uint64_t commit = 0) {
  return {LogIndex(prev_index), Term(prev_term), LogIndex(commit), 0, std::move(entries)};
}

void Propose(CoreDriver& core, const std::string& command) {
  ASSERT_TRUE(core->Propose(MakeBytes(command)).ok());
}

// Without members 2 and 3 being heard of, a leader would step down: fine for tests on appends.
RaftOptions NoQuorumCheck() {
  RaftOptions options;
  options.check_quorum = false;
  return options;
}

TEST(RaftReplication, LogReplication) {
  TestNetwork network;
  network.Start(3);
  network.Elect(1);
  for (const char* command : {"a", "b"}) {
    network.Propose(1, command);
    network.Stabilize();
  }
  network.Elect(1);  // nothing happens to a leader
  for (int node : network.nodes()) {
    EXPECT_EQ(network.commands(node), (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(network.core(node).commit(), LogIndex(3));
  }
}

TEST(RaftReplication, SingleNodeCommit) {
  TestNetwork network;
  network.Start(1);
  network.Elect(1);
  network.Propose(1, "a");
  network.Propose(1, "b");
  network.Stabilize();
  EXPECT_EQ(network.core(1).commit(), LogIndex(3));
}

TEST(RaftReplication, CannotCommitWithoutNewTermEntry) {
  // The leader has a majority again, but its new no-op cannot be replicated to it.
  TestNetwork network(NoQuorumCheck());
  network.Start(5);
  network.Elect(1);
  for (int node : {3, 4, 5}) network.Cut(1, node);
  network.Propose(1, "a");
  network.Propose(1, "b");
  network.Stabilize();
  EXPECT_EQ(network.core(1).commit(), LogIndex(1));
  network.Heal();
  network.lose = [](const Message& m) { return std::holds_alternative<AppendRequest>(m.body); };
  network.Elect(2);
  EXPECT_EQ(network.core(2).commit(), LogIndex(1));
  network.lose = nullptr;
  network.TickAll(3);
  network.Propose(2, "c");
  network.Stabilize();
  EXPECT_EQ(network.core(2).commit(), LogIndex(5));
}

TEST(RaftReplication, CommitWithoutNewTermEntryOfTheCaller) {
  // The no-op of the new leader commits what the old one left.
  TestNetwork network(NoQuorumCheck());
  network.Start(5);
  network.Elect(1);
  for (int node : {3, 4, 5}) network.Cut(1, node);
  network.Propose(1, "a");
  network.Stabilize();
  network.Heal();
  network.Elect(2);
  EXPECT_EQ(network.core(2).commit(), LogIndex(3));
}

TEST(RaftReplication, Commit) {
  struct Case {
    std::vector<uint64_t> log;   // of a leader whose term is 2 from its last entry on
    std::vector<uint64_t> acks;  // of peers 2, 3, ...
    uint64_t commit;
  };
  // The leader's no-op is the entry after the log; it has term 3.
  const std::vector<Case> cases = {
      {{1, 2}, {3, 3}, 3},       {{1, 2}, {3, 2}, 3},       {{1, 2}, {2, 2}, 0},
      {{1, 2}, {3, 0, 0, 0}, 0}, {{1, 2}, {3, 3, 0, 0}, 3}, {{1}, {2, 0}, 2},
      {{}, {1, 1, 0, 0}, 1},     {{}, {1, 0, 0, 0}, 0},
  };
  for (const Case& c : cases) {
    const int voters = static_cast<int>(c.acks.size()) + 1;
    CoreDriver core({.voters = voters, .term = 2, .log = c.log, .options = NoQuorumCheck()});
    core.WinElection();
    for (size_t i = 0; i < c.acks.size(); ++i) {
      if (c.acks[i] > 0) core.Receive(i + 2, 3, Ack(c.acks[i]));
    }
    EXPECT_EQ(core->commit(), LogIndex(c.commit)) << voters << " voters";
  }
}

TEST(RaftReplication, OldMessagesChangeNothing) {
  TestNetwork network(NoQuorumCheck());
  network.Start(3);
  network.Elect(1);
  network.Elect(2);
  network.Elect(1);
  // An append of leader 2, in its term, that comes late.
  network.Deliver(
      {ShardId(1), MemberNumber(2), MemberNumber(1), Term(2), Append(2, 2, EntriesOf({2}, 3))});
  network.Propose(1, "a");
  network.Stabilize();
  for (int node : network.nodes()) {
    EXPECT_EQ(network.commands(node), (std::vector<std::string>{"a"}));
    EXPECT_EQ(network.core(node).TermAt(LogIndex(3)), Term(3));
  }
}

TEST(RaftReplication, ProposalNeedsAMajority) {
  for (const auto& [down, committed] :
       std::vector<std::pair<std::vector<int>, bool>>{{{}, true}, {{3}, true}, {{2, 3}, false}}) {
    TestNetwork network(NoQuorumCheck());
    network.Start(3);
    network.Elect(1);
    for (int node : down) network.Crash(node);
    network.Propose(1, "x");
    network.Stabilize();
    EXPECT_EQ(network.core(1).commit() == LogIndex(2), committed);
  }
}

TEST(RaftReplication, ProposalByProxyIsRefusedWithoutTrace) {
  // Forwarding is the host's business; a follower only says that it is none.
  CoreDriver core({.term = 1});
  core.Receive(2, 1, Heartbeat{});
  EXPECT_EQ(core->Propose(MakeBytes("x")).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(core->last_index(), LogIndex(0));
}

TEST(RaftReplication, StepIgnoreOldTermMsg) {
  CoreDriver core({.term = 5});
  core.Receive(2, 4, Ack(3));
  core.Receive(2, 4, VoteResponse{false, true});
  core.Receive(2, 4, TimeoutNow{});
  EXPECT_THAT(core.Settle(), IsEmpty());
}

TEST(RaftReplication, HandleMsgAppCommitsUpToTheLastNewEntry) {
  // The follower has an entry that the leader did not send: it may differ from the leader's.
  for (const auto& [prev, entries, commit, expected] :
       std::vector<std::tuple<uint64_t, std::vector<uint64_t>, uint64_t, uint64_t>>{
           {0, {1}, 3, 1},
           {0, {1, 2}, 3, 2},
           {2, {}, 3, 2},
           {2, {}, 4, 2},
           {1, {}, 4, 1},
           {2, {2}, 3, 3},
           {1, {2}, 4, 2},
           {2, {}, 1, 1}}) {
    CoreDriver core({.term = 2, .log = {1, 2}});
    const uint64_t prev_term = prev == 0 ? 0 : prev == 1 ? 1 : 2;
    core.Receive(2, 2, Append(prev, prev_term, EntriesOf(entries, prev + 1), commit));
    EXPECT_EQ(core->commit(), LogIndex(expected));
  }
}

TEST(RaftReplication, AShorterAppendDoesNotCutTheLog) {
  // A repeated message, overtaken by a longer one (openraft#511).
  CoreDriver core({.term = 1});
  core.Receive(2, 1, Append(0, 0, EntriesOf({1, 1, 1})));
  core.Receive(2, 1, Append(0, 0, EntriesOf({1})));
  EXPECT_EQ(core->last_index(), LogIndex(3));
  EXPECT_THAT(core.Settle(), ElementsAre("1->2 ack term=1 index=3"));
}

TEST(RaftReplication, HandleHeartbeatRaisesTheCommit) {
  CoreDriver core({.term = 2, .commit = 1, .log = {1, 2, 2}});
  core.Receive(2, 2, Heartbeat{LogIndex(3), 0});
  EXPECT_EQ(core->commit(), LogIndex(3));
  core.Receive(2, 2, Heartbeat{LogIndex(2), 0});
  EXPECT_EQ(core->commit(), LogIndex(3));  // never back
}

TEST(RaftReplicationDeathTest, ACommitBeyondTheLogMeansThatEntriesWereLost) {
  CoreDriver core({.term = 2, .log = {1, 2}});
  EXPECT_DEATH(core.Receive(2, 2, Heartbeat{LogIndex(3), 0}), "CHECK failed");
}

TEST(RaftReplicationDeathTest, AConflictWithWhatIsCommittedStopsTheMember) {
  CoreDriver core({.term = 2, .commit = 1, .log = {1, 1}});
  EXPECT_DEATH(core.Receive(2, 2, Append(1, 1, EntriesOf({1, 2}, 2), 2)); core->AppendDone(1);
               core.Receive(3, 3, Append(1, 1, EntriesOf({3}, 2))), "CHECK failed");
}

TEST(RaftReplication, LeaderMsgAppSelfAckAfterTermChange) {
  // The leader's own write completes after it was deposed: it acknowledges nothing any more.
  CoreDriver core;
  core.BecomeLeader();
  Propose(core, "x");
  core.Send();
  core.Receive(2, 2, Heartbeat{LogIndex(0), 0});
  core.CompleteWrites();
  EXPECT_EQ(core->role(), Role::kFollower);
  EXPECT_EQ(core->commit(), LogIndex(1));
}

TEST(RaftReplication, OneAppendPerPeerAndOneWriteForManyProposals) {
  CoreDriver core;
  core.BecomeLeader();
  const size_t writes = core.writes().size();
  for (int i = 0; i < 100; ++i) Propose(core, "x");
  EXPECT_THAT(core.Send(), ElementsAre(HasSubstr("1->2 append"), HasSubstr("1->3 append")));
  ASSERT_EQ(core.writes().size(), writes + 1);
  EXPECT_THAT(core.writes().back().entries, SizeIs(100));
}

TEST(RaftReplication, OneAppendAnswersManyAcknowledgements) {
  CoreDriver core({.voters = 3, .options = {.max_inflight_messages_per_peer = 2}});
  core.BecomeLeader();
  Propose(core, "a");
  core.Send();
  Propose(core, "b");
  core.Send();
  Propose(core, "c");
  Propose(core, "d");
  EXPECT_THAT(core.Send(), IsEmpty());
  core.Receive(2, 1, Ack(2));
  core.Receive(2, 1, Ack(3));
  EXPECT_THAT(core.Send(),
              ElementsAre("1->2 append term=1 prev=3@1 commit=1 [4@1 \"c\", 5@1 \"d\"]"));
}

TEST(RaftReplication, APayloadIsSharedNotCopied) {
  CoreDriver core;
  core.BecomeLeader();
  const SharedBytes payload = MakeBytes("x");
  ASSERT_TRUE(core->Propose(payload).ok());
  const Outputs outputs = core->TakeOutputs();
  ASSERT_THAT(outputs.messages, SizeIs(2));
  EXPECT_EQ(std::get<AppendRequest>(outputs.messages[0].body).entries[0].payload, payload);
  EXPECT_EQ(std::get<AppendRequest>(outputs.messages[1].body).entries[0].payload, payload);
  EXPECT_EQ(outputs.persist->entries[0].payload, payload);
}

TEST(RaftReplication, ProgressPausedWhileProbing) {
  // Where a peer is unknown, one append is under way at a time.
  CoreDriver core;
  core.WinElection();
  Propose(core, "a");
  Propose(core, "b");
  EXPECT_THAT(core.Settle(), IsEmpty());
  core.Receive(2, 1, Ack(1));
  EXPECT_THAT(core.Settle(),
              ElementsAre("1->2 append term=1 prev=1@1 commit=1 [2@1 \"a\", 3@1 \"b\"]"));
}

TEST(RaftReplication, ProgressResumeByHeartbeatResp) {
  CoreDriver core({.options = NoQuorumCheck()});
  core.WinElection();
  core.Tick();
  EXPECT_THAT(core.Settle(), Contains("1->2 append term=1 prev=0@0 commit=0 [1@1]"))
      << "a new leader tries each peer twice";
  core.Tick();
  EXPECT_THAT(core.Settle(),
              ElementsAre("1->2 heartbeat term=1 commit=0", "1->3 heartbeat term=1 commit=0"));
  core.Receive(2, 1, HeartbeatResponse{});
  EXPECT_THAT(core.Settle(), IsEmpty());
  core.Tick();
  EXPECT_THAT(core.Settle(), Contains("1->2 append term=1 prev=0@0 commit=0 [1@1]"));
}

TEST(RaftReplication, ProgressFlowControlByMessages) {
  CoreDriver core(
      {.voters = 2, .options = {.max_message_bytes = 1, .max_inflight_messages_per_peer = 3}});
  core.BecomeLeader();
  for (int i = 0; i < 10; ++i) Propose(core, std::to_string(i));
  EXPECT_THAT(core.Settle(), SizeIs(3));
  core.Receive(2, 1, Ack(2));
  EXPECT_THAT(core.Settle(), SizeIs(1));
  core.Receive(2, 1, Ack(4));
  EXPECT_THAT(core.Settle(), SizeIs(2));
  core.Receive(2, 1, Ack(4));  // again
  EXPECT_THAT(core.Settle(), IsEmpty());
}

TEST(RaftReplication, ProgressFlowControlByBytes) {
  CoreDriver core(
      {.voters = 2, .options = {.max_message_bytes = 100, .max_inflight_bytes_per_peer = 250}});
  core.BecomeLeader();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(core->Propose(CommandOfSize(100)).ok());
  EXPECT_THAT(core.Settle(), SizeIs(3));  // the third one crosses the limit
  core.Receive(2, 1, Ack(2));
  EXPECT_THAT(core.Settle(), SizeIs(1));
}

TEST(RaftReplication, AppendPagination) {
  CoreDriver core({.voters = 2, .options = {.max_message_bytes = 200}});
  core.BecomeLeader();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(core->Propose(CommandOfSize(100)).ok());
  ASSERT_TRUE(core->Propose(CommandOfSize(1000)).ok());  // larger than a message: alone
  EXPECT_THAT(core.Settle(), SizeIs(4));
}

TEST(RaftReplication, UncommittedEntryLimit) {
  CoreDriver core({.options = {.max_uncommitted_bytes = 300}});
  core.BecomeLeader();
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(core->Propose(CommandOfSize(100)).ok());
  EXPECT_EQ(core->Propose(CommandOfSize(150)).status().code(),
            absl::StatusCode::kResourceExhausted);
  core.Settle();
  core.Receive(2, 1, Ack(3));
  core.Settle();
  EXPECT_TRUE(core->Propose(CommandOfSize(5000)).ok()) << "one of any size always passes";
  EXPECT_EQ(core->Propose(CommandOfSize(32)).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(RaftReplication, BoundedLogGrowthWithPartition) {
  TestNetwork network({.check_quorum = false, .max_uncommitted_bytes = 1000});
  network.Start(3);
  network.Elect(1);
  network.Isolate(1);
  int taken = 0;
  for (int i = 0; i < 1000; ++i) {
    taken += network.Step(1, [](RaftCore& core) { return core.Propose(CommandOfSize(100)).ok(); });
  }
  EXPECT_EQ(taken, 10);
  network.Heal();
  network.TickAll(5);
  EXPECT_TRUE(
      network.Step(1, [](RaftCore& core) { return core.Propose(CommandOfSize(100)).ok(); }));
}

TEST(RaftReplication, ALeaderWhoseStateMachineLagsTakesNoMore) {
  CoreDriver core({.voters = 1, .options = {.max_unapplied_bytes = 150}});
  core.WinElection();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(core->Propose(CommandOfSize(100)).ok());
    core.Send();
    core.CompleteWrites();
  }
  EXPECT_EQ(core->Propose(CommandOfSize(32)).status().code(), absl::StatusCode::kResourceExhausted);
  core.Settle();
  EXPECT_TRUE(core->Propose(CommandOfSize(32)).ok());
}

TEST(RaftReplication, LeaderIncreaseNext) {
  // With a pipeline, next runs ahead; without one it waits for the answer.
  CoreDriver core({.voters = 2});
  core.BecomeLeader();
  Propose(core, "a");
  core.Settle();
  Propose(core, "b");
  EXPECT_THAT(core.Settle(), ElementsAre("1->2 append term=1 prev=2@1 commit=1 [3@1 \"b\"]"));
}

TEST(RaftReplication, RecvMsgUnreachableMakesAPipelineAProbe) {
  CoreDriver core({.voters = 2});
  core.BecomeLeader();
  Propose(core, "a");
  Propose(core, "b");
  core.Settle();
  core->PeerLost(NodeId(2));
  EXPECT_THAT(core.Settle(),
              ElementsAre("1->2 append term=1 prev=1@1 commit=1 [2@1 \"a\", 3@1 \"b\"]"));
  Propose(core, "c");
  EXPECT_THAT(core.Settle(), IsEmpty());
}

TEST(RaftReplication, MsgAppRespWaitReset) {
  // A paused probe goes on at its acknowledgement, other peers independently.
  CoreDriver core;
  core.WinElection();
  core.Receive(2, 1, Ack(1));
  core.Settle();
  Propose(core, "x");
  EXPECT_THAT(core.Settle(), ElementsAre("1->2 append term=1 prev=1@1 commit=1 [2@1 \"x\"]"));
  core.Receive(3, 1, Ack(1));
  EXPECT_THAT(core.Settle(), ElementsAre("1->3 append term=1 prev=1@1 commit=1 [2@1 \"x\"]"));
}

TEST(RaftReplication, LeaderAppRespOfStrangersAndOldRejections) {
  CoreDriver core;
  core.BecomeLeader();
  core.Receive(9, 1, Ack(1));
  core.Receive(2, 1, Rejection(1, 0, 0));  // at match: an old one
  EXPECT_THAT(core.Settle(), IsEmpty());
}

TEST(RaftReplication, BcastBeatIsBoundedByWhatAPeerHas) {
  CoreDriver core;
  core.WinElection();
  core.Receive(2, 1, Ack(1));
  core.Settle();
  core.Tick();
  EXPECT_THAT(core.Settle(), testing::IsSupersetOf({"1->2 heartbeat term=1 commit=1",
                                                    "1->3 heartbeat term=1 commit=0"}));
}

TEST(RaftReplication, RecvMsgBeatOnlyALeaderSendsHeartbeats) {
  CoreDriver follower({.term = 1});
  follower.Receive(2, 1, Heartbeat{});
  follower.Settle();
  follower.Tick();
  EXPECT_THAT(follower.Settle(), IsEmpty());
}

// etcd's TestFastLogRejection: from {leader's log, follower's log} to the next append's position.
TEST(RaftReplication, FastLogRejection) {
  struct Case {
    std::vector<uint64_t> leader;  // its no-op, of a later term, follows
    std::vector<uint64_t> follower;
    uint64_t hint_index, hint_term;  // the follower's
    uint64_t next_prev;              // of the leader's second try
  };
  const std::vector<Case> cases = {
      {{1, 2, 2, 4, 4, 4, 4}, {1, 2, 2, 4, 4, 4, 4, 4, 4, 4, 4}, 7, 4, 7},
      {{1, 2, 2, 3, 4, 4, 4, 5}, {1, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3}, 8, 3, 4},
      {{1, 1, 1, 1, 4}, {1, 1, 2, 2, 2}, 5, 2, 4},
      {{1, 1, 1, 1, 1}, {1, 1, 2, 2, 4}, 2, 1, 2},
      {{2, 5}, {3, 3, 3, 3, 3, 4}, 2, 3, 1},
      {{2, 2, 5, 5, 5}, {2, 4, 4, 4, 4, 4}, 5, 4, 2},
  };
  for (const Case& c : cases) {
    CoreDriver leader({.voters = 2, .term = 6, .log = c.leader});
    leader.WinElection();
    const uint64_t prev = c.leader.size();
    CoreDriver follower({.self = 2, .voters = 2, .term = 6, .log = c.follower});
    follower.Receive(1, 7, Append(prev, c.leader.back()));
    const Lines answer = follower.Settle();
    const bool agrees = c.follower.size() >= prev && c.follower[prev - 1] == c.leader.back();
    if (agrees) {
      EXPECT_THAT(answer, Contains(HasSubstr("ack")));
      continue;
    }
    EXPECT_THAT(answer, Contains("2->1 rejection term=7 index=" + std::to_string(prev) + " hint=" +
                                 std::to_string(c.hint_index) + "@" + std::to_string(c.hint_term)));
    leader.Receive(2, 7, Rejection(prev, c.hint_index, c.hint_term));
    EXPECT_THAT(leader.Settle(),
                Contains(HasSubstr("append term=7 prev=" + std::to_string(c.next_prev) + "@")));
  }
}

TEST(RaftReplication, ReorderedMessagesAreSortedOut) {
  // Three appends arrive in the wrong order; all entries get there.
  TestNetwork network(NoQuorumCheck());
  network.Start(2);
  network.Elect(1);
  for (const char* command : {"a", "b", "c"}) network.Propose(1, command);
  std::reverse(network.in_flight().begin(), network.in_flight().end());
  network.Stabilize();
  network.TickAll(3);
  EXPECT_EQ(network.commands(2), (std::vector<std::string>{"a", "b", "c"}));
}

TEST(RaftReplication, ReorderedRejectDoesNotMoveNextBelowMatch) {
  // Scylla's test_reordered_reject: a rejection overtaken by the acknowledgement of the retry.
  TestNetwork network(NoQuorumCheck());
  network.Start(2);
  network.Elect(1);
  network.Propose(1, "a");
  network.DeliverInFlight();
  network.CompleteAll(2);
  network.CompleteAll(1);
  const Message reject{ShardId(1), MemberNumber(2), MemberNumber(1), Term(1), Rejection(1, 0, 0)};
  network.Stabilize();
  network.Deliver(reject);
  network.Propose(1, "b");
  network.Stabilize();
  EXPECT_EQ(network.commands(2), (std::vector<std::string>{"a", "b"}));
}

TEST(RaftReplication, ReplyFromRemovedFollowerIsIgnored) {
  CoreDriver core({.voters = 3, .learners = 0});
  core.BecomeLeader();
  ASSERT_TRUE(core->ProposeConfiguration({.remove = {NodeId(3)}}).ok());
  core.Settle();
  for (uint64_t index : {2, 3}) {
    core.Receive(2, 1, Ack(index));
    core.Settle();
  }
  core.Receive(3, 1, Ack(3));
  core.Settle();
  core.Tick();
  core.Settle();
  core.Tick();
  core.Settle();
  Propose(core, "x");
  EXPECT_THAT(core.Settle(), ElementsAre(HasSubstr("1->2 append")));
  core.Receive(3, 1, Ack(4));
  EXPECT_EQ(core->commit(), LogIndex(3));
}

TEST(RaftReplication, NonVoterStaysPipeline) {
  // Scylla: a learner's acknowledgements open its window like anybody's.
  CoreDriver core({.voters = 1, .learners = 1, .options = {.max_inflight_messages_per_peer = 2}});
  core.BecomeLeader();
  for (uint64_t i = 2; i < 12; ++i) {
    Propose(core, "x");
    EXPECT_THAT(core.Settle(), Contains(HasSubstr("1->2 append")));
    core.Receive(2, 1, Ack(i));
  }
}

TEST(RaftReplication, AFollowersAcceptedEntriesOfALowerTermAreStillItsLeaders) {
  TestNetwork network(NoQuorumCheck());
  network.Start(3);
  network.Elect(1);
  network.Isolate(1);
  network.Propose(1, "lost");
  network.Stabilize();
  network.Elect(2);
  network.Propose(2, "kept");
  network.Stabilize();
  network.Heal();
  network.TickAll(3);
  EXPECT_EQ(network.commands(1), (std::vector<std::string>{"kept"}));
}

}  // namespace
}  // namespace flotilla::raft
