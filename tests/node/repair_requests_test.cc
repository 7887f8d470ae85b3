#include "node/repair_requests.h"

#include <memory>

#include "base/logger.h"
#include "tests/simulation/sim_machine.h"
#include "tests/simulation/sim_world.h"
#include <gtest/gtest.h>

namespace flotilla::node {
namespace {

const std::string kFile = "/data/REPAIRS";

class RepairRequestsTest : public testing::Test {
 protected:
  RepairRequestsTest() {
    EXPECT_TRUE(machine_.disk().CreateFolder("/data").ok());
    EXPECT_TRUE(machine_.disk().SyncDir("/").ok());
    Start();
  }
  void Start() {
    machine_.Start([this] { requests_.reset(); });
    requests_ = std::make_unique<RepairRequests>(machine_.disk(), machine_.sequences(),
                                                 machine_.executor(), logger_, kFile);
    const absl::Status loaded = requests_->Load();
    EXPECT_TRUE(loaded.ok()) << loaded;
  }
  void PowerCut() {
    machine_.PowerOff(simulation::CrashModel::LoseAllUnsynced());
    Start();
  }
  void RunUntilIdle() {
    while (world_.Step()) {
    }
  }

  std::unique_ptr<RepairRequests> requests_;  // dies with the machine at the latest
  simulation::SimWorld world_{1};
  simulation::SimNetwork network_{world_, 1};
  simulation::SimMachine machine_{world_, network_, 0, {}};
  NullLogger logger_;
};

TEST_F(RepairRequestsTest, NobodyIsAskedBeforeARestartWouldRemember) {
  requests_->Add(ShardId(1), ReplicaId(3));
  EXPECT_TRUE(requests_->Recorded().empty());
  requests_->Record();
  EXPECT_TRUE(requests_->Recorded().empty());
  RunUntilIdle();
  EXPECT_EQ(requests_->Recorded(), (UnfitReplicas{{ShardId(1), ReplicaId(3)}}));
  PowerCut();
  EXPECT_EQ(requests_->Recorded(), (UnfitReplicas{{ShardId(1), ReplicaId(3)}}));
}

TEST_F(RepairRequestsTest, WhatCameWhileTheFileWasWrittenIsWrittenNext) {
  requests_->Add(ShardId(1), ReplicaId(3));
  requests_->Record();
  requests_->Add(ShardId(1), ReplicaId(5));
  requests_->Record();
  RunUntilIdle();
  EXPECT_TRUE(requests_->Recorded().empty()) << "replica 5 is not on the disk yet";
  requests_->Record();
  RunUntilIdle();
  PowerCut();
  EXPECT_EQ(requests_->Recorded(), (UnfitReplicas{{ShardId(1), ReplicaId(5)}}));
}

TEST_F(RepairRequestsTest, AnOlderReplicaIsHistory) {
  requests_->Add(ShardId(1), ReplicaId(5));
  requests_->Add(ShardId(1), ReplicaId(3));
  EXPECT_EQ(requests_->wanted().at(ShardId(1)), ReplicaId(5));
}

TEST_F(RepairRequestsTest, ARepairedOneIsForgotten) {
  requests_->Add(ShardId(1), ReplicaId(3));
  requests_->Record();
  RunUntilIdle();
  requests_->Remove(ShardId(1));
  EXPECT_TRUE(requests_->Recorded().empty());
  requests_->Record();
  RunUntilIdle();
  PowerCut();
  EXPECT_TRUE(requests_->wanted().empty());
}

TEST(UnfitReplicasCodec, EveryFlippedBitAndEveryCutIsRefused) {
  const std::string whole = EncodeUnfitReplicas({{ShardId(1), ReplicaId(3)}});
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(DecodeUnfitReplicas(damaged).ok()) << bit;
  }
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(DecodeUnfitReplicas(std::string_view(whole).substr(0, size)).ok()) << size;
  }
}

}  // namespace
}  // namespace flotilla::node
