// Leadership transfer (Raft thesis 3.10; etcd-raft's TransferTo tests and scylla's).
#include <string>
#include <variant>
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
using testing::IsEmpty;

constexpr int kTimeout = 10;

AppendResponse Ack(uint64_t index) { return {LogIndex(index), 0, std::nullopt}; }

absl::Status Transfer(TestNetwork& network, int from, int to) {
  return network.Step(from, [to](RaftCore& core) {
    return core.TransferLeadership(NodeId(static_cast<uint64_t>(to)));
  });
}

// Three members, 1 leads.
TestNetwork ThreeMembers() {
  TestNetwork network;
  network.Start(3);
  network.Elect(1);
  return network;
}

TEST(RaftTransfer, ToUpToDateNodeWithCheckQuorum) {
  TestNetwork network = ThreeMembers();
  ASSERT_TRUE(Transfer(network, 1, 2).ok());
  network.Stabilize();
  EXPECT_EQ(network.Leader(), 2);
  EXPECT_EQ(network.core(1).role(), Role::kFollower);
  // And back, with entries.
  network.Propose(2, "x");
  ASSERT_TRUE(Transfer(network, 2, 1).ok());
  network.Stabilize();
  EXPECT_EQ(network.Leader(), 1);
}

TEST(RaftTransfer, FromAFollowerIsRefused) {
  TestNetwork network = ThreeMembers();
  EXPECT_EQ(Transfer(network, 2, 3).code(), absl::StatusCode::kFailedPrecondition);
}

TEST(RaftTransfer, ToSlowFollower) {
  TestNetwork network = ThreeMembers();
  network.Isolate(3);
  network.Propose(1, "x");
  network.Stabilize();
  network.Heal();
  ASSERT_TRUE(Transfer(network, 1, 3).ok());
  network.TickAll(3);
  EXPECT_EQ(network.Leader(), 3);
  EXPECT_EQ(network.commands(3), (std::vector<std::string>{"x"}));
}

TEST(RaftTransfer, AfterSnapshot) {
  TestNetwork network = ThreeMembers();
  network.Isolate(3);
  network.Propose(1, "x");
  network.Stabilize();
  network.at(1).FlushState();
  network.at(1).Compact(network.core(1).applied());
  network.Heal();
  ASSERT_TRUE(Transfer(network, 1, 3).ok());
  network.TickAll(4);
  EXPECT_EQ(network.Leader(), 3);
}

