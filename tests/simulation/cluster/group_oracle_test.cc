#include "tests/simulation/cluster/group_oracle.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "raft/message_codec.h"

namespace flotilla::simulation {
namespace {

using ::testing::HasSubstr;

// A member's node and replica have the same number.
raft::Member Number(uint64_t number) { return {NodeId(number), ReplicaId(number)}; }

raft::Configuration Voters(std::initializer_list<uint64_t> numbers) {
  raft::Configuration configuration;
  for (const uint64_t number : numbers) configuration.voters.push_back(Number(number));
  configuration.next_replica_id = ReplicaId(10);
  return configuration;
}

raft::Entry Command(uint64_t index, uint64_t term, std::string payload) {
  return {LogIndex(index), Term(term), raft::EntryKind::kCommand, MakeBytes(std::move(payload))};
}

raft::Entry Change(uint64_t index, uint64_t term, const raft::Configuration& configuration) {
  return {LogIndex(index), Term(term), raft::EntryKind::kConfiguration,
          MakeBytes(raft::EncodeConfiguration(configuration))};
}

// Members 1, 2 and 3 are voters; each test says what they tell each other.
class GroupOracleTest : public ::testing::Test {
 protected:
  void Say(uint64_t from, uint64_t to, uint64_t term, raft::Body body) {
    oracle_.OnSent({ShardId(1), Number(from), Number(to), Term(term), std::move(body)});
  }
  // Entries behind `prev`, with the commit that comes with them.
  void Append(uint64_t from, uint64_t term, std::pair<uint64_t, uint64_t> prev,
              std::vector<raft::Entry> entries, uint64_t commit) {
    Say(from, from == 1 ? 2 : 1, term,
        raft::AppendRequest{.prev_index = LogIndex(prev.first),
                            .prev_term = Term(prev.second),
                            .commit = LogIndex(commit),
                            .entries = std::move(entries)});
  }
  void Accept(uint64_t from, uint64_t to, uint64_t term, uint64_t index) {
    Say(from, to, term, raft::AppendResponse{.index = LogIndex(index)});
  }
  void AskForVotes(uint64_t from, uint64_t term, uint64_t last_index, uint64_t last_term) {
    Say(from, from == 1 ? 2 : 1, term,
        raft::VoteRequest{.last_index = LogIndex(last_index), .last_term = Term(last_term)});
  }
  void Vote(uint64_t from, uint64_t to, uint64_t term) {
    Say(from, to, term, raft::VoteResponse{.granted = true});
  }

  const std::string& failure() const { return record_.failure(); }

