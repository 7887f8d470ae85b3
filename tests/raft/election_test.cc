// Elections: who campaigns, who gets votes, who steps down (etcd-raft's raft_test.go, elections).
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

constexpr int kTimeout = 10;

RaftOptions Options(bool pre_vote, bool check_quorum = true) {
  RaftOptions options;
  options.pre_vote = pre_vote;
  options.check_quorum = check_quorum;
  return options;
}

// With PreVote and without.
class RaftElection : public testing::TestWithParam<bool> {
 protected:
  RaftOptions options_ = Options(GetParam(), false);
};

INSTANTIATE_TEST_SUITE_P(PreVote, RaftElection, testing::Bool(), [](const auto& instance) {
  return instance.param ? std::string("On") : std::string("Off");
});

void Campaign(TestNetwork& network, int node) {
  network.Step(node, [](RaftCore& core) { core.Campaign(); });
  network.Stabilize();
}

// A member whose log has these terms and is not committed.
void StartWith(TestNetwork& network, uint64_t id, const std::vector<uint64_t>& log,
               uint64_t term = 0, int voters = 3) {
  TestDisk disk = TestNetwork::FreshDisk(MakeConfiguration(voters));
  disk.hard_state.term = Term(term == 0 ? (log.empty() ? 0 : log.back()) : term);
  disk.entries = EntriesOf(log);
  network.StartMember(MemberNumber(id), disk);
}

TEST_P(RaftElection, LeaderElection) {
  // {down, expected}: a majority elects, less does not.
  for (const auto& [down, wins] :
       std::vector<std::pair<std::vector<int>, bool>>{{{}, true}, {{2}, true}, {{2, 3}, false}}) {
    TestNetwork network(options_);
    network.Start(3);
    for (int node : down) network.Crash(node);
    Campaign(network, 1);
    EXPECT_EQ(network.core(1).role() == Role::kLeader, wins);
  }
}

TEST_P(RaftElection, LeaderElectionAmongLongerLogs) {
  // A member behind the majority cannot win.
  TestNetwork network(options_);
  StartWith(network, 1, {});
  StartWith(network, 2, {1});
  StartWith(network, 3, {1, 1});
  Campaign(network, 1);
  EXPECT_NE(network.core(1).role(), Role::kLeader);
  Campaign(network, 3);
  EXPECT_EQ(network.core(3).role(), Role::kLeader);
}

TEST_P(RaftElection, LeaderCycle) {
  TestNetwork network(options_);
  network.Start(3);
  for (int round = 0; round < 2; ++round) {
    for (int node = 1; node <= 3; ++node) {
      Campaign(network, node);
      EXPECT_EQ(network.Leader(), node);
      for (int other = 1; other <= 3; ++other) {
        EXPECT_EQ(network.core(other).leader(), network.at(node).self());
      }
    }
  }
}

TEST_P(RaftElection, LeaderElectionOverwriteNewerLogs) {
  // 3 has an entry of term 2 that it never replicated; 1 wins the next election without it.
  TestNetwork network(options_);
  StartWith(network, 1, {1}, 2, 5);
  StartWith(network, 2, {1}, 2, 5);
  StartWith(network, 3, {2}, 2, 5);
  StartWith(network, 4, {}, 2, 5);
  StartWith(network, 5, {}, 2, 5);
  Campaign(network, 1);
  ASSERT_EQ(network.Leader(), 1);
  for (int node : network.nodes()) {
    EXPECT_EQ(network.core(node).TermAt(LogIndex(1)), Term(1));
    EXPECT_EQ(network.core(node).TermAt(LogIndex(2)), Term(3));
  }
}

TEST_P(RaftElection, DuelingCandidates) {
  TestNetwork network(options_);
  network.Start(3);
  network.Cut(1, 3);
  network.Cut(3, 1);
  Campaign(network, 1);
  Campaign(network, 3);
  // 2 has voted for 1 in this term.
  EXPECT_EQ(network.core(1).role(), Role::kLeader);
  EXPECT_NE(network.core(3).role(), Role::kLeader);
  network.Heal();
  Campaign(network, 3);
  network.TickAll(4 * kTimeout);
  const int leader = network.Leader();
  ASSERT_NE(leader, 0);
  for (int node : network.nodes()) {
    EXPECT_EQ(network.at(node).state(), network.at(leader).state());
    EXPECT_EQ(network.core(node).term(), network.core(leader).term());
  }
}

