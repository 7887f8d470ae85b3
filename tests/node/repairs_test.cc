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

constexpr MonoTime kNow{std::chrono::hours(1)};
constexpr raft::Member kOne{NodeId(1), ReplicaId(1)};
constexpr raft::Member kTwo{NodeId(2), ReplicaId(2)};
constexpr raft::Member kThree{NodeId(3), ReplicaId(3)};
constexpr raft::Member kThreeAgain{NodeId(3), ReplicaId(4)};

TEST(Repairs, AnUnfitReplicaIsRemovedAddedAgainAndPromoted) {
  Repairs repairs;
  repairs.Requested(kThree, kNow);
  const auto removal = repairs.NextStep(Leader({kOne, kTwo, kThree}), kNow);
  EXPECT_EQ(removal->remove, std::vector{NodeId(3)});
  EXPECT_TRUE(removal->to_return);

  // From here on the configuration itself knows: any leader goes on.
  Repairs successor;
  raft::RaftStatus without = Leader({kOne, kTwo});
  without.configuration.returning = {NodeId(3)};
  EXPECT_EQ(successor.NextStep(without, kNow)->add_learners, std::vector{NodeId(3)});

  raft::RaftStatus learning = Leader({kOne, kTwo}, {kThreeAgain});
  learning.configuration.returning = {NodeId(3)};
  learning.peers = {{.member = kThreeAgain, .match = LogIndex(10), .recently_active = true}};
  EXPECT_EQ(successor.NextStep(learning, kNow), std::nullopt);
  learning.peers[0].match = LogIndex(4999);
  EXPECT_EQ(successor.NextStep(learning, kNow)->add_voters, std::vector{NodeId(3)});

  EXPECT_EQ(successor.NextStep(Leader({kOne, kTwo, kThreeAgain}), kNow), std::nullopt);
}

TEST(Repairs, ANodeThatAnOperatorRemovedStaysAway) {
  Repairs repairs;
  repairs.Requested(kThree, kNow);
  EXPECT_EQ(repairs.NextStep(Leader({kOne, kTwo}), kNow), std::nullopt);
}

TEST(Repairs, AnOperatorsLearnerIsNotMadeAVoter) {
  Repairs repairs;
  repairs.Requested(kThree, kNow);
  const auto step = repairs.NextStep(Leader({kOne, kTwo}, {kThree}), kNow);
  EXPECT_EQ(step->remove, std::vector{NodeId(3)});
  EXPECT_FALSE(step->to_return);
}

TEST(Repairs, ARequestThatIsNotRepeatedIsForgotten) {
  Repairs repairs;
  repairs.Requested(kThree, kNow);
  const MonoTime later = kNow + Repairs::kRequestCounts + std::chrono::milliseconds(1);
  EXPECT_EQ(repairs.NextStep(Leader({kOne, kTwo, kThree}), later), std::nullopt);
  EXPECT_TRUE(repairs.empty());
}

TEST(Repairs, NothingIsProposedWhileAnotherChangeIsUnderWay) {
  Repairs repairs;
  repairs.Requested(kThree, kNow);
  raft::RaftStatus joint = Leader({kOne, kTwo, kThree});
  joint.configuration.voters_outgoing = {kOne};
  EXPECT_EQ(repairs.NextStep(joint, kNow), std::nullopt);
  raft::RaftStatus uncommitted = Leader({kOne, kTwo, kThree});
  uncommitted.configuration_committed = false;
  EXPECT_EQ(repairs.NextStep(uncommitted, kNow), std::nullopt);
}

TEST(Repairs, ALateRequestDoesNotRemoveTheNewReplica) {
  Repairs repairs;
  repairs.Requested(kThree, kNow);
  EXPECT_EQ(repairs.NextStep(Leader({kOne, kTwo, kThreeAgain}), kNow), std::nullopt);
}

}  // namespace
}  // namespace flotilla::node
