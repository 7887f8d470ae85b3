// Shard maps under claims that are lost, repeated and late.
#include <algorithm>
#include <string>
#include <vector>

#include "base/random.h"
#include "sharding/shard_map.h"
#include "tests/sharding/shard_history.h"
#include <gtest/gtest.h>

namespace flotilla::sharding {
namespace {

constexpr uint64_t kSeeds = 150;

ShardHistory HistoryOf(Random& random, size_t steps) {
  ShardHistory history(random.Split(), static_cast<uint32_t>(random.Between(1, 8)));
  for (size_t i = 0; i < steps; ++i) history.Step();
  return history;
}

// The rule itself, slot by slot: of all claims to a slot the one with the highest version counts.
class SlotOracle {
 public:
  void Add(const Report& report) {
    for (const ShardClaim& claim : report) {
      const Arc& arc = claim.descriptor.arc;
      for (uint32_t slot = arc.first.value; slot <= arc.last.value; ++slot) {
        if (claim.descriptor.version > best_[slot].version) best_[slot] = claim.descriptor;
      }
    }
  }
  void Check(const ShardMap& map) const {
    for (uint32_t slot = 0; slot < kSlotCount; ++slot) {
      const MappedShard* owner = map.Find(Slot{static_cast<uint16_t>(slot)});
      const ShardId wanted = best_[slot].shard;
      ASSERT_EQ(owner == nullptr ? ShardId() : owner->claim.descriptor.shard, wanted) << slot;
    }
  }

 private:
  std::vector<ShardDescriptor> best_ = std::vector<ShardDescriptor>(kSlotCount, {.version = 0});
};

void CheckSameButForVersions(const ShardMap& a, const ShardMap& b) {
  EXPECT_EQ(a.ring(), b.ring());
  ASSERT_EQ(a.shards().size(), b.shards().size());
  for (const auto& [id, shard] : a.shards()) EXPECT_EQ(shard.claim, b.FindShard(id)->claim);
}

TEST(ShardMapProperty, NoSlotIsEverUnownedOrOwnedByAnOlderClaim) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const ShardHistory history = HistoryOf(random, 40);
    const std::vector<Report>& reports = history.reports();
    // The founding comes first; of the rest some is lost and some comes twice, in any order.
    std::vector<Report> arriving(reports.begin() + 1, reports.end());
    for (const Report& report : reports) {
      if (random.Chance(1, 3)) arriving.push_back(report);
    }
    random.Shuffle(arriving);
    arriving.resize(arriving.size() * 3 / 4);
    arriving.insert(arriving.begin(), reports.front());
    ShardMap map;
    SlotOracle oracle;
    for (const Report& report : arriving) {
      const uint64_t before = map.version();
      const ShardMap old = map;
      const absl::StatusOr<bool> visible = map.Merge(report);
      ASSERT_TRUE(visible.ok()) << visible.status();
      ASSERT_EQ(map.version(), before + (*visible ? 1 : 0));
      ASSERT_EQ(map.ring() == old.ring() || *visible, true);
      ASSERT_TRUE(map.Validate().ok()) << map.Validate();
      ASSERT_TRUE(map.IsFounded());
      oracle.Add(report);
    }
    oracle.Check(map);
  }
}

TEST(ShardMapProperty, TheOrderOfClaimsDoesNotMatter) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const ShardHistory history = HistoryOf(random, 40);
    std::vector<Report> reports = history.reports();
    ShardMap in_order;
    for (const Report& report : reports) ASSERT_TRUE(in_order.Merge(report).ok());
    random.Shuffle(reports);
    ShardMap shuffled;
    for (const Report& report : reports) ASSERT_TRUE(shuffled.Merge(report).ok());
    CheckSameButForVersions(in_order, shuffled);
    // Whoever has heard everything knows the truth.
    for (const auto& [id, claim] : history.now()) {
      EXPECT_EQ(shuffled.FindShard(id)->claim.descriptor, claim.descriptor);
      EXPECT_EQ(shuffled.FindShard(id)->claim.configuration, claim.configuration);
      EXPECT_EQ(shuffled.FindShard(id)->claim.leader, claim.leader);
      EXPECT_EQ(shuffled.Find(claim.descriptor.arc.first)->claim.descriptor.shard, id);
      EXPECT_EQ(shuffled.Find(claim.descriptor.arc.last)->claim.descriptor.shard, id);
    }
    EXPECT_EQ(shuffled.shards().size(), history.now().size());
  }
}

TEST(ShardMapProperty, DeltasBringEveryCopyUpToDate) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    ShardMap map;
    std::vector<ShardMap> copies(3);
    const ShardHistory history = HistoryOf(random, 60);
    for (const Report& report : history.reports()) {
      ASSERT_TRUE(map.Merge(report).ok());
      ShardMap& copy = copies[random.Below(copies.size())];
      // From its own version or from an earlier one: both must do.
      const uint64_t since = copy.version() - random.Below(copy.version() + 1);
      ASSERT_TRUE(copy.Apply(map.Since(since)).ok());
      ASSERT_TRUE(copy.Validate().ok());
      ASSERT_EQ(copy.version(), map.version());
      ASSERT_EQ(copy.ring(), map.ring());
    }
    for (ShardMap& copy : copies) {
      ASSERT_TRUE(copy.Apply(map.Since(copy.version())).ok());
      ASSERT_EQ(copy.ring(), map.ring());
      for (const auto& [id, shard] : map.shards()) {
        const MappedShard* copied = copy.FindShard(id);
        ASSERT_NE(copied, nullptr);
        EXPECT_EQ(copied->claim.descriptor, shard.claim.descriptor);
        EXPECT_EQ(copied->claim.configuration, shard.claim.configuration);
        EXPECT_EQ(copied->claim.leader, shard.claim.leader);
        EXPECT_EQ(copied->changed, shard.changed);
      }
    }
  }
}

}  // namespace
}  // namespace flotilla::sharding
