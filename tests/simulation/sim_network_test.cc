#include "tests/simulation/sim_network.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class SimNetworkTest : public ::testing::Test {
 protected:
  SimNetworkTest() {
    for (NodeIndex node = 0; node < network_.size(); ++node) Attach(node);
  }

  void Attach(NodeIndex node) {
    network_.Attach(
        node,
        {.on_message = [this, node](NodeIndex, Channel,
                                    std::string_view bytes) { inbox_[node].emplace_back(bytes); },
         .on_peer_lost = [this, node](NodeIndex peer) { lost_peers_[node].push_back(peer); }});
  }

  void SendMany(int count, NodeIndex from = 0, NodeIndex to = 1) {
    for (int i = 0; i < count; ++i) network_.Send(from, to, 0, std::to_string(1000 + i));
  }

  SimWorld world_{1};
  SimNetwork network_{world_, 3};
  std::vector<std::string> inbox_[3];
  std::vector<NodeIndex> lost_peers_[3];
};

TEST_F(SimNetworkTest, AnHonestLinkDeliversAllInOrder) {
  SendMany(100);
  world_.RunFor(seconds(1));
  EXPECT_EQ(inbox_[1].size(), 100u);
  EXPECT_TRUE(std::is_sorted(inbox_[1].begin(), inbox_[1].end()));
}

TEST_F(SimNetworkTest, AMessageTakesItsTime) {
  network_.SetAllLinks({.delay_min = milliseconds(20)});
  SendMany(1);
  world_.RunFor(milliseconds(19));
  EXPECT_EQ(inbox_[1].size(), 0u);
  world_.RunFor(seconds(1));
  EXPECT_EQ(inbox_[1].size(), 1u);
}

TEST_F(SimNetworkTest, AnUnorderedLinkReorders) {
  network_.SetAllLinks({.delay_mean = milliseconds(5), .ordered = false});
  SendMany(100);
  world_.RunFor(seconds(1));
  EXPECT_EQ(inbox_[1].size(), 100u);
  EXPECT_FALSE(std::is_sorted(inbox_[1].begin(), inbox_[1].end()));
}

TEST_F(SimNetworkTest, LossLosesAboutItsShare) {
  network_.SetAllLinks({.loss = 300});
  SendMany(1000);
  world_.RunFor(seconds(1));
  EXPECT_GT(inbox_[1].size(), 600u);
  EXPECT_LT(inbox_[1].size(), 800u);
}

TEST_F(SimNetworkTest, DuplicatesArrive) {
  network_.SetAllLinks({.duplicate = 500});
  SendMany(1000);
  world_.RunFor(seconds(1));
  EXPECT_GT(inbox_[1].size(), 1400u);
}

TEST_F(SimNetworkTest, ReplaysBringOldMessagesAcrossABrokenConnection) {
  network_.SetAllLinks({.replay = 500});
  SendMany(200);
  network_.BreakConnection(0, 1);
  world_.RunFor(seconds(60));
  EXPECT_GT(inbox_[1].size(), 50u) << "only replays can have survived";
}

TEST_F(SimNetworkTest, ABlockedDirectionLosesSilentlyAndTheOtherWorks) {
  network_.Block(0, 1, true);
  SendMany(10, 0, 1);
  SendMany(10, 1, 0);
  world_.RunFor(seconds(1));
  EXPECT_EQ(inbox_[1].size(), 0u);
  EXPECT_EQ(inbox_[0].size(), 10u);
  EXPECT_TRUE(lost_peers_[0].empty());
}

TEST_F(SimNetworkTest, UnblockAllEndsABlock) {
  network_.Block(0, 1, true);
  EXPECT_TRUE(network_.AnyBlocked());
  network_.UnblockAll();
  EXPECT_FALSE(network_.AnyBlocked());
  SendMany(10);
  world_.RunFor(seconds(1));
  EXPECT_EQ(inbox_[1].size(), 10u);
}

TEST_F(SimNetworkTest, ACloggedLinkHoldsEverythingBackInOrder) {
  SendMany(10);
  network_.Clog(0, 1, seconds(5));
  world_.RunFor(seconds(4));
  EXPECT_EQ(inbox_[1].size(), 0u);
  network_.Send(0, 1, 0, "9999");
  world_.RunFor(seconds(4));
  EXPECT_EQ(inbox_[1].size(), 11u);
  EXPECT_TRUE(std::is_sorted(inbox_[1].begin(), inbox_[1].end()));
}

