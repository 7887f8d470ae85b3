#include "sharding/level_balance.h"

#include <map>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace flotilla::sharding {
namespace {

using Parcels = std::map<std::pair<NodeIndex, NodeIndex>, std::vector<Parcel>>;

Parcel P(uint64_t shard, uint64_t amount, bool leads = false) {
  return {.amount = amount, .leads = leads, .step = TransferLeader{ShardId(shard), {}, {}}};
}

std::vector<uint64_t> ShardsExchanged(const std::vector<uint64_t>& amounts, const Parcels& parcels,
                                      bool may_go_alone = false, double least = 0) {
  std::vector<Vessel> vessels;
  for (const uint64_t amount : amounts) {
    vessels.push_back({static_cast<NodeIndex>(vessels.size()), amount, 1});
  }
  const StepGroup steps = Exchange(
      vessels, {.percent = 20, .least = least},
      [&](NodeIndex from, NodeIndex to) {
        const auto found = parcels.find({from, to});
        return found == parcels.end() ? std::vector<Parcel>() : found->second;
      },
      [&](NodeIndex, NodeIndex, const Parcel&) { return may_go_alone; });
  std::vector<uint64_t> shards;
  for (const Step& step : steps) shards.push_back(ShardOf(step).value());
  return shards;
}

using Shards = std::vector<uint64_t>;

TEST(Exchange, LeavesALevelWithinTheToleranceAlone) {
  const Parcels parcels{{{0, 1}, {P(1, 15)}}, {{1, 0}, {P(2, 1)}}};
  EXPECT_EQ(ShardsExchanged({120, 80}, parcels), Shards());
  EXPECT_EQ(ShardsExchanged({121, 79}, parcels), (Shards{1, 2}));
}

TEST(Exchange, LeavesWhatIsTooLittleAloneWhateverTheMean) {
  const Parcels parcels{{{0, 1}, {P(1, 15)}}, {{1, 0}, {P(2, 1)}}};
  EXPECT_EQ(ShardsExchanged({130, 70}, parcels, false, 30), Shards());
  EXPECT_EQ(ShardsExchanged({131, 69}, parcels, false, 30), (Shards{1, 2}));
}

TEST(Exchange, ChoosesWhatMakesTheTwoMostEqual) {
  EXPECT_EQ(ShardsExchanged({140, 60}, {{{0, 1}, {P(1, 20), P(2, 45), P(3, 70)}},
                                        {{1, 0}, {P(4, 5), P(5, 10)}}}),
            (Shards{2, 4}));
}

TEST(Exchange, GivesWithoutTakingOnlyWhereThatKeepsTheNumbers) {
  const Parcels parcels{{{0, 1}, {P(1, 40)}}};
  EXPECT_EQ(ShardsExchanged({140, 60}, parcels), Shards());
  EXPECT_EQ(ShardsExchanged({140, 60}, parcels, true), Shards{1});
}

TEST(Exchange, ExchangesLikeForLike) {
  EXPECT_EQ(ShardsExchanged({140, 60}, {{{0, 1}, {P(1, 40, true)}}, {{1, 0}, {P(2, 1)}}}),
            Shards());
}

TEST(Exchange, DoesNotPassTheHotSpotOn) {
  EXPECT_EQ(ShardsExchanged({140, 60}, {{{0, 1}, {P(1, 75)}}, {{1, 0}, {P(2, 1)}}}), Shards());
}

TEST(Exchange, DoesNotSwapALikeForALike) {
  EXPECT_EQ(ShardsExchanged({140, 60}, {{{0, 1}, {P(1, 30)}}, {{1, 0}, {P(2, 20)}}}), Shards());
}

TEST(Exchange, GoesByAThirdNodeWhereTwoHaveNothingInCommon) {
  EXPECT_EQ(ShardsExchanged({140, 60, 100},
                            {{{0, 1}, {P(1, 40)}}, {{1, 2}, {P(2, 5)}}, {{2, 0}, {P(3, 5)}}}),
            (Shards{1, 2, 3}));
}

}  // namespace
}  // namespace flotilla::sharding
