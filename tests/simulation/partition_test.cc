#include "tests/simulation/partition.h"

#include <algorithm>
#include <numeric>
#include <set>

#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

constexpr int kDraws = 50;

bool Linked(const Cuts& cuts, size_t a, size_t b) { return !cuts[a][b] && !cuts[b][a]; }

// How many of the machines each one has links to, both ways; ascending.
std::vector<size_t> Degrees(const Cuts& cuts, size_t machines) {
  std::vector<size_t> degrees;
  for (size_t a = 0; a < machines; ++a) {
    size_t degree = 0;
    for (size_t b = 0; b < machines; ++b) degree += a != b && Linked(cuts, a, b) ? 1 : 0;
    degrees.push_back(degree);
  }
  std::sort(degrees.begin(), degrees.end());
  return degrees;
}

Cuts Draw(PartitionShape shape, const PartitionGround& ground, uint64_t seed) {
  Random random(seed);
  return DrawCuts(shape, ground, random);
}

TEST(Partition, AChainOfFiveIsATriangleWithTwoTails) {
  for (uint64_t seed = 0; seed < kDraws; ++seed) {
    const Cuts cuts = Draw(PartitionShape::kChain, {.machines = 5}, seed);
    EXPECT_EQ(Degrees(cuts, 5), (std::vector<size_t>{1, 1, 2, 3, 3}));
  }
}

TEST(Partition, AChainOfThreeLacksOneLink) {
  const Cuts cuts = Draw(PartitionShape::kChain, {.machines = 3}, 1);
  EXPECT_EQ(Degrees(cuts, 3), (std::vector<size_t>{1, 1, 2}));
}

TEST(Partition, InAMajorityRingEachSeesADifferentMajority) {
  for (const size_t machines : {5u, 7u}) {
    const Cuts cuts = Draw(PartitionShape::kMajorityRing, {.machines = machines}, 1);
    std::set<std::vector<bool>> seen;
    for (const std::vector<bool>& row : cuts) {
      seen.insert(row);
      EXPECT_GT(static_cast<size_t>(std::count(row.begin(), row.end(), false)), machines / 2);
    }
    EXPECT_EQ(seen.size(), machines);
  }
}

TEST(Partition, LeadersAloneReachNoFollower) {
  std::set<size_t> sides;
  for (uint64_t seed = 0; seed < kDraws; ++seed) {
    const PartitionGround ground = {.machines = 5, .leaders = {1, 3}};
    const Cuts cuts = Draw(PartitionShape::kLeadersAlone, ground, seed);
    size_t alone = 0;
    for (const size_t leader : {1u, 3u}) {
      const bool cut_off = !Linked(cuts, leader, 0);
      alone += cut_off ? 1 : 0;
      for (const size_t follower : {0u, 2u, 4u})
        EXPECT_EQ(!Linked(cuts, leader, follower), cut_off);
    }
    for (const size_t a : {0u, 2u, 4u}) {
      for (const size_t b : {0u, 2u, 4u}) EXPECT_TRUE(Linked(cuts, a, b));
    }
    sides.insert(alone);
  }
  EXPECT_EQ(sides, (std::set<size_t>{1, 2})) << "one leader, or all of them together";
}

TEST(Partition, UnheardLeadersHearEveryone) {
  const Cuts cuts = Draw(PartitionShape::kLeadersUnheard, {.machines = 3, .leaders = {2}}, 1);
  for (const size_t peer : {0u, 1u}) {
    EXPECT_TRUE(cuts[2][peer]);
    EXPECT_FALSE(cuts[peer][2]);
  }
}

TEST(Partition, ClientsReachLeadersOnlyOrEveryoneElse) {
  const PartitionGround ground = {.machines = 3, .clients = 2, .leaders = {1}};
  const Cuts to_leaders = Draw(PartitionShape::kClientsToLeaders, ground, 1);
  const Cuts to_others = Draw(PartitionShape::kClientsToOthers, ground, 1);
  for (const size_t client : {3u, 4u}) {
    for (const size_t machine : {0u, 1u, 2u}) {
      EXPECT_EQ(Linked(to_leaders, client, machine), machine == 1);
      EXPECT_EQ(Linked(to_others, client, machine), machine != 1);
    }
  }
  EXPECT_EQ(Degrees(to_leaders, 3), (std::vector<size_t>{2, 2, 2})) << "machines see each other";
}

TEST(Partition, AClientSeesAllOrWhatSomeMachineSees) {
  std::set<bool> affected;
  for (uint64_t seed = 0; seed < kDraws; ++seed) {
    const Cuts cuts = Draw(PartitionShape::kHalves, {.machines = 4, .clients = 1}, seed);
    std::set<std::vector<bool>> rows(cuts.begin(), cuts.begin() + 4);
    const bool cut = std::count(cuts[4].begin(), cuts[4].end(), true) > 0;
    EXPECT_TRUE(!cut || rows.contains(cuts[4]));
    affected.insert(cut);
  }
  EXPECT_EQ(affected.size(), 2u);
}

TEST(Partition, OnlyShapesThatTheGroundAllowsAreDrawn) {
  const auto drawn = [](const PartitionGround& ground) {
    Random random(1);
    std::set<PartitionShape> shapes;
    for (int i = 0; i < 1000; ++i) shapes.insert(DrawShape(ground, random));
    return shapes;
  };
  EXPECT_EQ(*drawn({.machines = 3}).rbegin(), PartitionShape::kRandomOneWays);
  EXPECT_EQ(*drawn({.machines = 3, .leaders = {0}}).rbegin(), PartitionShape::kLeadersUnheard);
  const auto all = drawn({.machines = 3, .clients = 1, .leaders = {0}});
  EXPECT_EQ(all.size(), static_cast<size_t>(kLastPartitionShape) + 1);
  for (const PartitionShape shape : all) EXPECT_FALSE(ToString(shape).empty());
}

TEST(Partition, AShapeIsAppliedToTheNetworkAndReplacesTheOneBefore) {
  SimWorld world(1);
  SimNetwork network(world, 3);
  Apply(CutsAround({0}, 3), network);
  EXPECT_TRUE(network.blocked(0, 1) && network.blocked(1, 0) && network.blocked(0, 2));
  EXPECT_FALSE(network.blocked(1, 2));
  Apply(CutsAround({2}, 3), network);
  EXPECT_FALSE(network.blocked(0, 1));
  EXPECT_TRUE(network.blocked(2, 1));
}

}  // namespace
}  // namespace flotilla::simulation
