#include "node/freshness.h"

#include <gtest/gtest.h>

namespace flotilla::node {
namespace {

constexpr MonoTime At(int ms) { return MonoTime(std::chrono::milliseconds(ms)); }

TEST(Freshness, TheLeadersWordCountsOnceItIsApplied) {
  Freshness freshness(At(0));
  freshness.HeardCommit(At(10), LogIndex(5), LogIndex(4));
  EXPECT_EQ(freshness.fresh_as_of(), At(0));
  freshness.Applied(LogIndex(5));
  EXPECT_EQ(freshness.fresh_as_of(), At(10));
}

TEST(Freshness, AReplicaThatFallsBehindDoesNotClaimLaterWords) {
  Freshness freshness(At(0));
  freshness.HeardCommit(At(10), LogIndex(5), LogIndex(4));
  freshness.HeardCommit(At(20), LogIndex(9), LogIndex(4));
  freshness.Applied(LogIndex(6));
  EXPECT_EQ(freshness.fresh_as_of(), At(10));
}

TEST(Freshness, NeverGoesBack) {
  Freshness freshness(At(0));
  freshness.Confirmed(At(50));
  freshness.Confirmed(At(40));
  EXPECT_EQ(freshness.fresh_as_of(), At(50));
}

raft::Configuration ThreeVoters() {
  raft::Configuration configuration;
  for (uint64_t i = 1; i <= 3; ++i) configuration.voters.push_back({NodeId(i), ReplicaId(i)});
  return configuration;
}

TEST(Freshness, ALeaderIsAsFreshAsTheLastWordOfAMajority) {
  Freshness freshness(At(0));
  freshness.HeardPeer(ReplicaId(2), At(30));
  freshness.HeardPeer(ReplicaId(3), At(70));
  freshness.LedBy(ThreeVoters(), ReplicaId(1), At(100));
  EXPECT_EQ(freshness.fresh_as_of(), At(70));
}

TEST(Freshness, ALeaderThatHearsNobodyGrowsOld) {
  Freshness freshness(At(0));
  freshness.LedBy(ThreeVoters(), ReplicaId(1), At(100));
  EXPECT_EQ(freshness.fresh_as_of(), At(0));
}

TEST(Freshness, AJointConfigurationNeedsBothMajorities) {
  raft::Configuration joint = ThreeVoters();
  joint.voters_outgoing = {{NodeId(1), ReplicaId(1)}, {NodeId(4), ReplicaId(4)}};
  Freshness freshness(At(0));
  freshness.HeardPeer(ReplicaId(2), At(60));
  freshness.LedBy(joint, ReplicaId(1), At(100));
  EXPECT_EQ(freshness.fresh_as_of(), At(0));
  freshness.HeardPeer(ReplicaId(4), At(50));
  freshness.LedBy(joint, ReplicaId(1), At(100));
  EXPECT_EQ(freshness.fresh_as_of(), At(50));
}

}  // namespace
}  // namespace flotilla::node
