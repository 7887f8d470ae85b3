#include "raft/quorum.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/random.h"
#include "tests/raft/core_driver.h"
#include <gtest/gtest.h>

namespace flotilla::raft {
namespace {

using Values = std::map<uint64_t, uint64_t>;
using Votes = std::map<uint64_t, bool>;

std::vector<Member> Voters(const std::vector<uint64_t>& ids) {
  std::vector<Member> members;
  for (uint64_t id : ids) members.push_back(MemberNumber(id));
  return members;
}

Configuration Joint(const std::vector<uint64_t>& incoming, const std::vector<uint64_t>& outgoing) {
  Configuration configuration;
  configuration.voters = Voters(incoming);
  configuration.voters_outgoing = Voters(outgoing);
  return configuration;
}

uint64_t Majority(const std::vector<uint64_t>& ids, const Values& values) {
  return MajorityValue(Voters(ids), [&](ReplicaId id) {
    const auto found = values.find(id.value());
    return found == values.end() ? 0 : found->second;
  });
}

uint64_t Quorum(const Configuration& configuration, const Values& values) {
  return QuorumValue(configuration, [&](ReplicaId id) {
    const auto found = values.find(id.value());
    return found == values.end() ? 0 : found->second;
  });
}

VoteOutcome Count(const Configuration& configuration, const Votes& votes) {
  return CountVotes(configuration, [&](ReplicaId id) -> std::optional<bool> {
    const auto found = votes.find(id.value());
    if (found == votes.end()) return std::nullopt;
    return found->second;
  });
}

TEST(RaftQuorum, MajorityCommit) {
  // Nobody to ask agrees to everything, so that it constrains nothing in a joint quorum.
  EXPECT_EQ(Majority({}, {}), UINT64_MAX);
  EXPECT_EQ(Majority({1}, {}), 0u);
  EXPECT_EQ(Majority({1}, {{1, 12}}), 12u);
  EXPECT_EQ(Majority({1, 2}, {{1, 12}}), 0u);
  EXPECT_EQ(Majority({1, 2}, {{1, 12}, {2, 5}}), 5u);
  EXPECT_EQ(Majority({1, 2, 3}, {{1, 12}}), 0u);
  EXPECT_EQ(Majority({1, 2, 3}, {{1, 12}, {2, 5}}), 5u);
  EXPECT_EQ(Majority({1, 2, 3}, {{1, 12}, {2, 5}, {3, 6}}), 6u);
  EXPECT_EQ(Majority({1, 2, 3, 4}, {{1, 101}, {2, 104}, {3, 103}, {4, 103}}), 103u);
  EXPECT_EQ(Majority({1, 2, 3, 4, 5}, {{1, 101}, {2, 104}, {3, 103}, {4, 103}}), 103u);
  EXPECT_EQ(Majority({1, 2, 3, 4, 5}, {{1, 101}, {2, 102}}), 0u);
}

TEST(RaftQuorum, OnlyVotersCount) {
  EXPECT_EQ(Majority({1, 2, 3}, {{4, 100}, {5, 100}, {1, 7}, {2, 7}}), 7u);
}

TEST(RaftQuorum, JointCommitNeedsBothHalves) {
  EXPECT_EQ(Quorum(Joint({1, 2, 3}, {}), {{1, 12}, {2, 5}, {3, 6}}), 6u);
  EXPECT_EQ(Quorum(Joint({1, 2, 3}, {1, 2, 3}), {{1, 12}, {2, 5}, {3, 6}}), 6u);
  EXPECT_EQ(Quorum(Joint({1, 2, 3}, {4, 5, 6}), {{1, 9}, {2, 9}, {3, 9}}), 0u);
  EXPECT_EQ(Quorum(Joint({1, 2, 3}, {4, 5, 6}), {{1, 9}, {2, 9}, {4, 4}, {5, 3}}), 3u);
  EXPECT_EQ(Quorum(Joint({1, 2, 3}, {3, 4}), {{1, 9}, {2, 8}, {3, 1}, {4, 9}}), 1u);
}

TEST(RaftQuorum, MajorityVote) {
  EXPECT_EQ(Count(Joint({1}, {}), {}), VoteOutcome::kPending);
  EXPECT_EQ(Count(Joint({1}, {}), {{1, true}}), VoteOutcome::kWon);
  EXPECT_EQ(Count(Joint({1}, {}), {{1, false}}), VoteOutcome::kLost);
  EXPECT_EQ(Count(Joint({1, 2}, {}), {{1, true}}), VoteOutcome::kPending);
  EXPECT_EQ(Count(Joint({1, 2}, {}), {{1, true}, {2, false}}), VoteOutcome::kLost);
  EXPECT_EQ(Count(Joint({1, 2, 3}, {}), {{1, true}, {2, true}}), VoteOutcome::kWon);
  EXPECT_EQ(Count(Joint({1, 2, 3}, {}), {{1, false}, {2, true}}), VoteOutcome::kPending);
  EXPECT_EQ(Count(Joint({1, 2, 3}, {}), {{1, false}, {2, false}}), VoteOutcome::kLost);
  EXPECT_EQ(Count(Joint({1, 2, 3, 4}, {}), {{1, true}, {2, true}}), VoteOutcome::kPending);
  EXPECT_EQ(Count(Joint({1, 2, 3, 4}, {}), {{1, false}, {2, false}}), VoteOutcome::kLost);
}

TEST(RaftQuorum, JointVoteNeedsBothHalves) {
  const Configuration joint = Joint({1, 2, 3}, {3, 4, 5});
  EXPECT_EQ(Count(joint, {{1, true}, {2, true}}), VoteOutcome::kPending);
  EXPECT_EQ(Count(joint, {{1, true}, {2, true}, {3, true}}), VoteOutcome::kPending);
  EXPECT_EQ(Count(joint, {{1, true}, {2, true}, {4, true}, {5, true}}), VoteOutcome::kWon);
  EXPECT_EQ(Count(joint, {{1, true}, {3, true}, {4, true}}), VoteOutcome::kWon);
  // Lost in one half is lost.
  EXPECT_EQ(Count(joint, {{1, true}, {2, true}, {4, false}, {5, false}}), VoteOutcome::kLost);
  EXPECT_EQ(Count(joint, {{1, false}, {2, false}, {4, true}, {5, true}}), VoteOutcome::kLost);
}

// By the definition: the highest value such that more than half of the voters have at least that.
uint64_t NaiveMajority(const std::vector<Member>& voters, const Values& values) {
  if (voters.empty()) return UINT64_MAX;
  uint64_t best = 0;
  for (const auto& [ignored, candidate] : values) {
    size_t reached = 0;
    for (const Member& voter : voters) {
      const auto found = values.find(voter.replica.value());
      if (found != values.end() && found->second >= candidate) ++reached;
    }
    if (2 * reached > voters.size()) best = std::max(best, candidate);
  }
  return best;
}

TEST(RaftQuorum, QuickAgreesWithTheDefinition) {
  Random random(1);
  for (int i = 0; i < 20000; ++i) {
    Configuration configuration;
    for (uint64_t id = 1; id <= 9; ++id) {
      if (random.Chance(1, 2)) configuration.voters.push_back(MemberNumber(id));
      if (random.Chance(1, 3)) configuration.voters_outgoing.push_back(MemberNumber(id));
    }
    if (configuration.voters.empty()) configuration.voters.push_back(MemberNumber(1));
    Values values;
    for (uint64_t id = 1; id <= 9; ++id) {
      if (random.Chance(3, 4)) values[id] = random.Below(6);
    }
    const uint64_t expected = std::min(NaiveMajority(configuration.voters, values),
                                       NaiveMajority(configuration.voters_outgoing, values));
    ASSERT_EQ(Quorum(configuration, values), expected);
    // A value is reached by a quorum exactly if that quorum is one.
    ASSERT_TRUE(IsQuorum(configuration, [&](ReplicaId id) {
      const auto found = values.find(id.value());
      return (found == values.end() ? 0 : found->second) >= expected;
    }));
  }
}

TEST(RaftQuorum, QuickVotesAgreeWithQuorums) {
  Random random(2);
  for (int i = 0; i < 20000; ++i) {
    Configuration configuration;
    for (uint64_t id = 1; id <= 7; ++id) {
      if (random.Chance(1, 2)) configuration.voters.push_back(MemberNumber(id));
      if (random.Chance(1, 3)) configuration.voters_outgoing.push_back(MemberNumber(id));
    }
    if (configuration.voters.empty()) continue;
    Votes votes;
    for (uint64_t id = 1; id <= 7; ++id) {
      if (random.Chance(2, 3)) votes[id] = random.Chance(1, 2);
    }
    const auto granted_by = [&](bool open_ones_grant) {
      return IsQuorum(configuration, [&](ReplicaId id) {
        const auto found = votes.find(id.value());
        return found == votes.end() ? open_ones_grant : found->second;
      });
    };
    const VoteOutcome expected = granted_by(false)   ? VoteOutcome::kWon
                                 : !granted_by(true) ? VoteOutcome::kLost
                                                     : VoteOutcome::kPending;
    ASSERT_EQ(Count(configuration, votes), expected);
  }
}

}  // namespace
}  // namespace flotilla::raft