  SimWorld world_{1};
  RunRecord record_{world_};
  // What every member says of itself.
  std::optional<raft::RaftStatus> status_;
  GroupOracle oracle_{ShardId(1), [this](const raft::Member&) { return status_; }, record_};
};

TEST_F(GroupOracleTest, AHealthyGroupBreaksNoRule) {
  status_ = raft::RaftStatus{.commit = LogIndex(2), .configuration = Voters({1, 2, 3})};
  AskForVotes(1, 2, 1, 1);
  Vote(2, 1, 2);
  Append(1, 2, {1, 1}, {Command(2, 2, "a")}, 1);
  Accept(2, 1, 2, 2);
  Append(1, 2, {2, 2}, {Command(3, 2, "b")}, 2);
  AskForVotes(3, 3, 1, 1);
  AskForVotes(2, 4, 2, 2);
  Vote(3, 2, 4);
  Append(2, 4, {2, 2}, {Command(3, 4, "c")}, 2);
  EXPECT_EQ(failure(), "");
  EXPECT_GT(record_.marks().at("oracle.quorum_checked"), 0u);
}

TEST_F(GroupOracleTest, NobodyVotesTwiceInATerm) {
  Vote(3, 1, 2);
  Vote(3, 1, 2);
  EXPECT_EQ(failure(), "");
  Vote(3, 2, 2);
  EXPECT_THAT(failure(), HasSubstr("votes twice in term 2"));
}

TEST_F(GroupOracleTest, ACandidateHasVotedForItself) {
  AskForVotes(1, 2, 1, 1);
  Vote(1, 2, 2);
  EXPECT_THAT(failure(), HasSubstr("votes twice in term 2"));
}

TEST_F(GroupOracleTest, APreVotePromisesNothing) {
  Say(3, 1, 2, raft::VoteResponse{.pre = true, .granted = true});
  Say(3, 2, 2, raft::VoteResponse{.pre = true, .granted = true});
  EXPECT_EQ(failure(), "");
}

TEST_F(GroupOracleTest, NobodyGoesBackToAnEarlierTerm) {
  Vote(3, 1, 5);
  Accept(3, 2, 4, 1);
  EXPECT_THAT(failure(), HasSubstr("goes back from term 5 to term 4"));
}

TEST_F(GroupOracleTest, NobodyForgetsWhatItAcknowledged) {
  Append(1, 2, {1, 1}, {Command(2, 2, "a")}, 1);
  Accept(2, 1, 2, 2);
  AskForVotes(2, 3, 1, 1);
  EXPECT_THAT(failure(), HasSubstr("its log ends at index 1, term 1"));
}

TEST_F(GroupOracleTest, NobodyVotesForALogThatLacksWhatItAcknowledged) {
  Append(1, 2, {1, 1}, {Command(2, 2, "a")}, 1);
  Accept(2, 1, 2, 2);
  AskForVotes(3, 3, 2, 2);
  Vote(2, 3, 3);
  EXPECT_EQ(failure(), "");
  AskForVotes(3, 4, 1, 1);
  Vote(2, 3, 4);
  EXPECT_THAT(failure(), HasSubstr("it votes for a log that ends at index 1, term 1"));
}

// Messages to one node leave together: an acknowledgement may overtake a vote for somebody else.
TEST_F(GroupOracleTest, AVoteMayLeaveBehindWhatTheWinnerOfItsTermSent) {
  AskForVotes(3, 2, 1, 1);
  AskForVotes(1, 2, 1, 1);
  Append(1, 2, {1, 1}, {Command(2, 2, "a")}, 1);
  Accept(2, 1, 2, 2);
  Vote(2, 3, 2);
  EXPECT_EQ(failure(), "");
  AskForVotes(3, 3, 1, 1);
  Vote(2, 3, 3);
  EXPECT_THAT(failure(), HasSubstr("it votes for a log that ends at index 1, term 1"));
}

TEST_F(GroupOracleTest, NobodyRefusesWhatItAcknowledgedToTheSameLeader) {
  const auto refuse = [&](uint64_t term, uint64_t index, uint64_t agrees_up_to) {
    Say(2, 1, term,
        raft::AppendResponse{
            .index = LogIndex(index),
            .rejected = raft::AppendResponse::Conflict{LogIndex(agrees_up_to), Term(1)}});
  };
  Append(1, 2, {1, 1}, {Command(2, 2, "a")}, 1);
  Accept(2, 1, 2, 2);
  refuse(2, 3, 2);
  refuse(3, 2, 1);  // Another leader's log may differ there.
  EXPECT_EQ(failure(), "");
  refuse(2, 2, 1);
  EXPECT_THAT(failure(),
              HasSubstr("its log agrees up to index 1, but it has acknowledged index 2"));
}

TEST_F(GroupOracleTest, ALeaderHasTheVotesOfAQuorumOfBothHalves) {
  raft::Configuration joint = Voters({1, 2, 4});
  joint.voters_outgoing = Voters({1, 2, 3}).voters;
  Append(1, 2, {1, 1}, {Change(2, 2, joint)}, 1);
  AskForVotes(2, 8, 2, 2);
  Vote(1, 2, 8);
  Append(2, 8, {2, 2}, {Command(3, 8, "noop")}, 1);
  EXPECT_EQ(failure(), "");
  EXPECT_EQ(record_.marks().at("oracle.election_checked"), 1u);
  // Of the outgoing half node 1 alone agrees.
  AskForVotes(4, 9, 3, 8);
  Vote(1, 4, 9);
  Append(4, 9, {3, 8}, {Command(4, 9, "noop")}, 1);
  EXPECT_THAT(failure(), HasSubstr("leads in term 9 without the votes of a quorum"));
}

TEST_F(GroupOracleTest, ATermHasOneLeader) {
  Append(1, 2, {1, 1}, {}, 1);
  Say(2, 3, 2, raft::Heartbeat{.commit = LogIndex(1)});
  EXPECT_THAT(failure(), HasSubstr("election safety"));
}

TEST_F(GroupOracleTest, ALeaderHasWhatWasCommitted) {
  Append(1, 2, {1, 1}, {Command(2, 2, "a")}, 1);
  Append(1, 2, {2, 2}, {}, 2);
  Append(2, 3, {1, 1}, {Command(2, 3, "b")}, 1);
  EXPECT_THAT(failure(), HasSubstr("leader completeness"));
}

TEST_F(GroupOracleTest, IndexAndTermDecideTheEntry) {
  Append(1, 2, {1, 1}, {Command(2, 2, "a")}, 1);
  Append(1, 2, {1, 1}, {Command(2, 2, "b")}, 1);
  EXPECT_THAT(failure(), HasSubstr("log matching"));
}

TEST_F(GroupOracleTest, IndexAndTermDecideTheEntryBefore) {
  Append(1, 3, {2, 1}, {Command(3, 3, "a")}, 1);
  Append(1, 3, {2, 2}, {Command(3, 3, "a")}, 1);
  EXPECT_THAT(failure(), HasSubstr("log matching"));
}

TEST_F(GroupOracleTest, ACommitNeedsAQuorum) {
  status_ = raft::RaftStatus{.commit = LogIndex(2), .configuration = Voters({1, 2, 3})};
  Append(1, 2, {1, 1}, {Command(2, 2, "a")}, 1);
  Append(1, 2, {2, 2}, {}, 2);
  EXPECT_THAT(failure(), HasSubstr("without the agreement of a quorum"));
}

TEST_F(GroupOracleTest, AJointConfigurationNeedsBothHalves) {
  raft::Configuration joint = Voters({1, 4, 5});
  joint.voters_outgoing = Voters({1, 2, 3}).voters;
  Append(1, 2, {1, 1}, {Change(2, 2, joint)}, 1);
  Accept(4, 1, 2, 2);
  // It is left already when others hear of its commit.
  status_ = raft::RaftStatus{
      .commit = LogIndex(2), .configuration = Voters({1, 4, 5}), .configuration_committed = false};
  Append(1, 2, {2, 2}, {Change(3, 2, Voters({1, 4, 5}))}, 2);
  EXPECT_THAT(failure(), HasSubstr("without the agreement of a quorum"));
}

TEST_F(GroupOracleTest, AnEarlierTermIsNotCommittedByCounting) {
  Append(1, 2, {1, 1}, {Command(2, 2, "a")}, 1);
  Accept(2, 1, 2, 2);
  Append(1, 4, {2, 2}, {Command(3, 4, "b")}, 1);
  Append(1, 4, {3, 4}, {}, 2);
  EXPECT_THAT(failure(), HasSubstr("commits index 2 of term 2 by counting in term 4"));
}

TEST_F(GroupOracleTest, ALeaderMayKnowOfAnEarlierCommitFromTheStart) {
  Append(1, 2, {1, 1}, {Command(2, 2, "a")}, 1);
  Append(1, 4, {2, 2}, {Command(3, 4, "b")}, 2);
  Append(1, 4, {3, 4}, {}, 3);
  EXPECT_EQ(failure(), "");
}

TEST_F(GroupOracleTest, AReplicaIdBelongsToOneNode) {
  Vote(3, 1, 2);
  oracle_.OnSent(
      {ShardId(1), {NodeId(4), ReplicaId(3)}, Number(1), Term(2), raft::HeartbeatResponse{}});
  EXPECT_THAT(failure(), HasSubstr("has a replica of the same id"));
}

TEST_F(GroupOracleTest, ConsecutiveConfigurationsShareAMemberOfEveryQuorum) {
  Append(1, 2, {1, 1}, {Change(2, 2, Voters({1, 2, 3}))}, 1);
  Append(1, 2, {2, 2}, {Change(3, 2, Voters({1, 4, 5}))}, 1);
  EXPECT_THAT(failure(), HasSubstr("can decide without the one before"));
}

TEST_F(GroupOracleTest, AVoterHasAcknowledgedSomething) {
  raft::Configuration before = Voters({1, 2, 3});
  before.learners = {Number(4)};
  Append(1, 2, {1, 1}, {Change(2, 2, before)}, 1);
  raft::Configuration after = Voters({1, 2, 3, 4});
  after.voters_outgoing = before.voters;
  Append(1, 2, {2, 2}, {Change(3, 2, after)}, 1);
  EXPECT_THAT(failure(), HasSubstr("4/4 becomes a voter and has acknowledged nothing"));
}

TEST_F(GroupOracleTest, AReplicaIsLostWithItsDisk) {
  Vote(3, 1, 2);
  oracle_.OnDiskLost(NodeId(3));
  Vote(2, 1, 2);
  EXPECT_EQ(failure(), "");
  Accept(3, 1, 2, 1);
  EXPECT_THAT(failure(), HasSubstr("speaks although its disk was lost"));
}

TEST_F(GroupOracleTest, OneChangeIsCommittedBeforeTheNextBegins) {
  status_ = raft::RaftStatus{.commit = LogIndex(1), .configuration = Voters({1, 2, 3})};
  Append(1, 2, {1, 1}, {Change(2, 2, Voters({1, 2, 3}))}, 1);
  Append(1, 2, {2, 2}, {Change(3, 2, Voters({1, 2, 3}))}, 1);
  EXPECT_THAT(failure(), HasSubstr("a second change began"));
}

}  // namespace
}  // namespace flotilla::simulation