TEST_P(RaftElection, CandidateConcede) {
  TestNetwork network(options_);
  network.Start(3);
  network.Isolate(1);
  Campaign(network, 1);
  Campaign(network, 3);
  network.Heal();
  network.TickAll(1);
  network.Propose(3, "force");
  network.TickAll(2);
  EXPECT_EQ(network.core(1).role(), Role::kFollower);
  EXPECT_EQ(network.core(1).term(), network.core(3).term());
  EXPECT_EQ(network.commands(1), (std::vector<std::string>{"force"}));
}

TEST_P(RaftElection, SingleNodeCandidate) {
  TestNetwork network(options_);
  network.Start(1);
  Campaign(network, 1);
  EXPECT_EQ(network.core(1).role(), Role::kLeader);
  EXPECT_EQ(network.core(1).commit(), LogIndex(1));
}

TEST_P(RaftElection, VoteFromAnyState) {
  // Whatever a member is, a candidate of a later term with a complete log gets its vote.
  for (const Role role : {Role::kFollower, Role::kPreCandidate, Role::kCandidate, Role::kLeader}) {
    CoreDriver core({.term = 1, .log = {1}, .options = options_});
    if (role == Role::kLeader) core.WinElection();
    if (role == Role::kCandidate || role == Role::kPreCandidate) core->Campaign();
    core.Settle();
    const uint64_t term = core->term().value() + 1;
    core.Receive(2, term, VoteRequest{false, false, LogIndex(9), Term(9)});
    EXPECT_THAT(core.Settle(), Contains("1->2 vote term=" + std::to_string(term) + " granted"));
    EXPECT_EQ(core->role(), Role::kFollower);
    EXPECT_EQ(core->Status().vote, ReplicaId(2));
  }
}

TEST_P(RaftElection, PreVoteFromAnyState) {
  // A pre-vote is granted likewise, and changes nothing, but that who asks itself gives way.
  for (const Role role : {Role::kFollower, Role::kCandidate, Role::kLeader}) {
    CoreDriver core({.term = 1, .log = {1}, .options = options_});
    if (role == Role::kLeader) core.WinElection();
    if (role == Role::kCandidate) core->Campaign();
    core.Settle();
    const bool asks = core->role() == Role::kPreCandidate;
    const Role after = asks ? Role::kFollower : core->role();
    const Term term_before = core->term();
    core.Receive(2, core->term().value() + 1, VoteRequest{true, false, LogIndex(9), Term(9)});
    EXPECT_THAT(core.Settle(),
                Contains(HasSubstr("pre-vote term=" + ToString(term_before.next()) + " granted")));
    EXPECT_EQ(core->role(), after);
    EXPECT_EQ(core->term(), term_before);
  }
}

TEST_P(RaftElection, RecvMsgVote) {
  // A vote for nobody yet or for the same; a log at least as complete.
  for (const auto& [index, term, vote, granted] :
       std::vector<std::tuple<uint64_t, uint64_t, uint64_t, bool>>{{0, 0, 0, false},
                                                                   {1, 1, 0, false},
                                                                   {2, 1, 0, false},
                                                                   {1, 2, 0, false},
                                                                   {2, 2, 0, true},
                                                                   {9, 2, 0, true},
                                                                   {1, 3, 0, true},
                                                                   {2, 2, 2, true},
                                                                   {2, 2, 3, false}}) {
    CoreDriver core({.term = 3, .vote = vote, .log = {2, 2}, .options = options_});
    core.Receive(2, 3, VoteRequest{false, false, LogIndex(index), Term(term)});
    EXPECT_THAT(core.Settle(),
                ElementsAre(granted ? "1->2 vote term=3 granted" : "1->2 vote term=3 refused"));
  }
}

TEST_P(RaftElection, AllServerStepdown) {
  // Any message of a later term makes a follower; a leader's makes it follow that leader.
  for (const Role role : {Role::kFollower, Role::kCandidate, Role::kLeader}) {
    for (const bool from_leader : {true, false}) {
      CoreDriver core({.options = options_});
      if (role == Role::kLeader) core.WinElection();
      if (role == Role::kCandidate) core->Campaign();
      core.Settle();
      if (from_leader) {
        core.Receive(2, 9, Heartbeat{});
      } else {
        core.Receive(2, 9, VoteRequest{false, false, LogIndex(5), Term(8)});
      }
      EXPECT_EQ(core->role(), Role::kFollower);
      EXPECT_EQ(core->term(), Term(9));
      EXPECT_EQ(core->leader(), from_leader ? MemberNumber(2) : Member());
    }
  }
}

