#include "sharding/shard_map.h"

#include <vector>

#include "tests/sharding/shard_history.h"
#include <gtest/gtest.h>

namespace flotilla::sharding {
namespace {

constexpr uint16_t kLast = kSlotCount - 1;

ShardMap MapOf(const Report& report) {
  ShardMap map;
  EXPECT_TRUE(map.Merge(report).ok());
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
  return map;
}
bool Merge(ShardMap& map, const Report& report) {
  const absl::StatusOr<bool> visible = map.Merge(report);
  EXPECT_TRUE(visible.ok()) << visible.status();
  EXPECT_TRUE(map.Validate().ok()) << map.Validate();
  return visible.ok() && *visible;
}
uint64_t OwnerOf(const ShardMap& map, uint16_t slot) {
  return map.Find(Slot{slot})->claim.descriptor.shard.value();
}

TEST(ShardMap, OfNothingOwnsNothing) {
  const ShardMap map;
  EXPECT_EQ(map.version(), 0u);
  EXPECT_FALSE(map.IsFounded());
  EXPECT_EQ(map.Find(Slot{0}), nullptr);
}

TEST(ShardMap, IsFoundedWhenAllFoundingShardsWereHeardOf) {
  ShardMap map;
  for (const ShardClaim& claim : FoundingReport(4)) {
    EXPECT_FALSE(map.IsFounded());
    EXPECT_TRUE(Merge(map, {claim}));
  }
  EXPECT_TRUE(map.IsFounded());
  EXPECT_EQ(map.version(), 4u);
  EXPECT_EQ(OwnerOf(map, 0), 1u);
  EXPECT_EQ(OwnerOf(map, kLast), 4u);
}

TEST(ShardMap, ASplitChangesHandsInOneVersion) {
  ShardMap map = MapOf({ClaimOf(1, 0, kLast, 1)});
  EXPECT_TRUE(Merge(map, {ClaimOf(1, 0, 99, 2), ClaimOf(2, 100, kLast, 2)}));
  EXPECT_EQ(map.version(), 2u);
  EXPECT_EQ(OwnerOf(map, 99), 1u);
  EXPECT_EQ(OwnerOf(map, 100), 2u);
}

TEST(ShardMap, AStaleArcNeverReplacesANewerOne) {
  ShardMap map = MapOf({ClaimOf(1, 0, 99, 2), ClaimOf(2, 100, kLast, 2)});
  const ShardMap before = map;
  EXPECT_FALSE(Merge(map, {ClaimOf(1, 0, kLast, 1)}));
  EXPECT_EQ(map, before);
}

TEST(ShardMap, EachPartOfAClaimIsJudgedByItsOwnStamp) {
  ShardMap map = MapOf({ClaimOf(1, 0, 99, 3)});
  // An old arc and an old leader, but members that are news.
  ShardClaim late = ClaimOf(1, 0, kLast, 2);
  late.leader = {};
  late.configuration.index = LogIndex(9);
  late.configuration.replicas.pop_back();
  EXPECT_TRUE(Merge(map, {late}));
  const ShardClaim& known = map.FindShard(ShardId(1))->claim;
  EXPECT_EQ(known.descriptor.version, 3u);
  EXPECT_EQ(known.leader.node, NodeId(1));
  EXPECT_EQ(known.configuration, late.configuration);
}

TEST(ShardMap, ALeaderOfAnOlderTermIsNotNews) {
  ShardClaim claim = ClaimOf(1, 0, kLast, 1);
  claim.leader = {Term(5), NodeId(2)};
  ShardMap map = MapOf({claim});
  claim.leader = {Term(4), NodeId(3)};
  EXPECT_FALSE(Merge(map, {claim}));
  claim.leader = {Term(5), NodeId()};
  EXPECT_FALSE(Merge(map, {claim}));
  EXPECT_EQ(map.FindShard(ShardId(1))->claim.leader.node, NodeId(2));
  claim.leader = {Term(6), NodeId(3)};
  EXPECT_TRUE(Merge(map, {claim}));
  EXPECT_EQ(map.FindShard(ShardId(1))->claim.leader.node, NodeId(3));
}

TEST(ShardMap, CountersAreTakenOverInSilenceByTheirStamp) {
  ShardClaim claim = ClaimOf(1, 0, kLast, 1);
  claim.counters = {.bytes = 20, .load = 2, .report = 2};
  ShardMap map = MapOf({claim});
  claim.counters = {.bytes = 10, .load = 1, .report = 1};
  EXPECT_FALSE(Merge(map, {claim}));
  EXPECT_EQ(map.FindShard(ShardId(1))->claim.counters.bytes, 20u);
  claim.counters = {.bytes = 30, .load = 3, .report = 3};
  EXPECT_FALSE(Merge(map, {claim}));
  EXPECT_EQ(map.FindShard(ShardId(1))->claim.counters.bytes, 30u);
  EXPECT_EQ(map.version(), 1u);
}

TEST(ShardMap, CountersOfAnOlderArcDoNotCountAsMeasured) {
  ShardClaim claim = ClaimOf(1, 0, kLast, 1);
  EXPECT_FALSE(MapOf({claim}).FindShard(ShardId(1))->IsMeasured());
  claim.counters = {.bytes = 20, .load = 2, .report = 2};
  ShardMap map = MapOf({claim});
  EXPECT_TRUE(map.FindShard(ShardId(1))->IsMeasured());
  Merge(map, {ClaimOf(1, 0, 99, 2), ClaimOf(2, 100, kLast, 2)});
  EXPECT_FALSE(map.FindShard(ShardId(1))->IsMeasured());
}

TEST(ShardMap, ContradictionsChangeNothing) {
  ShardMap map = MapOf({ClaimOf(1, 0, 99, 2), ClaimOf(2, 100, kLast, 2)});
  const ShardMap before = map;
  ShardClaim other_arc = ClaimOf(1, 0, 98, 2);
  ShardClaim other_leader = ClaimOf(1, 0, 99, 2);
  other_leader.leader.node = NodeId(2);
  ShardClaim other_members = ClaimOf(1, 0, 99, 2);
  other_members.configuration.replicas.pop_back();
  const ShardClaim takes_all = ClaimOf(3, 0, 99, 3);
  const ShardClaim fine = ClaimOf(3, 50, 99, 3);
  for (const ShardClaim& wrong :
       {other_arc, other_leader, other_members, takes_all, ClaimOf(4, 99, 150, 2)}) {
    EXPECT_EQ(map.Merge(Report{fine, wrong}).status().code(),
              absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(map, before);
  }
}

TEST(ShardMap, RefusesWhatNoShardCanSay) {
  ShardClaim no_id = ClaimOf(0, 0, 9, 1);
  ShardClaim no_version = ClaimOf(1, 0, 9, 0);
  ShardClaim twice_on_a_node = ClaimOf(1, 0, 9, 1);
  twice_on_a_node.configuration.replicas[1].node = NodeId(1);
  ShardClaim no_replica_id = ClaimOf(1, 0, 9, 1);
  no_replica_id.configuration.replicas[2].replica = ReplicaId();
  for (const ShardClaim& claim : {no_id, no_version, twice_on_a_node, no_replica_id,
                                  ClaimOf(1, 9, 8, 1), ClaimOf(1, 0, kSlotCount, 1)}) {
    ShardMap map;
    EXPECT_EQ(map.Merge(Report{claim}).status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(map, ShardMap());
  }
}

TEST(ShardMap, ADeltaHoldsOnlyWhatChanged) {
  ShardMap map = MapOf(FoundingReport(4));
  ShardClaim moved = FoundingReport(4)[2];
  moved.leader = {Term(2), NodeId(2)};
  Merge(map, {moved});
  const ShardMapDelta delta = map.Since(1);
  ASSERT_EQ(delta.items.size(), 1u);
  EXPECT_EQ(delta.items[0].shard.claim, moved);
  EXPECT_EQ(map.Since(0).items.size(), 4u);
  EXPECT_TRUE(map.Since(2).items.empty());
}

TEST(ShardMap, ACopyRefusesADeltaThatBeginsAfterIt) {
  ShardMap map = MapOf(FoundingReport(2));
  ShardMap copy = map;
  ShardClaim claim = FoundingReport(2)[0];
  for (uint64_t term = 2; term < 5; ++term) {
    claim.leader.term = Term(term);
    Merge(map, {claim});
  }
  EXPECT_EQ(copy.Apply(map.Since(3)).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(copy.version(), 1u);
  EXPECT_TRUE(copy.Apply(map.Since(1)).ok());
  EXPECT_EQ(copy, map);
}

TEST(ShardMap, ADeltaThatIsOlderThanTheCopyChangesNothing) {
  ShardMap map = MapOf(FoundingReport(2));
  const ShardMapDelta whole = map.Since(0);
  ShardClaim claim = FoundingReport(2)[0];
  claim.leader.term = Term(2);
  Merge(map, {claim});
  const ShardMap before = map;
  EXPECT_TRUE(map.Apply(whole).ok());
  EXPECT_EQ(map, before);
}

TEST(ShardMap, ADeltaThatDoesNotFitChangesNothing) {
  const ShardMap before = MapOf(FoundingReport(2));
  ShardMapDelta unowned = before.Since(0);
  unowned.version = 2;
  ShardMapDelta twice = unowned;
  ShardMapDelta without_slots = unowned;
  ShardMapDelta by_no_claim = unowned;
  unowned.items[1].holdings[0].arc.first = Slot{kSlotCount - 5};
  twice.items[0].holdings[0].arc.last = Slot{kSlotCount - 5};
  without_slots.items[0].holdings.clear();
  by_no_claim.items[0].holdings[0].version = 2;
  for (const ShardMapDelta& delta : {unowned, twice, without_slots, by_no_claim}) {
    ShardMap map = before;
    EXPECT_EQ(map.Apply(delta).code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(map, before);
  }
}

}  // namespace
}  // namespace flotilla::sharding
