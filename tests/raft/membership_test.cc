// Joint configuration changes (Raft thesis 4.3; etcd-raft's and scylla's membership tests).
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "tests/raft/core_driver.h"
#include "tests/raft/message_text.h"
#include "tests/raft/test_network.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flotilla::raft {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

AppendResponse Ack(uint64_t index) { return {LogIndex(index), 0, std::nullopt}; }

std::vector<NodeId> Nodes(const std::vector<uint64_t>& ids) {
  std::vector<NodeId> nodes;
  for (uint64_t id : ids) nodes.emplace_back(id);
  return nodes;
}

// Changes the voters from those of `network` to exactly `target`, as an operator does: learners
// first, then one joint change.
void Reconfigure(TestNetwork& network, const std::vector<uint64_t>& target) {
  const auto is_in = [](const std::vector<Member>& members, uint64_t id) {
    for (const Member& member : members) {
      if (member.node == NodeId(id)) return true;
    }
    return false;
  };
  Configuration now = network.core(network.Leader()).configuration();
  ConfigurationChange learners;
  ConfigurationChange change;
  for (uint64_t id : target) {
    if (is_in(now.voters, id)) continue;
    change.add_voters.push_back(NodeId(id));
    if (!is_in(now.learners, id)) learners.add_learners.push_back(NodeId(id));
  }
  for (const Member& voter : now.voters) {
    if (std::find(target.begin(), target.end(), voter.node.value()) == target.end()) {
      change.remove.push_back(voter.node);
    }
  }
  if (!learners.add_learners.empty()) network.Change(network.Leader(), learners);
  network.Stabilize();
  network.Change(network.Leader(), change);
  network.Stabilize();
  network.TickAll(3);
}

std::vector<uint64_t> VotersOf(const Configuration& configuration) {
  std::vector<uint64_t> ids;
  for (const Member& member : configuration.voters) ids.push_back(member.node.value());
  return ids;
}

// Scylla's test_confchange_*: from one set of voters to another, replicating before and after.
TEST(RaftMembership, ConfchangeFromAnySetToAnyOther) {
  struct Case {
    int voters;
    std::vector<uint64_t> target;
  };
  const std::vector<Case> cases = {
      {1, {2}},              // a to b
      {2, {3, 4}},           // ab to cd
      {3, {3, 4, 5}},        // abc to cde
      {6, {1, 2, 3, 7, 8}},  // abcdef to abcgh
      {5, {1, 2, 3, 6, 7}},  // abcde to abcfg
      {3, {1}},
      {1, {1, 2, 3, 4, 5}},
  };
  for (const Case& c : cases) {
    TestNetwork network;
    network.Start(c.voters);
    network.Elect(1);
    network.Propose(1, "before");
    network.Stabilize();
    Reconfigure(network, c.target);
    if (network.Leader() == 0) network.TickAll(30);
    const int leader = network.Leader();
    ASSERT_NE(leader, 0);
    EXPECT_EQ(VotersOf(network.core(leader).configuration()), c.target);
    EXPECT_FALSE(network.core(leader).configuration().IsJoint());
    network.Propose(leader, "after");
    network.Stabilize();
    for (uint64_t id : c.target) {
      EXPECT_EQ(network.at(static_cast<int>(id)).state(), network.at(leader).state());
    }
  }
}

TEST(RaftMembership, AddNodeIsActiveWhenAppended) {
  CoreDriver core({.voters = 1, .learners = 1});
  core.BecomeLeader();
  ASSERT_TRUE(core->ProposeConfiguration({.add_voters = Nodes({2})}).ok());
  EXPECT_TRUE(core->configuration().IsJoint());
  core.Settle();
  // The new half has a say in its own entry already.
  EXPECT_EQ(core->commit(), LogIndex(1));
  core.Receive(2, 1, Ack(2));
  core.Settle();
  EXPECT_EQ(core->commit(), LogIndex(2));
  EXPECT_FALSE(core->configuration().IsJoint());
  EXPECT_FALSE(core->Status().configuration_committed);
  core.Receive(2, 1, Ack(3));
  core.Settle();
  EXPECT_TRUE(core->Status().configuration_committed);
}

