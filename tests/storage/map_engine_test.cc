// How badly the simulator's engine behaves, on purpose.
#include "storage/map_engine.h"

#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/sim_clock.h"
#include "tests/simulation/sim_disk.h"
#include "tests/simulation/sim_executor.h"
#include "tests/simulation/sim_world.h"
#include "tests/storage/engine_world.h"
#include "tests/support/golden_file.h"
#include <gtest/gtest.h>

namespace flotilla::storage {
namespace {

class MapEngineTest : public ::testing::Test {
 protected:
  explicit MapEngineTest(uint64_t seed = 1) : sim_(seed), disk_(seed) {}

  void Open(const MapEngineOptions& options) {
    source_ = std::make_unique<MapEngineSource>(
        options,
        MapEngineWorld{.disk = disk_,
                       .clock = &clock_,
                       .executor = &executor_,
                       .on_fatal = [](const absl::Status& status) { ADD_FAILURE() << status; }},
        sim_.Stream("engine"));
    engine_ = *source_->Open("shards/1/7", "", true);
    engine_->SetDurableListener(
        [this](DurablePoint point) { reports_.emplace_back(sim_.now(), point.index); });
  }
  void Write() {
    WriteBatch batch;
    batch.Put("k" + std::to_string(index_ % 7), std::to_string(index_));
    ASSERT_TRUE(engine_->Write(batch, LogIndex(++index_)).ok());
  }
  LogIndex Saved() {
    const std::string folder = "copy" + std::to_string(++copies_);
    const std::string note = *engine_->Checkpoint(folder);
    return (*source_->Open(folder, note, /*create=*/false))->Durable().index;
  }

  simulation::SimWorld sim_;
  simulation::SimClock clock_{sim_};
  simulation::SimDisk disk_;
  simulation::SimExecutor executor_{sim_, clock_, 0, {}, sim_.Stream("executor")};
  std::unique_ptr<MapEngineSource> source_;
  std::unique_ptr<Engine> engine_;
  std::vector<std::pair<Duration, LogIndex>> reports_;
  uint64_t index_ = 0;
  int copies_ = 0;
};

TEST_F(MapEngineTest, AFlushIsSavedLaterAndReportedLaterStill) {
  Open({.flush_one_in_writes = 0});
  Write();
  ASSERT_TRUE(engine_->Flush().ok());
  EXPECT_EQ(Saved(), LogIndex()) << "not yet";
  ASSERT_TRUE(sim_.Step());
  EXPECT_EQ(Saved(), LogIndex(1));
  EXPECT_TRUE(reports_.empty()) << "a crash now would leave more than was reported";
  ASSERT_TRUE(sim_.Step());
  ASSERT_EQ(reports_.size(), 1u);
  EXPECT_EQ(reports_[0].second, LogIndex(1));
}

TEST_F(MapEngineTest, WhatIsWrittenDuringAFlushIsNotInIt) {
  Open({.flush_one_in_writes = 0});
  Write();
  ASSERT_TRUE(engine_->Flush().ok());
  Write();
  sim_.RunFor(std::chrono::minutes(1));
  EXPECT_EQ(Saved(), LogIndex(1));
}

TEST_F(MapEngineTest, AFlushAskedForDuringAnotherComesAfterIt) {
  Open({.flush_one_in_writes = 0});
  Write();
  ASSERT_TRUE(engine_->Flush().ok());
  Write();
  ASSERT_TRUE(engine_->Flush().ok());
  sim_.RunFor(std::chrono::minutes(1));
  EXPECT_EQ(Saved(), LogIndex(2));
}

TEST_F(MapEngineTest, FlushesBeginByThemselves) {
  Open({.flush_one_in_writes = 10});
  for (int i = 0; i < 100; ++i) {
    Write();
    sim_.RunFor(std::chrono::milliseconds(10));
  }
  sim_.RunFor(std::chrono::minutes(1));
  EXPECT_GT(reports_.size(), 3u);
  EXPECT_GT(Saved(), LogIndex(50));
}

TEST_F(MapEngineTest, StallsBeginAndPass) {
  Open({.stall_one_in_writes = 10});
  int changes = 0;
  bool stalled = false;
  for (int i = 0; i < 500; ++i) {
    Write();
    sim_.RunFor(std::chrono::milliseconds(20));
    if (engine_->Stats().stalled != stalled) {
      stalled = !stalled;
      ++changes;
    }
  }
  EXPECT_GT(changes, 4);
}

TEST_F(MapEngineTest, ADeadEnginesFlushNeverCompletes) {
  Open({.flush_one_in_writes = 0});
  Write();
  ASSERT_TRUE(engine_->Flush().ok());
  engine_.reset();
  const uint64_t calls = disk_.calls();
  sim_.RunFor(std::chrono::minutes(1));
  EXPECT_EQ(disk_.calls(), calls);
  EXPECT_TRUE(reports_.empty());
}

// Not a fixture: it lives more than once.
class MapEngineLife : public MapEngineTest {
 public:
  explicit MapEngineLife(uint64_t seed) : MapEngineTest(seed) {
    Open({});
    for (int i = 0; i < 300; ++i) {
      Write();
      sim_.RunFor(std::chrono::milliseconds(1));
    }
  }
  void TestBody() override {}
  std::vector<std::pair<Duration, LogIndex>> reports() const { return reports_; }
};

TEST(MapEngine, OneSeedIsOneLife) {
  EXPECT_EQ(MapEngineLife(1).reports(), MapEngineLife(1).reports());
  EXPECT_NE(MapEngineLife(1).reports(), MapEngineLife(2).reports());
}

// --- Its files.

MapState Sample() { return {.applied = LogIndex(7), .rows = {{"a", "1"}, {"b", ""}}}; }

TEST(MapState, TheFormatIsTheGoldenOne) {
  const std::string golden = tests::ReadGoldenFile("map_state.hex");
  EXPECT_EQ(tests::ToHex(EncodeMapState(Sample())), tests::ToHex(golden));
  const auto decoded = DecodeMapState(golden);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->applied, LogIndex(7));
  EXPECT_EQ(decoded->rows, Sample().rows);
}

TEST(MapState, EveryCutAndEveryFlippedBitIsDataLoss) {
  const std::string bytes = EncodeMapState(Sample());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeMapState(bytes.substr(0, size)).status().code(), absl::StatusCode::kDataLoss);
  }
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] ^= static_cast<char>(1 << (bit % 8));
    EXPECT_EQ(DecodeMapState(damaged).status().code(), absl::StatusCode::kDataLoss) << bit;
  }
}

}  // namespace
}  // namespace flotilla::storage
