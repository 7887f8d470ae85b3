#include "raft/configuration.h"

#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "base/random.h"
#include "raft/quorum.h"
#include "tests/raft/core_driver.h"
#include "tests/raft/message_text.h"
#include "tests/raft/test_network.h"
#include <gtest/gtest.h>

namespace flotilla::raft {
namespace {

std::vector<NodeId> Nodes(const std::vector<uint64_t>& ids) {
  std::vector<NodeId> nodes;
  for (uint64_t id : ids) nodes.emplace_back(id);
  return nodes;
}

std::string Applied(const Configuration& current, const ConfigurationChange& change) {
  const auto next = ApplyChange(current, change);
  return next.ok() ? TextOf(*next) : std::string(next.status().message());
}

TEST(RaftConfiguration, PromotingALearnerIsJoint) {
  ConfigurationChange change;
  change.add_voters = Nodes({4});
  EXPECT_EQ(Applied(MakeConfiguration(3, 1), change), "voters=(1 2 3 4) outgoing=(1 2 3)");
}

TEST(RaftConfiguration, AddingALearnerLeavesQuorumsAloneAndIsNotJoint) {
  ConfigurationChange change;
  change.add_learners = Nodes({7, 6});
  const auto next = ApplyChange(MakeConfiguration(3), change);
  ASSERT_TRUE(next.ok());
  // Replica ids are given in the order of the change.
  EXPECT_EQ(TextOf(*next), "voters=(1 2 3) learners=(6/5 7/4)");
  EXPECT_EQ(next->next_replica_id, ReplicaId(6));
}

TEST(RaftConfiguration, ReplicaIdsAreNeverUsedAgain) {
  Configuration configuration = MakeConfiguration(3);
  ConfigurationChange add;
  add.add_learners = Nodes({4});
  ConfigurationChange remove;
  remove.remove = Nodes({4});
  std::set<ReplicaId> seen;
  for (int i = 0; i < 5; ++i) {
    configuration = ApplyChange(configuration, add).value();
    ASSERT_EQ(configuration.learners.size(), 1u);
    EXPECT_TRUE(seen.insert(configuration.learners[0].replica).second);
    configuration = ApplyChange(configuration, remove).value();
    EXPECT_TRUE(configuration.learners.empty());
  }
}

TEST(RaftConfiguration, AMemberIsTiedToTheDiskThatItsNodeHadWhenItWasAdded) {
  ConfigurationChange add;
  add.add_learners = Nodes({4});
  add.incarnations = {{NodeId(4), Incarnation(44)}};
  Configuration configuration = ApplyChange(MakeConfiguration(3), add).value();
  EXPECT_EQ(configuration.incarnations, add.incarnations);
  ConfigurationChange promote;
  promote.add_voters = Nodes({4});
  configuration = LeaveJoint(ApplyChange(configuration, promote).value());
  EXPECT_EQ(configuration.incarnations, add.incarnations);
  ConfigurationChange remove;
  remove.remove = Nodes({4});
  configuration = ApplyChange(configuration, remove).value();
  EXPECT_EQ(configuration.incarnations, add.incarnations) << "an outgoing voter is still a member";
  EXPECT_TRUE(LeaveJoint(configuration).incarnations.empty());
}

TEST(RaftConfiguration, AReturningNodeIsRememberedUntilItVotesOrIsRemovedForGood) {
  ConfigurationChange remove;
  remove.remove = Nodes({3});
  remove.to_return = true;
  const Configuration away = LeaveJoint(ApplyChange(MakeConfiguration(3), remove).value());
  EXPECT_TRUE(away.IsReturning(NodeId(3)));

  ConfigurationChange add;
  add.add_learners = Nodes({3});
  const Configuration learning = ApplyChange(away, add).value();
  EXPECT_TRUE(learning.IsReturning(NodeId(3)));
  ConfigurationChange promote;
  promote.add_voters = Nodes({3});
  EXPECT_FALSE(ApplyChange(learning, promote).value().IsReturning(NodeId(3)));

  remove.to_return = false;
  EXPECT_FALSE(ApplyChange(away, remove).value().IsReturning(NodeId(3)));
  EXPECT_FALSE(ApplyChange(learning, remove).value().IsReturning(NodeId(3)));
}

TEST(RaftConfiguration, JointLearnersNext) {
  // A demoted voter keeps its vote in the outgoing half until the joint configuration is left.
  ConfigurationChange change;
  change.demote = Nodes({1});
  const Configuration joint = ApplyChange(MakeConfiguration(3), change).value();
  EXPECT_EQ(TextOf(joint), "voters=(2 3) outgoing=(1 2 3) learners_next=(1)");
  EXPECT_TRUE(joint.IsVoter(ReplicaId(1)));
  EXPECT_EQ(TextOf(LeaveJoint(joint)), "voters=(2 3) learners=(1)");
}

TEST(RaftConfiguration, JointAutoLeaveForgetsTheOutgoingHalf) {
  ConfigurationChange change;
  change.remove = Nodes({1, 2});
  change.add_voters = Nodes({4, 5});
  const Configuration joint = ApplyChange(MakeConfiguration(3, 2), change).value();
  EXPECT_EQ(TextOf(joint), "voters=(3 4 5) outgoing=(1 2 3)");
  EXPECT_TRUE(joint.IsMember(ReplicaId(1)));
  EXPECT_EQ(joint.AllMembers().size(), 5u);
  const Configuration next = LeaveJoint(joint);
  EXPECT_EQ(TextOf(next), "voters=(3 4 5)");
  EXPECT_FALSE(next.IsMember(ReplicaId(1)));
}

TEST(RaftConfiguration, RemovingALearnerIsNotJoint) {
  ConfigurationChange change;
  change.remove = Nodes({4});
  EXPECT_EQ(Applied(MakeConfiguration(3, 1), change), "voters=(1 2 3)");
}

TEST(RaftConfiguration, ZeroAndSenselessChangesAreRefused) {
  const Configuration current = MakeConfiguration(2, 1);
  EXPECT_EQ(Applied(current, {}), "the change is empty");
  EXPECT_EQ(Applied(current, {.remove = Nodes({0})}), "node 0 names no node");
  EXPECT_EQ(Applied(current, {.add_learners = Nodes({1})}), "node 1 is a member already");
  EXPECT_EQ(Applied(current, {.add_learners = Nodes({3})}), "node 3 is a member already");
  EXPECT_EQ(Applied(current, {.add_voters = Nodes({2})}), "node 2 is not a learner");
  EXPECT_EQ(Applied(current, {.add_voters = Nodes({9})}), "node 9 is not a learner");
  EXPECT_EQ(Applied(current, {.demote = Nodes({3})}), "node 3 is not a voter");
  EXPECT_EQ(Applied(current, {.remove = Nodes({9})}), "node 9 is not a member");
  EXPECT_EQ(Applied(current, {.remove = Nodes({1, 2})}), "no voter is left");
  EXPECT_EQ(Applied(current, {.demote = Nodes({1, 2})}), "no voter is left");
  EXPECT_EQ(Applied(current, {.demote = Nodes({1}), .remove = Nodes({1})}),
            "node 1 is named twice");
}

TEST(RaftConfiguration, SoundConfigurationsAreValid) {
  EXPECT_TRUE(ValidateConfiguration(MakeConfiguration(1)).ok());
  EXPECT_TRUE(ValidateConfiguration(MakeConfiguration(3, 2)).ok());
}

TEST(RaftConfiguration, UnsoundConfigurationsAreNot) {
  const auto broken = [](auto&& damage) {
    Configuration configuration = MakeConfiguration(3, 1);
    damage(configuration);
    return !ValidateConfiguration(configuration).ok();
  };
  EXPECT_TRUE(broken([](Configuration& c) { c.voters.clear(); }));
  EXPECT_TRUE(broken([](Configuration& c) { std::swap(c.voters[0], c.voters[1]); }));
  EXPECT_TRUE(broken([](Configuration& c) { c.voters.push_back(c.voters.back()); }));
  EXPECT_TRUE(broken([](Configuration& c) { c.learners.push_back(MemberNumber(3)); }));
  EXPECT_TRUE(broken([](Configuration& c) { c.learners_next = {MemberNumber(2)}; }));
  EXPECT_TRUE(broken([](Configuration& c) { c.voters_outgoing = c.learners; }));
  EXPECT_TRUE(broken([](Configuration& c) { c.next_replica_id = ReplicaId(4); }));
  EXPECT_TRUE(broken([](Configuration& c) { c.voters[0].replica = ReplicaId(); }));
  // One node with two replicas, two nodes with one replica id.
  EXPECT_TRUE(broken([](Configuration& c) { c.learners[0].node = NodeId(3); }));
  EXPECT_TRUE(broken([](Configuration& c) { c.learners[0].replica = ReplicaId(3); }));
}

// The point of it all: two configurations that can be in force at once never decide apart.
TEST(RaftConfiguration, JointSafetyConsecutiveQuorumsIntersect) {
  Random random(5);
  Configuration current = MakeConfiguration(3, 2);
  for (int step = 0; step < 3000; ++step) {
    ConfigurationChange change;
    for (uint64_t node = 1; node <= 7; ++node) {
      if (!random.Chance(1, 3)) continue;
      std::vector<NodeId>* const kinds[] = {&change.add_learners, &change.add_voters,
                                            &change.demote, &change.remove};
      kinds[random.Below(4)]->push_back(NodeId(node));
    }
    const auto next = current.IsJoint() ? LeaveJoint(current) : ApplyChange(current, change);
    if (!next.ok()) continue;
    ASSERT_TRUE(ValidateConfiguration(*next).ok()) << TextOf(*next);
    ASSERT_GE(next->next_replica_id, current.next_replica_id);
    for (int trial = 0; trial < 20; ++trial) {
      std::set<ReplicaId> agreeing;
      for (const Member& member : current.AllMembers()) {
        if (random.Chance(1, 2)) agreeing.insert(member.replica);
      }
      const bool quorum_now =
          IsQuorum(current, [&](ReplicaId id) { return agreeing.contains(id); });
      const bool quorum_next_without =
          IsQuorum(*next, [&](ReplicaId id) { return !agreeing.contains(id); });
      ASSERT_FALSE(quorum_now && quorum_next_without)
          << TextOf(current) << " then " << TextOf(*next);
    }
    current = *next;
  }
}

// A joint change ends where its parts, one after the other, would (etcd's TestConfChangeQuick).
TEST(RaftConfiguration, QuickJointEqualsASequenceOfSimpleChanges) {
  Random random(6);
  for (int trial = 0; trial < 2000; ++trial) {
    const Configuration start = MakeConfiguration(4, 3);
    ConfigurationChange whole;
    std::vector<ConfigurationChange> parts;
    for (uint64_t node = 1; node <= 9; ++node) {
      if (random.Chance(1, 2)) continue;
      const NodeId id(node);
      ConfigurationChange part;
      if (node <= 4) {
        (random.Chance(1, 2) ? part.demote : part.remove).push_back(id);
      } else if (node <= 7) {
        (random.Chance(1, 2) ? part.add_voters : part.remove).push_back(id);
      } else {
        part.add_learners.push_back(id);
      }
      for (auto list : {&ConfigurationChange::add_learners, &ConfigurationChange::add_voters,
                        &ConfigurationChange::demote, &ConfigurationChange::remove}) {
        (whole.*list).insert((whole.*list).end(), (part.*list).begin(), (part.*list).end());
      }
      parts.push_back(part);
    }
    auto at_once = ApplyChange(start, whole);
    if (!at_once.ok()) continue;
    if (at_once->IsJoint()) at_once = LeaveJoint(*at_once);
    Configuration in_steps = start;
    bool possible = true;
    // Promotions first: there must be a voter at every step.
    for (const bool promotions : {true, false}) {
      for (const ConfigurationChange& part : parts) {
        if (part.add_voters.empty() == promotions) continue;
        const auto next = ApplyChange(in_steps, part);
        possible = possible && next.ok();
        if (next.ok()) in_steps = next->IsJoint() ? LeaveJoint(*next) : *next;
      }
    }
    ASSERT_TRUE(possible);
    ASSERT_EQ(*at_once, in_steps);
  }
}

TEST(RaftConfiguration, PrintsItself) {
  std::ostringstream os;
  os << MakeConfiguration(2, 1);
  EXPECT_EQ(os.str(), "voters=(1/1 2/2) learners=(3/3)");
}

}  // namespace
}  // namespace flotilla::raft
