#include "tests/simulation/cluster/cluster_oracle.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/map_engine.h"
#include "tests/simulation/sim_disk.h"

namespace flotilla::simulation {
namespace {

using ::testing::HasSubstr;

constexpr ShardId kShard{7};

// Engines of several machines that the oracle watches.
class ClusterOracleTest : public ::testing::Test {
 protected:
  std::unique_ptr<storage::Engine> OpenEngine(NodeIndex machine) {
    auto source = std::make_unique<storage::MapEngineSource>(
        storage::MapEngineOptions{.flush_one_in_writes = 0},
        storage::MapEngineWorld{.disk = disk_, .on_fatal = [](const absl::Status&) {}}, Random(1));
    watched_ = oracle_.Watch(machine, std::move(source));
    auto engine =
        watched_->Open("/machine-" + std::to_string(machine) + "/7/1", "", /*create=*/true);
    EXPECT_TRUE(engine.ok());
    return *std::move(engine);
  }

  static void Put(storage::Engine& engine, std::string_view key, std::string_view value,
                  uint64_t index) {
    storage::WriteBatch batch;
    batch.Put(std::string(key), std::string(value));
    EXPECT_TRUE(engine.Write(batch, LogIndex(index)).ok());
  }

  const std::string& failure() const { return record_.failure(); }

  SimWorld world_{1};
  RunRecord record_{world_};
  SimDisk disk_{1, SimDiskOptions()};
  ClusterOracle oracle_{world_, [](NodeId, ShardId) { return std::nullopt; }, record_};
  std::unique_ptr<storage::EngineSource> watched_;
};

TEST_F(ClusterOracleTest, TheSameStateAtOneIndexBreaksNoRule) {
  oracle_.OnState(0, kShard, LogIndex(5), 111);
  oracle_.OnState(1, kShard, LogIndex(5), 111);
  oracle_.OnState(1, kShard, LogIndex(6), 222);
  EXPECT_EQ(failure(), "");
  EXPECT_EQ(record_.marks().at("oracle.states_compared"), 1u);
}

TEST_F(ClusterOracleTest, TwoStatesAtOneIndexAreAFailure) {
  oracle_.OnState(0, kShard, LogIndex(5), 111);
  oracle_.OnState(1, kShard, LogIndex(5), 222);
  EXPECT_THAT(failure(), HasSubstr("the states of machines 0 and 1 differ at index 5"));
}

TEST_F(ClusterOracleTest, ANodeThatSpeaksNonsenseIsAFailure) {
  oracle_.OnSent(0, "nonsense");
  EXPECT_THAT(failure(), HasSubstr("sends what no node can read"));
}

TEST_F(ClusterOracleTest, EnginesWithTheSameRowsAreInTheSameState) {
  const auto one = OpenEngine(0);
  const auto one_source = std::move(watched_);
  const auto two = OpenEngine(1);
  Put(*one, "a", "1", 1);
  Put(*one, "a", "2", 2);
  Put(*two, "a", "1", 1);
  Put(*two, "a", "2", 2);
  EXPECT_EQ(failure(), "");
}

TEST_F(ClusterOracleTest, EnginesWithOtherValuesAreInAnotherState) {
  const auto one = OpenEngine(0);
  const auto one_source = std::move(watched_);
  const auto two = OpenEngine(1);
  Put(*one, "a", "1", 1);
  Put(*two, "a", "2", 1);
  EXPECT_THAT(failure(), HasSubstr("differ at index 1"));
}

}  // namespace
}  // namespace flotilla::simulation
