#include "sharding/share_balance.h"

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace flotilla::sharding {
namespace {

// Which shard could go from one node to another.
using Ways = std::map<std::pair<NodeIndex, NodeIndex>, uint64_t>;

std::vector<Holder> Holders(const std::vector<uint64_t>& counts) {
  std::vector<Holder> holders;
  for (const uint64_t count : counts) {
    holders.push_back({static_cast<NodeIndex>(holders.size()), {count, 1}});
  }
  return holders;
}

StepGroup EvenOutAlong(const std::vector<uint64_t>& counts, size_t longest, const Ways& ways) {
  return EvenOut(Holders(counts), longest, [&](NodeIndex from, NodeIndex to) {
    const auto way = ways.find({from, to});
    if (way == ways.end()) return std::optional<Step>();
    return std::optional<Step>(MoveReplica{ShardId(way->second), NodeId(from), NodeId(to)});
  });
}

Step Move(uint64_t shard, uint64_t from, uint64_t to) {
  return MoveReplica{ShardId(shard), NodeId(from), NodeId(to)};
}

TEST(FairShare, IsAsEvenAsWholeNumbersCanBe) {
  EXPECT_TRUE(MakesMoreEven({3, 1}, {1, 1}));
  EXPECT_FALSE(MakesMoreEven({2, 1}, {1, 1}));
  EXPECT_TRUE(LeavesAsEven({2, 1}, {1, 1}));
  EXPECT_FALSE(LeavesAsEven({3, 1}, {1, 1}));
  EXPECT_TRUE(MakesMoreEven({2, 1}, {2, 2}));
  EXPECT_FALSE(MakesMoreEven({0, 1}, {0, 5}));
}

TEST(FairShare, OfNoWeightGivesAllAndTakesNothing) {
  EXPECT_TRUE(MakesMoreEven({1, 0}, {100, 1}));
  EXPECT_FALSE(MakesMoreEven({100, 1}, {0, 0}));
  EXPECT_TRUE(IsNextBefore({100, 1}, {0, 0}));
}

TEST(EvenOut, TakesFromTheFullestForTheEmptiest) {
  EXPECT_EQ(EvenOutAlong({9, 5, 2, 3}, 1, {{{0, 2}, 1}, {{0, 3}, 2}, {{1, 2}, 3}}),
            StepGroup{Move(1, 0, 2)});
}

TEST(EvenOut, LeavesNumbersAloneThatDifferByOne) {
  EXPECT_TRUE(EvenOutAlong({3, 2}, 3, {{{0, 1}, 1}}).empty());
}

TEST(EvenOut, GoesThroughOthersWhereThereIsNoDirectWay) {
  const Ways ways{{{0, 1}, 1}, {{1, 2}, 2}};
  EXPECT_EQ(EvenOutAlong({4, 3, 2}, 2, ways), (StepGroup{Move(2, 1, 2), Move(1, 0, 1)}));
  EXPECT_TRUE(EvenOutAlong({4, 3, 2}, 1, ways).empty());
}

TEST(EvenOut, MovesNoShardTwiceInAChain) {
  EXPECT_TRUE(EvenOutAlong({4, 3, 2}, 2, {{{0, 1}, 7}, {{1, 2}, 7}}).empty());
}

}  // namespace
}  // namespace flotilla::sharding
