// What load makes the balancer do, and what it must not: leaders that change places for ever, and
// shards that are split until there is nothing left of them.
#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "gtest/gtest.h"
#include "tests/node/load_rig.h"

namespace flotilla::node {
namespace {

using sharding::Slot;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Duration kSpan = seconds(30);

sharding::PlannerOptions SplitAbove(uint64_t load) {
  sharding::PlannerOptions options;
  options.split_load = load;
  options.max_shards = 100;
  return options;
}

std::vector<Slot> Every(uint16_t step) {
  std::vector<Slot> slots;
  for (uint32_t slot = 0; slot < sharding::kSlotCount; slot += step) {
    slots.push_back({static_cast<uint16_t>(slot)});
  }
  return slots;
}

LoadRig::LoadAt Always(double load) {
  return [load](const auto&, Slot, Duration) { return load; };
}

// Half of the time twice as much, in turns: shards with even and with odd ids are never hot at the
// same time.
LoadRig::LoadAt Swinging(double load, Duration period) {
  return [=](const sharding::ShardClaim& shard, Slot, Duration at) {
    const bool second_half = at % period >= period / 2;
    return (shard.descriptor.shard.value() % 2 == 0) == second_half ? 2 * load : 0.0;
  };
}

double MostLoaded(const LoadRig& rig) {
  double most = 0;
  for (const auto& [id, shard] : rig.shards()) most = std::max(most, rig.LoadOf(shard));
  return most;
}

TEST(LoadSplit, AHotShardIsSplitUntilNoneIs) {
  LoadRig rig(4, 4, SplitAbove(1000));
  // All of it on a sixteenth of the ring, in the first shard.
  std::vector<Slot> slots = Every(16);
  slots.resize(64);
  rig.Ask(slots, Always(100));
  rig.SetNoise(10);
  rig.Run(minutes(10));
  EXPECT_LT(MostLoaded(rig), 1000 * 1.1);
  // 6,400 requests per second are too many for six shards, and it need not be the best cuts.
  EXPECT_GE(rig.splits().size(), 6u);
  EXPECT_LE(rig.splits().size(), 12u);
}

TEST(LoadSplit, NothingIsSplitBeforeItWasMeasuredAsItIs) {
  LoadRig rig(4, 4, SplitAbove(100));
  rig.Ask(Every(64), Always(100));
  rig.Run(minutes(10));
  std::map<ShardId, Duration> as_it_is;
  const auto splits = rig.splits();
  ASSERT_GT(splits.size(), 8u);
  for (const LoadRig::Event& split : splits) {
    EXPECT_GE(split.at - as_it_is[split.shard], kSpan * 3 / 4);
    as_it_is[split.shard] = as_it_is[split.child] = split.at;
  }
}

TEST(LoadSplit, OneHotSlotIsLeftAlone) {
  LoadRig rig(4, 4, SplitAbove(1000));
  rig.Ask(Every(64),
          [](const auto&, Slot slot, Duration) { return slot.value == 640 ? 50'000 : 1; });
  rig.Run(hours(1));
  EXPECT_EQ(rig.splits().size(), 0u);
}

TEST(LoadSplit, AHotSlotAmongOthersIsCutFreeAndThenLeftAlone) {
  LoadRig rig(4, 4, SplitAbove(1000));
  rig.Ask(Every(256),
          [](const auto&, Slot slot, Duration) { return slot.value == 512 ? 5000 : 200; });
  rig.Run(minutes(10));
  const size_t splits = rig.splits().size();
  EXPECT_LE(splits, 20u);
  rig.Run(hours(2));
  EXPECT_EQ(rig.splits().size(), splits);
}

TEST(LoadSplit, ScansAreNotDivided) {
  LoadRig rig(4, 4, SplitAbove(1000));
  rig.Ask(Every(64), Always(1));
  rig.Scan(5000);
  rig.Run(hours(1));
  EXPECT_EQ(rig.splits().size(), 0u);
}

TEST(LoadSplit, PeaksOfAFewSecondsSplitNothing) {
  LoadRig rig(4, 4, SplitAbove(1000));
  rig.Ask(Every(256), Swinging(50, seconds(8)));  // 800 a shard, or 1,600 for some seconds
  rig.SetNoise(20);
  rig.Run(hours(1));
  EXPECT_EQ(rig.splits().size(), 0u);
}

TEST(LoadSplit, ANewLeaderOfTheDirectoryMeasuresFirst) {
  LoadRig rig(4, 4, SplitAbove(100));
  rig.Ask(Every(64), Always(100));
  for (int i = 0; i < 20; ++i) {
    rig.Run(kSpan / 2);
    rig.Elect();
  }
  EXPECT_EQ(rig.splits().size(), 0u);
  EXPECT_EQ(rig.hand_overs().size(), 0u);
}

// Some shards are hot, and one node leads them.
LoadRig::LoadAt HotOnes() {
  return [](const sharding::ShardClaim& shard, Slot, Duration) {
    return shard.descriptor.shard.value() % 4 == 1 ? 300 : 10;
  };
}

TEST(LeaderLoad, LeadersOfHotShardsAreSpreadAndThenStay) {
  LoadRig rig(4, 16, {});
  rig.Ask(Every(1024), HotOnes());
  rig.SetNoise(30);
  EXPECT_GT(rig.Imbalance(), 3);
  rig.Run(minutes(20));
  EXPECT_LE(rig.Imbalance(), 1.2);
  const size_t hand_overs = rig.hand_overs().size();
  EXPECT_LE(hand_overs, 8u);
  rig.Run(hours(6));
  EXPECT_EQ(rig.hand_overs().size(), hand_overs);
}

TEST(LeaderLoad, NothingIsMovedUntilEveryShardWasMeasured) {
  LoadRig rig(4, 16, {});
  rig.Ask(Every(1024), HotOnes());
  rig.Run(4 * kSpan - seconds(10));
  EXPECT_EQ(rig.hand_overs().size(), 0u);
  rig.Run(minutes(1));
  EXPECT_GT(rig.hand_overs().size(), 0u);
}

// It would pass for one that nobody asks.
TEST(LeaderLoad, NothingIsMovedWhileTheLoadOfAShardIsUnknown) {
  LoadRig rig(4, 16, {});
  rig.Ask(Every(1024), HotOnes());
  rig.Mute(ShardId(7));
  rig.Run(hours(1));
  EXPECT_EQ(rig.hand_overs().size(), 0u);
  rig.Mute(ShardId(7), false);
  rig.Run(minutes(3));
  EXPECT_GT(rig.hand_overs().size(), 0u);
}

TEST(LeaderLoad, NoiseMovesNothing) {
  LoadRig rig(4, 16, {});
  rig.Ask(Every(1024), Always(100));
  rig.SetNoise(100);
  rig.Run(hours(4));
  EXPECT_EQ(rig.hand_overs().size(), 0u);
}

TEST(LeaderLoad, LittleLoadMovesNothing) {
  LoadRig rig(4, 16, {});
  // Twelve times as much on one node as on another, and not worth a hand-over.
  rig.Ask(Every(1024), [](const sharding::ShardClaim& shard, Slot, Duration) {
    return shard.descriptor.shard.value() % 4 == 1 ? 12 : 1;
  });
  rig.Run(hours(1));
  EXPECT_GT(rig.Imbalance(), 3);
  EXPECT_EQ(rig.hand_overs().size(), 0u);
}

TEST(LeaderLoad, LoadThatSwingsMovesNothing) {
  for (const Duration period : {seconds(4), seconds(10), seconds(40), seconds(90)}) {
    // Whoever leads shards with even ids leads no others.
    LoadRig rig(4, 16, {});
    rig.Ask(Every(1024), Swinging(100, period));
    rig.Run(hours(2));
    EXPECT_EQ(rig.hand_overs().size(), 0u) << std::chrono::duration<double>(period).count();
  }
}

// Load that goes wherever its leader is not wanted, which no average can foresee.
TEST(LeaderLoad, NoLeaderIsMovedOftenWhateverLoadDoes) {
  constexpr Duration kHours = hours(6);
  LoadRig rig(4, 16, {});
  rig.Ask(Every(1024), [](const sharding::ShardClaim& shard, Slot, Duration) {
    return shard.leader.node == NodeId(1) ? 500 : 10;
  });
  rig.Run(kHours);
  std::map<ShardId, int64_t> times;
  for (const LoadRig::Event& event : rig.hand_overs()) ++times[event.shard];
  EXPECT_GT(times.size(), 1u);
  for (const auto& [shard, count] : times) {
    EXPECT_LE(count, kHours / minutes(10) + 1) << "shard " << shard;
  }
}

}  // namespace
}  // namespace flotilla::node
