#include "raft/campaign_order.h"

#include <optional>
#include <set>

#include "tests/raft/core_driver.h"
#include "tests/raft/test_network.h"
#include <gtest/gtest.h>

namespace flotilla::raft {
namespace {

std::optional<int> Rank(uint64_t group, uint64_t self, uint64_t lost, int voters = 3) {
  return CampaignRank(ShardId(group), MakeConfiguration(voters, 1), MemberNumber(self),
                      NodeId(lost));
}

TEST(RaftCampaignOrder, EveryRemainingVoterHasARankOfItsOwn) {
  for (uint64_t group = 1; group <= 20; ++group) {
    std::set<int> ranks;
    for (uint64_t self : {1, 2, 4, 5}) ranks.insert(Rank(group, self, 3, 5).value());
    EXPECT_EQ(ranks, (std::set<int>{0, 1, 2, 3}));
  }
}

TEST(RaftCampaignOrder, GroupsOfADeadNodeSpreadOverTheOthers) {
  int first_is_two = 0;
  for (uint64_t group = 1; group <= 100; ++group) {
    if (Rank(group, 2, 1) == 0) ++first_is_two;
  }
  EXPECT_EQ(first_is_two, 50);
}

TEST(RaftCampaignOrder, LearnersAndStrangersHaveNoRank) {
  EXPECT_EQ(Rank(1, 4, 1), std::nullopt);
  EXPECT_EQ(Rank(1, 9, 1), std::nullopt);
  EXPECT_EQ(Rank(1, 1, 1), std::nullopt);
}

TEST(RaftCampaignOrder, BothHalvesOfAJointConfigurationTakeTurns) {
  Configuration joint = MakeConfiguration(3);
  joint.voters_outgoing = {MemberNumber(1), MemberNumber(4)};
  std::set<int> ranks;
  for (uint64_t self : {2, 3, 4}) {
    ranks.insert(CampaignRank(ShardId(1), joint, MemberNumber(self), NodeId(1)).value());
  }
  EXPECT_EQ(ranks, (std::set<int>{0, 1, 2}));
}

}  // namespace
}  // namespace flotilla::raft
