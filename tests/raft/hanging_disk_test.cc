// A disk that neither takes anything nor fails. Only heartbeats need none, and those must not keep
// a leader in office that can serve nobody.
#include <set>
#include <string>
#include <variant>

#include "tests/raft/test_network.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flotilla::raft {
namespace {

using testing::Contains;

class HangingDisk : public testing::Test {
 protected:
  // Everything goes on, but for the disks of these nodes.
  void Run(int ticks, const std::set<int>& hanging) {
    for (int tick = 0; tick < ticks; ++tick) {
      for (const int node : network_.nodes()) network_.Tick(node);
      do {
        for (const int node : network_.nodes()) {
          if (!hanging.contains(node)) network_.CompleteAll(node);
        }
      } while (network_.DeliverInFlight() > 0);
    }
  }
  void StartAndElect(int voters) {
    network_.Start(voters);
    network_.Elect(1);
  }

  const int timeout_ = RaftOptions().election_timeout_ticks;
  TestNetwork network_;
};

TEST_F(HangingDisk, ALeaderHandsOverToWhoeverHoldsMore) {
  StartAndElect(3);
  network_.Propose(1, "a");
  Run(timeout_ - 1, {1});
  EXPECT_EQ(network_.Leader(), 1);
  Run(3, {1});
  const int next = network_.Leader();
  ASSERT_NE(next, 1);
  network_.Propose(next, "b");
  Run(3, {1});
  EXPECT_THAT(network_.commands(next), Contains("a"));
  EXPECT_THAT(network_.commands(next), Contains("b"));
}

TEST_F(HangingDisk, ALeaderStepsDownWhenNobodyTakesOver) {
  StartAndElect(3);
  network_.lose = [](const Message& message) {
    return std::holds_alternative<TimeoutNow>(message.body);
  };
  network_.Propose(1, "a");
  Run(2 * timeout_, {1});
  EXPECT_EQ(network_.core(1).role(), Role::kLeader);
  Run(1, {1});
  EXPECT_NE(network_.core(1).role(), Role::kLeader);
  Run(3 * timeout_, {1});
  const int next = network_.Leader();
  ASSERT_NE(next, 0);
  ASSERT_NE(next, 1);
  EXPECT_THAT(network_.commands(next), Contains("a"));
  // It follows as soon as its disk goes on.
  Run(timeout_, {});
  EXPECT_EQ(network_.core(1).leader(), network_.core(next).leader());
  EXPECT_THAT(network_.commands(1), Contains("a"));
}

TEST_F(HangingDisk, ADiskThatIsSlowButGoesOnIsNoReason) {
  StartAndElect(3);
  for (int i = 0; i < 5; ++i) {
    network_.Propose(1, "a");
    Run(timeout_ - 1, {1});
    Run(1, {});
  }
  EXPECT_EQ(network_.Leader(), 1);
}

TEST_F(HangingDisk, ALeaderStaysWhenNobodyElseIsBetterOff) {
  StartAndElect(3);
  network_.Propose(1, "a");
  Run(5 * timeout_, {1, 2, 3});
  EXPECT_EQ(network_.core(1).role(), Role::kLeader);
  Run(1, {});
  EXPECT_THAT(network_.commands(1), Contains("a"));
}

TEST_F(HangingDisk, ASingleVoterHasNobodyToHandOverTo) {
  network_.Start(1, 1);
  network_.Elect(1);
  network_.Propose(1, "a");
  Run(5 * timeout_, {1});
  EXPECT_EQ(network_.core(1).role(), Role::kLeader);
}

}  // namespace
}  // namespace flotilla::raft
