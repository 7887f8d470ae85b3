// A member is (node, replica id): whoever came back is somebody else, and not trusted for what its
// predecessor was (etcd#10254, #13509).
#include <vector>

#include "tests/raft/core_driver.h"
#include "tests/raft/test_network.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flotilla::raft {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(RaftIdentity, MessagesForAnotherReplicaAreIgnored) {
  // The replica that ran on this node before, or will run after.
  CoreDriver core;
  const Message message{ShardId(1),
                        MemberNumber(2),
                        {NodeId(1), ReplicaId(9)},
                        Term(5),
                        VoteRequest{false, false, LogIndex(9), Term(9)}};
  core->Receive(message);
  EXPECT_THAT(core.Settle(), IsEmpty());
  EXPECT_EQ(core->term(), Term(0));
}

TEST(RaftIdentity, MessagesForAnotherGroupAreIgnored) {
  CoreDriver core;
  core->Receive({ShardId(2), MemberNumber(2), MemberNumber(1), Term(5), Heartbeat{}});
  EXPECT_EQ(core->term(), Term(0));
}

TEST(RaftIdentity, AReplicaThatCameBackIsAnotherVoter) {
  // 2/2 has voted; 2/7, on the same node, is somebody else.
  CoreDriver core({.term = 4, .vote = 2});
  core->Receive({ShardId(1), {NodeId(2), ReplicaId(7)}, MemberNumber(1), Term(4), VoteRequest{}});
  EXPECT_THAT(core.Settle(), ElementsAre("1->2/7 vote term=4 refused"));
}

TEST(RaftIdentity, VotesOfReplicasThatAreNotVotersDoNotCount) {
  CoreDriver core({.voters = 3, .options = {.pre_vote = false}});
  core->Campaign();
  core.Settle();
  core->Receive(
      {ShardId(1), {NodeId(2), ReplicaId(7)}, MemberNumber(1), Term(1), VoteResponse{false, true}});
  EXPECT_EQ(core->role(), Role::kCandidate);
}

TEST(RaftIdentityDeathTest, TwoLeadersInATermStopTheMember) {
  CoreDriver core({.term = 1});
  core.Receive(2, 1, Heartbeat{});
  EXPECT_DEATH(core.Receive(3, 1, Heartbeat{}), "CHECK failed");
}

}  // namespace
}  // namespace flotilla::raft
