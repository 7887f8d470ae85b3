#include "node/repairs.h"

#include <gtest/gtest.h>

namespace flotilla::node {
namespace {

raft::RaftStatus Leader(std::vector<raft::Member> voters, std::vector<raft::Member> learners = {}) {
  raft::RaftStatus status;
  status.role = raft::Role::kLeader;
  status.commit = LogIndex(5000);
  status.configuration.voters = std::move(voters);
  status.configuration.learners = std::move(learners);
  return status;
}

constexpr raft::Member kOne{NodeId(1), ReplicaId(1)};
constexpr raft::Member kTwo{NodeId(2), ReplicaId(2)};
constexpr raft::Member kThree{NodeId(3), ReplicaId(3)};
constexpr raft::Member kThreeAgain{NodeId(3), ReplicaId(4)};

TEST(Repairs, AFailedReplicaIsRemovedAddedAgainAndPromoted) {
  Repairs repairs;
  repairs.Requested(kThree);
  EXPECT_EQ(repairs.NextStep(Leader({kOne, kTwo, kThree}))->remove, std::vector{NodeId(3)});
  EXPECT_EQ(repairs.NextStep(Leader({kOne, kTwo}))->add_learners, std::vector{NodeId(3)});

  raft::RaftStatus learning = Leader({kOne, kTwo}, {kThreeAgain});
  learning.peers = {{.member = kThreeAgain, .match = LogIndex(10), .recently_active = true}};
  EXPECT_EQ(repairs.NextStep(learning), std::nullopt);
  learning.peers[0].match = LogIndex(4999);
  EXPECT_EQ(repairs.NextStep(learning)->add_voters, std::vector{NodeId(3)});

  EXPECT_EQ(repairs.NextStep(Leader({kOne, kTwo, kThreeAgain})), std::nullopt);
  EXPECT_TRUE(repairs.empty());
}

TEST(Repairs, NothingIsProposedWhileAnotherChangeIsUnderWay) {
  Repairs repairs;
  repairs.Requested(kThree);
  raft::RaftStatus joint = Leader({kOne, kTwo, kThree});
  joint.configuration.voters_outgoing = {kOne};
  EXPECT_EQ(repairs.NextStep(joint), std::nullopt);
  raft::RaftStatus uncommitted = Leader({kOne, kTwo, kThree});
  uncommitted.configuration_committed = false;
  EXPECT_EQ(repairs.NextStep(uncommitted), std::nullopt);
}

TEST(Repairs, ALateRequestDoesNotRemoveTheNewReplica) {
  Repairs repairs;
  repairs.Requested(kThree);
  EXPECT_EQ(repairs.NextStep(Leader({kOne, kTwo, kThreeAgain})), std::nullopt);
}

}  // namespace
}  // namespace flotilla::node