TEST_P(RaftElection, CandidateResetTermByHeartbeatAndAppend) {
  // A member that campaigned alone for long comes back and finds a leader of a lower term.
  TestNetwork network(options_);
  network.Start(3);
  network.Elect(1);
  network.Isolate(3);
  for (int i = 0; i < 5; ++i) network.Tick(3, 2 * kTimeout);
  network.Propose(1, "x");
  network.Stabilize();
  network.Heal();
  network.TickAll(4 * kTimeout);
  const int leader = network.Leader();
  ASSERT_NE(leader, 0);
  EXPECT_EQ(network.at(3).state(), network.at(leader).state());
  EXPECT_EQ(network.core(3).term(), network.core(leader).term());
}

TEST_P(RaftElection, CandidateSelfVoteAfterLostElection) {
  // The own vote becomes durable only after the election is lost: it wins nothing any more.
  CoreDriver core({.voters = 5, .options = options_});
  core->Campaign();
  if (GetParam()) {
    core.Send();
    core.Receive(2, 1, VoteResponse{true, true});
    core.Receive(3, 1, VoteResponse{true, true});
  }
  core.Send();
  ASSERT_EQ(core->role(), Role::kCandidate);
  core.Receive(4, 1, Heartbeat{});
  ASSERT_EQ(core->role(), Role::kFollower);
  core.Receive(2, 1, VoteResponse{false, true});
  core.Receive(3, 1, VoteResponse{false, true});
  core.CompleteWrites();
  EXPECT_EQ(core->role(), Role::kFollower);
  EXPECT_EQ(core->leader(), MemberNumber(4));
}

TEST_P(RaftElection, CandidateCountsItsOwnVoteOnlyWhenItIsDurable) {
  CoreDriver core({.options = options_});
  core->Campaign();
  core.Send();
  if (GetParam()) {
    core.Receive(2, 1, VoteResponse{true, true});
    core.Send();
  }
  ASSERT_EQ(core->role(), Role::kCandidate);
  core.Receive(2, 1, VoteResponse{false, true});  // of an impatient peer
  EXPECT_EQ(core->role(), Role::kCandidate);
  core.CompleteWrites();
  EXPECT_EQ(core->role(), Role::kLeader);
}

TEST_P(RaftElection, CandidateDeliversPreCandidateSelfVoteAfterBecomingCandidate) {
  // Late pre-votes are not votes.
  CoreDriver core({.voters = 5, .options = Options(true, false)});
  core->Campaign();
  core.Settle();
  core.Receive(2, 1, VoteResponse{true, true});
  core.Receive(3, 1, VoteResponse{true, true});
  core.Settle();
  ASSERT_EQ(core->role(), Role::kCandidate);
  core.Receive(4, 1, VoteResponse{true, true});
  core.Receive(5, 1, VoteResponse{true, true});
  EXPECT_EQ(core->role(), Role::kCandidate);
  core.Receive(4, 1, VoteResponse{false, true});
  core.Receive(5, 1, VoteResponse{false, true});
  EXPECT_EQ(core->role(), Role::kLeader);
}

TEST_P(RaftElection, NodeWithSmallerTermCanCompleteElection) {
  TestNetwork network(options_);
  network.Start(3);
  network.Isolate(3);
  Campaign(network, 1);
  Campaign(network, 2);  // term 2
  network.Crash(2);
  network.Heal();
  // 3 is at term 0, 1 at term 2.
  network.TickAll(10 * kTimeout);
  const int leader = network.Leader();
  ASSERT_NE(leader, 0);
  EXPECT_EQ(network.core(1).term(), network.core(3).term());
}

TEST_P(RaftElection, CampaignWhileLeader) {
  TestNetwork network(options_);
  network.Start(1);
  Campaign(network, 1);
  const Term term = network.core(1).term();
  Campaign(network, 1);
  EXPECT_EQ(network.core(1).role(), Role::kLeader);
  EXPECT_EQ(network.core(1).term(), term);
}

TEST_P(RaftElection, PromotableIsWhoVotes) {
  // A learner, and a replica without any configuration, never campaign.
  CoreDriver learner({.self = 3, .voters = 2, .learners = 1, .options = options_});
  learner.Tick(5 * kTimeout);
  EXPECT_THAT(learner.Settle(), IsEmpty());
  learner->Campaign();
  EXPECT_EQ(learner->role(), Role::kFollower);

  InitialState empty;
  empty.self = MemberNumber(4);
  empty.group = ShardId(1);
  CoreDriver nobody(options_, empty);
  nobody.Tick(5 * kTimeout);
  nobody->Campaign();
  EXPECT_THAT(nobody.Settle(), IsEmpty());
  EXPECT_EQ(nobody->term(), Term(0));
}