TEST(RaftMembership, AddLearnerIsContactedOnceCommitted) {
  CoreDriver core({.voters = 3});
  core.BecomeLeader();
  ASSERT_TRUE(core->ProposeConfiguration({.add_learners = Nodes({4})}).ok());
  EXPECT_THAT(core.Settle(), Not(Contains(HasSubstr("1->4"))));
  core.Receive(2, 1, Ack(2));
  EXPECT_THAT(core.Settle(), Contains(HasSubstr("1->4 append")));
}

TEST(RaftMembership, StepConfigIsOneEntry) {
  CoreDriver core;
  core.BecomeLeader();
  const auto position = core->ProposeConfiguration({.add_learners = Nodes({4})});
  ASSERT_TRUE(position.ok());
  EXPECT_EQ(position->index, LogIndex(2));
  EXPECT_EQ(position->term, Term(1));
  core.Settle();
  EXPECT_EQ(core.writes().back().entries.back().kind, EntryKind::kConfiguration);
}

TEST(RaftMembership, StepIgnoreConfigWhileOneIsPending) {
  CoreDriver core;
  core.BecomeLeader();
  ASSERT_TRUE(core->ProposeConfiguration({.remove = Nodes({3})}).ok());
  EXPECT_EQ(core->ProposeConfiguration({.remove = Nodes({2})}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  core.Settle();
  core.Receive(2, 1, Ack(2));  // joint, committed; the final one is appended
  core.Settle();
  EXPECT_EQ(core->ProposeConfiguration({.add_learners = Nodes({4})}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  core.Receive(2, 1, Ack(3));
  core.Settle();
  EXPECT_TRUE(core->ProposeConfiguration({.add_learners = Nodes({4})}).ok());
}

TEST(RaftMembership, NewLeaderPendingConfig) {
  // A new leader makes no change before an entry of its own term is committed.
  CoreDriver core({.term = 1, .commit = 1, .log = {1}});
  core.WinElection();
  EXPECT_EQ(core->ProposeConfiguration({.add_learners = Nodes({4})}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  core.Receive(2, 2, Ack(2));
  EXPECT_TRUE(core->ProposeConfiguration({.add_learners = Nodes({4})}).ok());
}

TEST(RaftMembership, ANewLeaderLeavesTheJointConfigurationOfAnother) {
  TestNetwork network({.check_quorum = false});
  network.Start(3, 1);
  network.Elect(1);
  network.Change(1, {.add_voters = Nodes({4})});
  // All get the joint entry, and it is committed, but 1 dies before it can leave it.
  network.lose = [](const Message& m) { return std::holds_alternative<AppendResponse>(m.body); };
  network.Stabilize();
  network.Crash(1);
  network.lose = nullptr;
  for (int node : {2, 3, 4}) EXPECT_TRUE(network.core(node).configuration().IsJoint());
  network.Elect(2);
  EXPECT_FALSE(network.core(2).configuration().IsJoint());
  EXPECT_EQ(VotersOf(network.core(4).configuration()), (std::vector<uint64_t>{1, 2, 3, 4}));
}

TEST(RaftMembership, ElectionDuringConfchangeNeedsBothHalves) {
  // Scylla's test_election_during_confchange. 2 knows of the joint configuration.
  TestNetwork network({.check_quorum = false});
  network.Start(3, 2);
  network.Elect(1);
  network.lose = [](const Message& m) { return m.to.node == NodeId(1); };
  network.Change(1, {.add_voters = Nodes({4, 5}), .remove = Nodes({1, 3})});
  network.Stabilize();
  network.Crash(1);
  network.lose = nullptr;
  for (int node : {3, 4}) network.Cut(2, node);
  network.Step(2, [](RaftCore& core) { core.Campaign(); });
  network.Stabilize();
  // 2 and 5 are a majority of {2, 4, 5}, but 2 alone is none of {1, 2, 3}.
  EXPECT_EQ(network.core(2).role(), Role::kPreCandidate);
  network.Heal();
  network.Elect(2);
  EXPECT_EQ(VotersOf(network.core(2).configuration()), (std::vector<uint64_t>{2, 4, 5}));
}

TEST(RaftMembership, AddNodeCheckQuorumGivesANewVoterTime) {
  CoreDriver core({.voters = 1, .learners = 1});
  core.BecomeLeader();
  core.Tick(9);
  core.Receive(2, 1, HeartbeatResponse{});
  ASSERT_TRUE(core->ProposeConfiguration({.add_voters = Nodes({2})}).ok());
  core.Tick(2);
  EXPECT_EQ(core->role(), Role::kLeader);
  core.Tick(20);
  EXPECT_EQ(core->role(), Role::kFollower);  // it never answered again
}

TEST(RaftMembership, RemoveNode) {
  TestNetwork network;
  network.Start(2);
  network.Elect(1);
  network.Change(1, {.remove = Nodes({2})});
  network.Stabilize();
  EXPECT_EQ(VotersOf(network.core(1).configuration()), (std::vector<uint64_t>{1}));
  network.Crash(2);
  network.Propose(1, "alone");
  network.Stabilize();
  EXPECT_EQ(network.commands(1), (std::vector<std::string>{"alone"}));
}

TEST(RaftMembership, RemoveLearner) {
  TestNetwork network;
  network.Start(1, 1);
  network.Elect(1);
  network.Change(1, {.remove = Nodes({2})});
  network.Stabilize();
  EXPECT_TRUE(network.core(1).configuration().learners.empty());
  network.TickAll(2);
  EXPECT_THAT(network.core(1).Status().peers, IsEmpty());
}

TEST(RaftMembership, CommitAfterRemoveNode) {
  // Removing the one that lags makes what waits committed at once.
  CoreDriver core({.voters = 2});
  core.BecomeLeader();
  ASSERT_TRUE(core->ProposeConfiguration({.remove = Nodes({2})}).ok());
  ASSERT_TRUE(core->Propose(MakeBytes("x")).ok());
  core.Settle();
  EXPECT_EQ(core->commit(), LogIndex(1));
  core.Receive(2, 1, Ack(2));
  core.Settle();
  EXPECT_EQ(core->commit(), core->last_index());
}

TEST(RaftMembership, RemovedFollowerIsServedForAWhileThenForgotten) {
  CoreDriver core;
  core.BecomeLeader();
  ASSERT_TRUE(core->ProposeConfiguration({.remove = Nodes({3})}).ok());
  core.Settle();
  for (uint64_t index : {2, 3}) {
    core.Receive(2, 1, Ack(index));
    core.Settle();
  }
  EXPECT_EQ(core->Status().peers.size(), 2u);
  for (int i = 0; i < 25; ++i) {
    core.Receive(2, 1, HeartbeatResponse{});
    core.Tick();
  }
  EXPECT_EQ(core->Status().peers.size(), 1u);
}

TEST(RaftMembership, RemoveNodeCycle) {
  // Scylla's remove_node_cycle: out and in again, each time as another replica.
  TestNetwork network;
  network.Start(3);
  network.Elect(1);
  ReplicaId last = network.at(3).self().replica;
  for (int round = 0; round < 4; ++round) {
    network.Change(1, {.remove = Nodes({3})});
    network.Stabilize();
    network.TickAll(2);
    network.Change(1, {.add_learners = Nodes({3})});
    network.Stabilize();
    network.TickAll(2);
    network.Change(1, {.add_voters = Nodes({3})});
    network.Stabilize();
    network.Propose(1, "round");
    network.Stabilize();
    EXPECT_GT(network.at(3).self().replica, last);
    last = network.at(3).self().replica;
    EXPECT_EQ(network.at(3).state(), network.at(1).state());
  }
}

TEST(RaftMembership, LearnerElectionTimeoutDoesNotCampaign) {
  CoreDriver core({.self = 3, .voters = 2, .learners = 1});
  core.Tick(100);
  EXPECT_EQ(core->role(), Role::kFollower);
  EXPECT_THAT(core.Settle(), IsEmpty());
}

TEST(RaftMembership, LearnerLogReplication) {
  TestNetwork network;
  network.Start(1, 1);
  network.Elect(1);
  network.Propose(1, "x");
  network.Stabilize();
  EXPECT_EQ(network.at(2).state(), network.at(1).state());
}

TEST(RaftMembership, LearnersDoNotCommit) {
  CoreDriver core({.voters = 2, .learners = 2});
  core.BecomeLeader();
  ASSERT_TRUE(core->Propose(MakeBytes("x")).ok());
  core.Settle();
  core.Receive(3, 1, Ack(2));
  core.Receive(4, 1, Ack(2));
  EXPECT_EQ(core->commit(), LogIndex(1));
}

TEST(RaftMembership, LearnerPromotionThenLeads) {
  TestNetwork network;
  network.Start(1, 1);
  network.Elect(1);
  network.Change(1, {.add_voters = Nodes({2})});
  network.Stabilize();
  ASSERT_TRUE(
      network.Step(1, [](RaftCore& core) { return core.TransferLeadership(NodeId(2)); }).ok());
  network.Stabilize();
  EXPECT_EQ(network.Leader(), 2);
}

TEST(RaftMembership, LearnerCanVote) {
  // Its own configuration says learner; others may know better (raft-rs#57).
  CoreDriver core({.self = 3, .voters = 2, .learners = 1});
  core.Receive(2, 2, VoteRequest{false, false, LogIndex(11), Term(1)});
  EXPECT_THAT(core.Settle(), Contains("3->2 vote term=2 granted"));
}

TEST(RaftMembership, TruncationRederivesTheConfiguration) {
  // Scylla's test_truncate_rederives_config_indices.
  TestNetwork network({.check_quorum = false});
  network.Start(3);
  network.Elect(1);
  network.Isolate(1);
  network.Change(1, {.remove = Nodes({3})});
  network.CompleteAll(1);
  ASSERT_TRUE(network.core(1).configuration().IsJoint());
  network.Elect(2);
  network.Heal();
  network.TickAll(3);
  EXPECT_EQ(network.core(1).configuration(), MakeConfiguration(3));
}

TEST(RaftMembership, TheConfigurationSurvivesARestart) {
  // From the log, and from the snapshot once the log is compacted.
  TestNetwork network;
  network.Start(1);
  network.Elect(1);
  network.Change(1, {.add_learners = Nodes({2})});
  network.Stabilize();
  const Configuration expected = network.core(1).configuration();
  network.Crash(1);
  network.Restart(1);
  EXPECT_EQ(network.core(1).configuration(), expected);
  network.Elect(1);
  network.at(1).FlushState();
  network.at(1).Compact(network.core(1).applied());
  network.Crash(1);
  network.Restart(1);
  EXPECT_EQ(network.core(1).configuration(), expected);
  EXPECT_EQ(network.core(1).Status().first_index, network.core(1).last_index().next());
}

TEST(RaftMembership, ARolledBackReplicaIdNeverCameToLife) {
  // 1 adds a learner on node 4 that is never committed; 2 gives the same id to node 5.
  TestNetwork network({.check_quorum = false});
  network.Start(3);
  network.Elect(1);
  network.Isolate(1);
  network.Change(1, {.add_learners = Nodes({4})});
  network.CompleteAll(1);
  network.Tick(1, 3);
  const auto to_node_4 = [](const Message& message) { return message.to.node == NodeId(4); };
  EXPECT_THAT(network.Extract(to_node_4), IsEmpty());
  network.DeliverInFlight();
  network.Heal();
  network.Elect(2);
  network.Change(2, {.add_learners = Nodes({5})});
  network.Stabilize();
  EXPECT_FALSE(network.IsUp(4));
  EXPECT_EQ(network.at(5).self().replica, ReplicaId(4));
  EXPECT_EQ(network.at(5).state(), network.at(2).state());
}

TEST(RaftMembership, ALeaderDemotedToLearnerStepsDown) {
  TestNetwork network;
  network.Start(3);
  network.Elect(1);
  network.Change(1, {.demote = Nodes({1})});
  network.Stabilize();
  EXPECT_EQ(network.core(1).role(), Role::kFollower);
  EXPECT_NE(network.Leader(), 0);
  EXPECT_NE(network.Leader(), 1);
  EXPECT_EQ(network.core(1).configuration().learners, (std::vector<Member>{MemberNumber(1)}));
}

TEST(RaftMembership, TwoNodeRemovalOfTheLeader) {
  // etcd#10563: of two, the leader goes; the other must be able to go on alone.
  TestNetwork network;
  network.Start(2);
  network.Elect(1);
  network.Change(1, {.remove = Nodes({1})});
  network.Stabilize();
  EXPECT_EQ(network.Leader(), 2);
  network.Crash(1);
  network.Propose(2, "alone");
  network.Stabilize();
  EXPECT_EQ(network.commands(2), (std::vector<std::string>{"alone"}));
}

}  // namespace
}  // namespace flotilla::raft