TEST_F(SimNetworkTest, AnUncloggedLinkDeliversWhatItHeldAtOnce) {
  SendMany(10);
  network_.Clog(0, 1, seconds(100));
  world_.RunFor(seconds(1));
  network_.UnclogAll();
  world_.RunFor(milliseconds(1));
  EXPECT_EQ(inbox_[1].size(), 10u);
  EXPECT_EQ(network_.counts().held, 10u);
}

TEST_F(SimNetworkTest, ANodeThatDiesOfASendSendsNothingMoreUntilItIsDetached) {
  int died = 0;
  network_.DieAtSend(0, 3, [&] { ++died; });
  SendMany(5);
  SendMany(5, 2, 1);
  world_.RunFor(seconds(1));
  EXPECT_EQ(died, 1);
  EXPECT_EQ(inbox_[1].size(), 2u + 5u) << "others are not struck";
  network_.Detach(0, false);
  SendMany(5);
  world_.RunFor(seconds(1));
  EXPECT_EQ(inbox_[1].size(), 12u);
}

TEST_F(SimNetworkTest, ANodeThatIsSparedSendsOn) {
  network_.DieAtSend(0, 3, [] { FAIL(); });
  network_.DieAtSend(0, 0, nullptr);
  SendMany(5);
  world_.RunFor(seconds(1));
  EXPECT_EQ(inbox_[1].size(), 5u);
}

TEST_F(SimNetworkTest, WhatBecameOfEachMessageIsCounted) {
  network_.SetAllLinks({.loss = 200, .duplicate = 200, .replay = 200, .ordered = false});
  SendMany(100);
  network_.Block(0, 2, true);
  SendMany(10, 0, 2);
  world_.RunFor(seconds(60));
  const NetworkCounts& counts = network_.counts();
  EXPECT_EQ(counts.delivered, inbox_[1].size());
  EXPECT_GT(counts.lost, 0u);
  EXPECT_GT(counts.blocked, 0u);
  EXPECT_GT(counts.duplicated, 0u);
  EXPECT_GT(counts.replayed, 0u);
  EXPECT_GT(counts.overtaken, 0u);
  EXPECT_EQ(counts.nobody_there, 0u);
}

TEST_F(SimNetworkTest, WhatExceedsTheCapacityIsLost) {
  network_.SetAllLinks({.capacity = 4});
  SendMany(10);
  world_.RunFor(seconds(1));
  EXPECT_EQ(inbox_[1].size(), 4u);
  SendMany(3);
  world_.RunFor(seconds(1));
  EXPECT_EQ(inbox_[1].size(), 7u) << "what arrived no longer counts";
}

TEST_F(SimNetworkTest, ABrokenConnectionLosesWhatIsInFlightAndTellsBothEnds) {
  SendMany(10, 0, 1);
  SendMany(10, 1, 0);
  network_.BreakConnection(0, 1);
  SendMany(1, 0, 1);
  world_.RunFor(seconds(1));
  EXPECT_EQ(inbox_[1].size(), 1u);
  EXPECT_EQ(inbox_[0].size(), 0u);
  EXPECT_EQ(lost_peers_[0], std::vector<NodeIndex>{1});
  EXPECT_EQ(lost_peers_[1], std::vector<NodeIndex>{0});
  EXPECT_TRUE(lost_peers_[2].empty());
}

TEST_F(SimNetworkTest, ANodeThatDiedTellsItsPeersWhenItWasKilledOnly) {
  network_.Detach(1, /*notify_peers=*/false);
  world_.RunFor(seconds(1));
  EXPECT_TRUE(lost_peers_[0].empty());
  Attach(1);
  network_.Detach(1, /*notify_peers=*/true);
  world_.RunFor(seconds(1));
  EXPECT_EQ(lost_peers_[0], std::vector<NodeIndex>{1});
  EXPECT_EQ(lost_peers_[2], std::vector<NodeIndex>{1});
}

TEST_F(SimNetworkTest, ARestartedNodeGetsNothingThatWasSentToItsFormerLife) {
  SendMany(10);
  network_.Detach(1, false);
  Attach(1);
  world_.RunFor(seconds(1));
  EXPECT_EQ(inbox_[1].size(), 0u);
}

TEST_F(SimNetworkTest, TheFilterChoosesByContentsAndMayChangeThem) {
  network_.SetFilter([](NodeIndex, NodeIndex, Channel, std::string& bytes) {
    if (bytes == "1005") bytes = "1015";
    return bytes != "1003";
  });
  SendMany(10);
  world_.RunFor(seconds(1));
  ASSERT_EQ(inbox_[1].size(), 9u);
  EXPECT_EQ(inbox_[1][4], "1015");
}

}  // namespace
}  // namespace flotilla::simulation