TEST_P(RaftElection, PastElectionTimeoutEventuallyEveryVoterCampaigns) {
  TestNetwork network(options_);
  network.Start(3);
  network.lose = [](const Message&) { return true; };
  network.TickAll(2 * kTimeout);
  for (int node : network.nodes()) EXPECT_NE(network.core(node).role(), Role::kFollower);
}

TEST_P(RaftElection, AVoteSurvivesARestart) {
  TestNetwork network(options_);
  network.Start(3);
  network.Elect(1);
  network.Crash(2);
  network.Restart(2);
  EXPECT_EQ(network.core(2).Status().vote, ReplicaId(1));
  CoreDriver core({.term = 4, .vote = 3, .options = options_});
  core.Receive(2, 4, VoteRequest{});
  EXPECT_THAT(core.Settle(), ElementsAre("1->2 vote term=4 refused"));
}

TEST_P(RaftElection, StateTransitionsAreReportedOnce) {
  CoreDriver core({.options = options_});
  core.BecomeLeader();
  core.Receive(2, 5, Heartbeat{});
  core.Settle();
  ASSERT_GE(core.role_changes().size(), 3u);
  EXPECT_EQ(core.role_changes().back(), (RoleChange{Role::kFollower, Term(5), MemberNumber(2)}));
  const size_t before = core.role_changes().size();
  core.Receive(2, 5, Heartbeat{});
  core.Settle();
  EXPECT_EQ(core.role_changes().size(), before);
}

TEST(RaftPreVote, DuelingPreCandidates) {
  // A pre-candidate with a shorter log, cut off before, neither wins nor raises the term.
  TestNetwork network(Options(true, false));
  network.Start(3);
  network.Cut(1, 3);
  network.Cut(3, 1);
  Campaign(network, 1);
  Campaign(network, 3);
  EXPECT_EQ(network.core(1).role(), Role::kLeader);
  EXPECT_EQ(network.core(3).role(), Role::kFollower);
  EXPECT_EQ(network.core(2).term(), Term(1));
}

TEST(RaftPreVote, RejectionWithAHigherTermIsLearnedFrom) {
  CoreDriver core({.options = Options(true)});
  core->Campaign();
  core.Settle();
  core.Receive(2, 7, VoteResponse{true, false});
  EXPECT_EQ(core->role(), Role::kFollower);
  EXPECT_EQ(core->term(), Term(7));
}

TEST(RaftPreVote, AGrantForAnotherTermIsIgnored) {
  CoreDriver core({.term = 3, .options = Options(true)});
  core->Campaign();
  core.Settle();
  core.Receive(2, 6, VoteResponse{true, true});
  EXPECT_EQ(core->role(), Role::kPreCandidate);
  EXPECT_EQ(core->term(), Term(3));
  core.Receive(2, 4, VoteResponse{true, true});
  EXPECT_EQ(core->role(), Role::kCandidate);
}

TEST(RaftPreVote, WhoTimeOutTogetherDoNotSplitTheVote) {
  TestNetwork network(Options(true));
  network.Start(3);
  network.Elect(1);
  network.Crash(1);
  network.Tick(2, kTimeout);
  network.Tick(3, kTimeout);
  network.Step(2, [](RaftCore& core) { core.Campaign(); });
  network.Step(3, [](RaftCore& core) { core.Campaign(); });
  network.Stabilize();  // without the one giving way to the other, each would vote for itself
  EXPECT_EQ(network.Leader(), 2);
  EXPECT_EQ(network.core(2).term(), Term(2));
}

TEST(RaftPreVote, MigrationCanCompleteElection) {
  // One member runs without PreVote yet, at a higher term.
  TestNetwork network(Options(true));
  network.Start(3);
  network.Elect(1);
  network.Crash(1);
  TestDisk disk = network.at(3).disk();
  disk.hard_state.term = Term(9);
  disk.hard_state.vote = ReplicaId();
  network.Crash(3);
  network.StartMember(MemberNumber(3), disk);
  network.TickAll(10 * kTimeout);
  ASSERT_NE(network.Leader(), 0);
  EXPECT_EQ(network.core(2).term(), network.core(3).term());
}

}  // namespace
}  // namespace flotilla::raft
