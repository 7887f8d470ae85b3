#include "node/load_watch.h"

#include "gtest/gtest.h"

namespace flotilla::node {
namespace {

using sharding::Slot;
using std::chrono::seconds;

constexpr ShardId kShard{7};

class LoadWatchTest : public ::testing::Test {
 protected:
  LoadWatchTest() {
    shard_.claim.descriptor = {.shard = kShard, .arc = {}, .version = 1};
    shard_.claim.leader = {.term = Term(1), .node = NodeId(1)};
  }
  // A window ends, and the directory hears of it.
  void Hear(uint64_t load, LoadSample sample = {}) {
    now_ += seconds(2);
    shard_.claim.counters.load = load;
    ++shard_.claim.counters.report;
    shard_.load_sample = std::move(sample);
    Look();
  }
  void Look() { watch_.Note({{kShard, shard_}}, now_); }
  void Hear(uint64_t load, int times) {
    for (int i = 0; i < times; ++i) Hear(load);
  }

  MonoTime now_;
  ShardReport shard_;
  LoadWatch watch_{seconds(30)};
};

TEST_F(LoadWatchTest, KnowsNothingUntilMostOfASpanWasMeasured) {
  Hear(100, 11);
  EXPECT_EQ(watch_.Recent(kShard), std::nullopt);
  Hear(100);
  EXPECT_EQ(watch_.Recent(kShard), 100u);
  EXPECT_EQ(watch_.Recent(ShardId(8)), std::nullopt);
}

TEST_F(LoadWatchTest, CountsAWindowOnce) {
  Hear(100);
  for (int i = 0; i < 20; ++i) Look();
  EXPECT_EQ(watch_.Recent(kShard), std::nullopt);
}

TEST_F(LoadWatchTest, IsTheMeanOfTheLastSpan) {
  Hear(1000, 15);
  Hear(100, 15);
  EXPECT_EQ(watch_.Recent(kShard), 100u);
  Hear(400, 5);
  EXPECT_EQ(watch_.Recent(kShard), 200u);
}

TEST_F(LoadWatchTest, ForgetsAShardThatIsNotHeardOf) {
  Hear(100, 15);
  now_ += seconds(15);
  Look();
  EXPECT_EQ(watch_.Recent(kShard), std::nullopt);
}

TEST_F(LoadWatchTest, BeginsAnewWhenTheArcIsAnother) {
  Hear(100, 100);
  ++shard_.claim.descriptor.version;
  shard_.claim.counters.report = 0;
  Hear(40, 11);
  EXPECT_EQ(watch_.Recent(kShard), std::nullopt);
  EXPECT_EQ(watch_.Steady(kShard), std::nullopt);
  EXPECT_EQ(watch_.Divisible(kShard), 0u);
  Hear(40);
  EXPECT_EQ(watch_.Recent(kShard), 40u);
}

TEST_F(LoadWatchTest, GoesOnWithAnotherLeader) {
  Hear(100, 15);
  shard_.claim.leader = {.term = Term(2), .node = NodeId(2)};
  shard_.claim.counters.report = 0;
  Hear(130, 5);
  EXPECT_EQ(watch_.Recent(kShard), 110u);
}

TEST_F(LoadWatchTest, WeighsSamplesByTheLoadOfTheirWindows) {
  const LoadSample one{.picked = 20, .slots = {{Slot{1}, 20}}};
  const LoadSample other{.picked = 20, .slots = {{Slot{2}, 10}}};
  for (int i = 0; i < 8; ++i) {
    Hear(300, one);
    Hear(100, other);
  }
  Hear(100, other);
  // Fifteen windows: seven of the one, eight of the other, half of which is for no single slot.
  EXPECT_EQ(watch_.Recent(kShard), (7 * 300 + 8 * 100) / 15u);
  EXPECT_EQ(watch_.Divisible(kShard), (7 * 300 + 8 * 50) / 15u);
  const std::vector<sharding::SlotSample> samples = watch_.Samples(kShard);
  ASSERT_EQ(samples.size(), 2u);
  EXPECT_EQ(samples[0].slot, Slot{1});
  EXPECT_EQ(samples[0].load * 8 * 50, samples[1].load * 7 * 300);
}

TEST_F(LoadWatchTest, IsSteadyAfterSomeSpansAndThenFollowsSlowly) {
  Hear(100, 59);
  EXPECT_EQ(watch_.Steady(kShard), std::nullopt);
  Hear(100);
  EXPECT_EQ(watch_.Steady(kShard), 100u);
  Hear(100, 100);
  Hear(1000, 15);  // a span
  EXPECT_GT(watch_.Steady(kShard), 150u);
  EXPECT_LT(watch_.Steady(kShard), 250u);
  Hear(1000, 700);
  EXPECT_GT(watch_.Steady(kShard), 980u);
}

}  // namespace
}  // namespace flotilla::node