TEST(RaftTransfer, ToSelfAndToStrangersAndToLearnersIsRefused) {
  CoreDriver core({.voters = 2, .learners = 1});
  core.BecomeLeader();
  for (uint64_t node : {1, 3, 9}) {
    EXPECT_EQ(core->TransferLeadership(NodeId(node)).code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_THAT(core.Settle(), IsEmpty());
}

// A leader that was just asked to hand over to a node that died a moment ago stopped its shard for
// an election timeout.
TEST(RaftTransfer, ToWhoDoesNotAnswerIsRefused) {
  CoreDriver core;
  core.WinElection();
  core.Receive(2, 1, Ack(1));
  EXPECT_EQ(core->TransferLeadership(NodeId(3)).code(), absl::StatusCode::kUnavailable);
  core.Receive(3, 1, Ack(1));
  core->PeerLost(NodeId(3));
  EXPECT_EQ(core->TransferLeadership(NodeId(3)).code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(core->Propose(MakeBytes("x")).ok());
  core.Receive(3, 1, Ack(1));
  EXPECT_TRUE(core->TransferLeadership(NodeId(3)).ok());
}

// It has been away: until it has caught up the shard would stand still.
TEST(RaftTransfer, ToWhoIsFarBehindIsRefused) {
  TestNetwork network({.max_transfer_lag = 5});
  network.Start(3);
  network.Elect(1);
  network.Isolate(3);
  for (int i = 0; i < 6; ++i) network.Propose(1, "x");
  network.Stabilize();
  EXPECT_EQ(Transfer(network, 1, 3).code(), absl::StatusCode::kUnavailable);
  network.Heal();
  network.TickAll(3);
  EXPECT_TRUE(Transfer(network, 1, 3).ok());
  network.Stabilize();
  EXPECT_EQ(network.Leader(), 3);
}

// It was restarted: its log is whole, but until what it had not flushed is applied again it could
// answer nothing.
TEST(RaftTransfer, ToWhoHasMuchToApplyIsRefused) {
  CoreDriver core({.options = {.max_transfer_unapplied = 5}});
  core.BecomeLeader();
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(core->Propose(MakeBytes("x")).ok());
  core.Settle();
  core.Receive(2, 1, Ack(7));
  core.Receive(3, 1, Ack(7));
  EXPECT_EQ(core->TransferLeadership(NodeId(3)).code(), absl::StatusCode::kUnavailable);
  core.Receive(3, 1, HeartbeatResponse{0, LogIndex(1)});
  EXPECT_EQ(core->TransferLeadership(NodeId(3)).code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(core->Propose(MakeBytes("x")).ok());
  core.Receive(3, 1, HeartbeatResponse{0, LogIndex(2)});
  EXPECT_TRUE(core->TransferLeadership(NodeId(3)).ok());
}

TEST(RaftTransfer, AFollowerSaysHowFarItHasApplied) {
  CoreDriver follower({.self = 2, .term = 1, .log = {1, 1, 1}});
  const auto applied = [&] {
    follower.Receive(1, 1, Heartbeat{LogIndex(3), 0});
    const Outputs outputs = follower->TakeOutputs();
    return std::get<HeartbeatResponse>(outputs.messages.at(0).body).applied;
  };
  EXPECT_EQ(applied(), LogIndex(0));
  follower->ApplyDone(LogIndex(3));
  EXPECT_EQ(applied(), LogIndex(3));
}

TEST(RaftTransfer, LosingTheTargetEndsIt) {
  TestNetwork network = ThreeMembers();
  network.Isolate(3);
  ASSERT_TRUE(Transfer(network, 1, 3).ok());
  network.Step(1, [](RaftCore& core) { core.PeerLost(NodeId(3)); });
  EXPECT_EQ(network.core(1).Status().transfer_target, Member());
  network.Propose(1, "x");
  network.Stabilize();
  EXPECT_EQ(network.commands(2), (std::vector<std::string>{"x"}));
}

TEST(RaftTransfer, TimeoutLeadsOn) {
  TestNetwork network = ThreeMembers();
  network.Isolate(3);
  ASSERT_TRUE(Transfer(network, 1, 3).ok());
  network.TickAll(kTimeout);
  EXPECT_EQ(network.Leader(), 1);
  EXPECT_EQ(network.core(1).Status().transfer_target, Member());
  network.Propose(1, "x");
}

TEST(RaftTransfer, IgnoreProposalMeanwhile) {
  CoreDriver core;
  core.BecomeLeader();
  ASSERT_TRUE(core->Propose(MakeBytes("x")).ok());
  core.Settle();
  ASSERT_TRUE(core->TransferLeadership(NodeId(3)).ok());
  EXPECT_EQ(core->Status().transfer_target, MemberNumber(3));
  EXPECT_EQ(core->Propose(MakeBytes("y")).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(core->ProposeConfiguration({.remove = {NodeId(2)}}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(core->last_index(), LogIndex(2));
}

TEST(RaftTransfer, TimeoutNowWaitsForTheWholeLog) {
  CoreDriver core;
  core.BecomeLeader();
  ASSERT_TRUE(core->Propose(MakeBytes("x")).ok());
  core.Settle();
  ASSERT_TRUE(core->TransferLeadership(NodeId(3)).ok());
  EXPECT_THAT(core.Settle(), IsEmpty());
  core.Receive(2, 1, Ack(2));
  EXPECT_THAT(core.Settle(), IsEmpty());
  core.Receive(3, 1, Ack(2));
  EXPECT_THAT(core.Settle(), ElementsAre("1->3 timeout-now term=1"));
  core.Receive(3, 1, Ack(2));
  EXPECT_THAT(core.Settle(), IsEmpty());  // once
}

TEST(RaftTransfer, ReceiveHigherTermVoteEndsIt) {
  TestNetwork network({.check_quorum = false});
  network.Start(3);
  network.Elect(1);
  network.Isolate(3);
  ASSERT_TRUE(Transfer(network, 1, 3).ok());
  network.Elect(2);
  EXPECT_EQ(network.core(1).role(), Role::kFollower);
  EXPECT_EQ(network.core(1).Status().transfer_target, Member());
}

TEST(RaftTransfer, RemoveNodeEndsIt) {
  CoreDriver core;
  core.BecomeLeader();
  ASSERT_TRUE(core->ProposeConfiguration({.remove = {NodeId(3)}}).ok());
  core.Settle();
  // It is on its way out already.
  EXPECT_EQ(core->TransferLeadership(NodeId(3)).code(), absl::StatusCode::kInvalidArgument);
}

TEST(RaftTransfer, DemoteNodeEndsIt) {
  // Its vote counts until the joint configuration is left, but it must not lead any more.
  CoreDriver core;
  core.BecomeLeader();
  ASSERT_TRUE(core->ProposeConfiguration({.demote = {NodeId(3)}}).ok());
  EXPECT_EQ(core->TransferLeadership(NodeId(3)).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(core->TransferLeadership(NodeId(2)).ok());
}

TEST(RaftTransfer, SecondTransferToAnotherNodeReplacesTheFirst) {
  TestNetwork network = ThreeMembers();
  network.Isolate(3);
  ASSERT_TRUE(Transfer(network, 1, 3).ok());
  ASSERT_TRUE(Transfer(network, 1, 2).ok());
  network.Stabilize();
  EXPECT_EQ(network.Leader(), 2);
}

TEST(RaftTransfer, SecondTransferToSameNodeDoesNotExtendTheWait) {
  TestNetwork network = ThreeMembers();
  network.Isolate(3);
  ASSERT_TRUE(Transfer(network, 1, 3).ok());
  for (int i = 0; i < kTimeout; ++i) {
    network.TickAll();
    if (i == kTimeout / 2) {
      ASSERT_TRUE(Transfer(network, 1, 3).ok());
    }
  }
  EXPECT_EQ(network.core(1).Status().transfer_target, Member());
}

TEST(RaftTransfer, BackToTheOldLeader) {
  TestNetwork network = ThreeMembers();
  ASSERT_TRUE(Transfer(network, 1, 2).ok());
  network.Stabilize();
  ASSERT_TRUE(Transfer(network, 2, 1).ok());
  network.Stabilize();
  EXPECT_EQ(network.Leader(), 1);
}

TEST(RaftTransfer, TransferNonMemberDoesNotCampaign) {
  // TimeoutNow reaches a replica that is no voter any more.
  CoreDriver core({.self = 4, .voters = 3, .learners = 1, .term = 1});
  core.Receive(1, 1, Heartbeat{});
  core.Receive(1, 1, TimeoutNow{});
  EXPECT_EQ(core->role(), Role::kFollower);
  EXPECT_EQ(core->term(), Term(1));
}

TEST(RaftTransfer, TimeoutNowOfAnybodyButTheLeaderIsIgnored) {
  CoreDriver core({.term = 1});
  core.Receive(2, 1, Heartbeat{});
  core.Receive(3, 1, TimeoutNow{});
  EXPECT_EQ(core->role(), Role::kFollower);
}

TEST(RaftTransfer, TimeoutNowNeedsNoPreVote) {
  CoreDriver core({.term = 1});
  core.Receive(2, 1, Heartbeat{});
  core.Receive(2, 1, TimeoutNow{});
  EXPECT_EQ(core->role(), Role::kCandidate);
  EXPECT_THAT(core.Settle(), Contains("1->3 vote-request term=2 last=0@0 transfer"));
}

TEST(RaftTransfer, TransfereeDiesUponReceivingTimeoutNow) {
  TestNetwork network = ThreeMembers();
  ASSERT_TRUE(Transfer(network, 1, 2).ok());
  network.DeliverInFlight();
  network.Crash(2);
  network.TickAll(2 * kTimeout);
  ASSERT_NE(network.Leader(), 0);
  network.Propose(network.Leader(), "x");
  network.Stabilize();
  EXPECT_EQ(network.commands(3), (std::vector<std::string>{"x"}));
}

TEST(RaftTransfer, LostTimeoutNow) {
  TestNetwork network = ThreeMembers();
  network.lose = [](const Message& m) { return std::holds_alternative<TimeoutNow>(m.body); };
  ASSERT_TRUE(Transfer(network, 1, 2).ok());
  network.TickAll(kTimeout);
  EXPECT_EQ(network.Leader(), 1);
  network.Propose(1, "x");
}

TEST(RaftTransfer, LostForceVoteRequest) {
  TestNetwork network = ThreeMembers();
  network.lose = [](const Message& m) {
    const auto* request = std::get_if<VoteRequest>(&m.body);
    return request != nullptr && request->transfer;
  };
  ASSERT_TRUE(Transfer(network, 1, 2).ok());
  network.TickAll(5 * kTimeout);
  network.lose = nullptr;
  network.TickAll(5 * kTimeout);
  const int leader = network.Leader();
  ASSERT_NE(leader, 0);
  network.Propose(leader, "x");
  network.Stabilize();
  for (int node : network.nodes()) {
    EXPECT_EQ(network.commands(node), (std::vector<std::string>{"x"}));
  }
}

}  // namespace
}  // namespace flotilla::raft
