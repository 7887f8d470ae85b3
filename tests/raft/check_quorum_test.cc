// Leaders that step down, votes that are withheld while a leader lives, and what happens when the
// connection to it breaks (etcd-raft: CheckQuorum; thesis 4.2.3, 6.2).
#include <vector>

#include "tests/raft/core_driver.h"
#include "tests/raft/test_network.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flotilla::raft {
namespace {

using testing::Contains;

constexpr int kTimeout = 10;

RaftOptions Options(bool pre_vote) {
  RaftOptions options;
  options.pre_vote = pre_vote;
  return options;
}

void Campaign(TestNetwork& network, int node) {
  network.Step(node, [](RaftCore& core) { core.Campaign(); });
  network.Stabilize();
}

TEST(RaftCheckQuorum, LeaderStaysWhenQuorumActive) {
  CoreDriver core;
  core.BecomeLeader();
  for (int i = 0; i < 3 * kTimeout; ++i) {
    core.Receive(2, 1, HeartbeatResponse{});
    core.Tick();
  }
  EXPECT_EQ(core->role(), Role::kLeader);
}

TEST(RaftCheckQuorum, LeaderStepdownWhenQuorumLost) {
  CoreDriver core;
  core.BecomeLeader();
  core.Tick(2 * kTimeout);
  EXPECT_EQ(core->role(), Role::kFollower);
  EXPECT_TRUE(core->leader().replica.is_none());
  EXPECT_EQ(core->term(), Term(1));
}

TEST(RaftCheckQuorum, LearnersDoNotKeepALeader) {
  CoreDriver core({.voters = 3, .learners = 1});
  core.BecomeLeader();
  for (int i = 0; i < 2 * kTimeout; ++i) {
    core.Receive(4, 1, HeartbeatResponse{});
    core.Tick();
  }
  EXPECT_EQ(core->role(), Role::kFollower);
}

TEST(RaftCheckQuorum, BothHalvesMustBeActive) {
  CoreDriver core({.voters = 3, .learners = 2});
  core.BecomeLeader();
  ConfigurationChange change;
  change.add_voters = {NodeId(4), NodeId(5)};
  change.remove = {NodeId(2), NodeId(3)};
  ASSERT_TRUE(core->ProposeConfiguration(change).ok());
  core.Settle();
  for (int i = 0; i < 2 * kTimeout; ++i) {
    core.Receive(4, 1, HeartbeatResponse{});
    core.Receive(5, 1, HeartbeatResponse{});
    core.Tick();
  }
  EXPECT_EQ(core->role(), Role::kFollower);
}

TEST(RaftCheckQuorum, LeaderSuperseding) {
  // A candidate gets no votes while a leader is heard of, and all of them afterwards.
  TestNetwork network(Options(false));
  network.Start(3);
  network.Elect(1);
  Campaign(network, 3);
  EXPECT_EQ(network.core(1).role(), Role::kLeader);
  EXPECT_EQ(network.core(3).role(), Role::kCandidate);
  network.Tick(2, kTimeout);
  network.Isolate(1);
  Campaign(network, 3);
  EXPECT_EQ(network.core(3).role(), Role::kLeader);
}

TEST(RaftCheckQuorum, FreeStuckCandidate) {
  // Its higher term reaches the leader when the leader shows itself.
  TestNetwork network(Options(false));
  network.Start(3);
  network.Elect(1);
  network.Isolate(1);
  Campaign(network, 3);
  Campaign(network, 3);
  const Term high = network.core(3).term();
  network.Heal();
  network.Tick(1);
  network.Stabilize();
  EXPECT_EQ(network.core(1).role(), Role::kFollower);
  EXPECT_GE(network.core(1).term(), high);
  network.TickAll(6 * kTimeout);
  ASSERT_NE(network.Leader(), 0);
  EXPECT_EQ(network.core(1).term(), network.core(3).term());
}

TEST(RaftCheckQuorum, NonPromotableVoterFollows) {
  // A replica that does not know it is a voter follows a leader like any other.
  CoreDriver core({.self = 3, .voters = 2, .learners = 1});
  core.Receive(1, 2, AppendRequest{LogIndex(0), Term(0), LogIndex(0), 0, EntriesOf({2})});
  EXPECT_EQ(core->leader(), MemberNumber(1));
  EXPECT_THAT(core.Settle(), Contains("3->1 ack term=2 index=1"));
}

TEST(RaftCheckQuorum, DisruptiveFollower) {
  // Without PreVote, a follower that timed out raises the term; the leader steps down when it shows
  // itself to it, and a new one is elected.
  TestNetwork network(Options(false));
  network.Start(3);
  network.Elect(1);
  Campaign(network, 3);
  EXPECT_EQ(network.core(3).role(), Role::kCandidate);
  EXPECT_EQ(network.core(3).term(), Term(2));
  EXPECT_EQ(network.core(2).term(), Term(1));
  network.Tick(1);
  network.Stabilize();
  EXPECT_EQ(network.core(1).role(), Role::kFollower);
}

TEST(RaftCheckQuorum, DisruptiveFollowerPreVote) {
  // With PreVote it does not.
  TestNetwork network(Options(true));
  network.Start(3);
  network.Elect(1);
  network.Isolate(3);
  network.Propose(1, "x");
  network.Tick(3, 10 * kTimeout);
  network.Stabilize();
  network.Heal();
  network.TickAll(kTimeout);
  EXPECT_EQ(network.core(1).role(), Role::kLeader);
  EXPECT_EQ(network.core(1).term(), Term(1));
  EXPECT_EQ(network.at(3).state(), network.at(1).state());
}

TEST(RaftCheckQuorum, AFollowerThatLosesItsConnectionAloneDeposesNobody) {
  TestNetwork network;
  network.Start(3);
  network.Elect(1);
  network.Step(3, [](RaftCore& core) { core.PeerLost(NodeId(1)); });
  network.Stabilize();
  network.TickAll(3 * kTimeout);
  EXPECT_EQ(network.Leader(), 1);
  EXPECT_EQ(network.core(3).leader(), MemberNumber(1));
  EXPECT_EQ(network.core(1).term(), Term(1));
}

TEST(RaftPeerLost, AKilledLeaderIsReplacedWithinAFewTicks) {
  for (int voters : {3, 5}) {
    for (int dead = 1; dead <= voters; ++dead) {
      TestNetwork network;
      network.Start(voters);
      network.Elect(dead);
      network.Crash(dead);
      for (int node : network.nodes()) {
        if (node == dead) continue;
        network.Step(
            node, [dead](RaftCore& core) { core.PeerLost(NodeId(static_cast<uint64_t>(dead))); });
      }
      network.Stabilize();
      network.TickAll(1);
      EXPECT_NE(network.Leader(), 0) << voters << " voters, " << dead << " dead";
      EXPECT_EQ(network.core(network.Leader()).term(), Term(2)) << "no split vote";
    }
  }
}

// Tells a member that the dead leader 1 is gone, and campaigns at once, whatever the member's rank.
void NoticeAndCampaign(TestNetwork& network, int node) {
  network.Step(node, [](RaftCore& core) {
    core.PeerLost(NodeId(1));
    core.Campaign();
  });
}

TEST(RaftPeerLost, OfTwoThatAskAtOnceOneGivesWay) {
  TestNetwork network;
  network.Start(3);
  network.Elect(1);
  network.Crash(1);
  NoticeAndCampaign(network, 2);
  NoticeAndCampaign(network, 3);
  network.Stabilize();
  EXPECT_EQ(network.Leader(), 2) << "of equal logs, the lower id";
  EXPECT_EQ(network.core(2).term(), Term(2)) << "no split vote";
}

// The leader 1 dies, and 3 has an entry more than 2.
void KillTheLeaderOfUnequalLogs(TestNetwork& network) {
  network.Start(3);
  network.Elect(1);
  network.Cut(1, 2);
  network.Propose(1, "x");
  network.Stabilize();
  network.Crash(1);
}

TEST(RaftPeerLost, OfTwoThatAskAtOnceTheLongerLogGoesFirst) {
  TestNetwork network;
  KillTheLeaderOfUnequalLogs(network);
  NoticeAndCampaign(network, 2);
  NoticeAndCampaign(network, 3);
  network.Stabilize();
  EXPECT_EQ(network.Leader(), 3);
  EXPECT_EQ(network.core(3).term(), Term(2));
}

TEST(RaftPeerLost, WhoAskedTooEarlyAsksAgain) {
  // 3 has the longer log and notices first; 2 still believes in its leader and says nothing. When 2
  // asks, too, it is refused: then 3 knows that 2 would listen now, and waits no election timeout.
  TestNetwork network;
  KillTheLeaderOfUnequalLogs(network);
  NoticeAndCampaign(network, 3);
  network.Stabilize();
  ASSERT_EQ(network.Leader(), 0);
  NoticeAndCampaign(network, 2);
  network.Stabilize();
  EXPECT_EQ(network.Leader(), 3);
  EXPECT_EQ(network.core(3).term(), Term(2));
}

TEST(RaftPeerLost, TheLossOfAnotherFollowerIsNoReasonToCampaign) {
  TestNetwork network;
  network.Start(3);
  network.Elect(1);
  network.Step(3, [](RaftCore& core) { core.PeerLost(NodeId(2)); });
  EXPECT_EQ(network.core(3).leader(), MemberNumber(1));
  EXPECT_EQ(network.core(3).role(), Role::kFollower);
}

TEST(RaftPeerLost, WordFromTheLeaderCallsTheCampaignOff) {
  // 2 is second in the order: it waits a tick, within which the leader turns out to be there.
  CoreDriver core({.self = 2});
  core.Receive(1, 1, Heartbeat{});
  core->PeerLost(NodeId(1));
  ASSERT_EQ(core->role(), Role::kFollower);
  core.Receive(1, 1, Heartbeat{});
  core.Tick(kTimeout - 1);
  EXPECT_EQ(core->role(), Role::kFollower);
}

}  // namespace
}  // namespace flotilla::raft
