// What a stale read says of its age must be true on every replica, whatever holds it up.
#include "tests/node/node_rig.h"
#include <gtest/gtest.h>

namespace flotilla::node {
namespace {

using Use = SequenceSource::Use;

constexpr Duration kHeldUp = std::chrono::seconds(2);

// Three nodes that have all applied a first write, and know that they have.
class NodeFreshness : public testing::Test {
 protected:
  void SetUp() override {
    rig_.StartAll();
    ASSERT_TRUE(rig_.AwaitLeader());
    leader_ = rig_.LeaderOf();
    follower_ = leader_ == 1 ? 2 : 1;
    ASSERT_TRUE(rig_.Put(leader_, "k", "old").error.ok());
    ASSERT_TRUE(rig_.RunUntil([&] { return rig_.Converged(); }));
    rig_.world().RunFor(std::chrono::seconds(1));
  }

  Duration LagOf(uint64_t id, const std::string& value) {
    const ReadReply read = rig_.Read(id, {.operation = kv::Get{.key = "k"}}, ReadLevel::kStale);
    EXPECT_TRUE(read.error.ok()) << read.error.message;
    if (!read.error.ok() || !read.result.rows.at(0).has_value()) return Duration(0);
    EXPECT_EQ(read.result.rows[0]->value, value);
    return read.lag;
  }

  // A write whose outcome nobody waits for.
  void Write(uint64_t id, const std::string& value) {
    WriteRequest request;
    request.context.deadline = rig_.machine(id).clock().Now() + std::chrono::seconds(60);
    request.command = MakeBytes(kv::EncodeCommand(PutCommand("k", value)));
    rig_.node(id)->Write(std::move(request), [](const WriteReply&) {});
  }

  NodeRig rig_{21};
  uint64_t leader_ = 0;
  uint64_t follower_ = 0;
};

TEST_F(NodeFreshness, AHealthyReplicaIsHardlyBehind) {
  EXPECT_LE(LagOf(leader_, "old"), std::chrono::milliseconds(300));
  EXPECT_LE(LagOf(follower_, "old"), std::chrono::milliseconds(300));
}

TEST_F(NodeFreshness, WhatAFollowerHasNotAppliedIsMissing) {
  rig_.sequences(follower_).Hold(Use::kApply);
  ASSERT_TRUE(rig_.Put(leader_, "k", "new").error.ok());
  rig_.world().RunFor(kHeldUp);
  // The index of a linearizable read is known here, and not applied either.
  (void)rig_.Read(follower_, {.operation = kv::Get{.key = "k"}}, ReadLevel::kLinearizable, kHeldUp);
  EXPECT_GE(LagOf(follower_, "old"), 2 * kHeldUp);
  rig_.sequences(follower_).Release(Use::kApply);
  rig_.world().RunFor(std::chrono::seconds(1));
  EXPECT_LE(LagOf(follower_, "new"), std::chrono::milliseconds(300));
}

TEST_F(NodeFreshness, WhatAFollowersDiskHasNotTakenIsMissing) {
  rig_.sequences(follower_).Hold(Use::kLog);
  ASSERT_TRUE(rig_.Put(leader_, "k", "new").error.ok());
  rig_.world().RunFor(kHeldUp);
  EXPECT_GE(LagOf(follower_, "old"), kHeldUp);
}

TEST_F(NodeFreshness, WhatALeaderHasNotAppliedIsMissing) {
  rig_.sequences(leader_).Hold(Use::kApply);
  Write(leader_, "new");
  rig_.world().RunFor(kHeldUp);
  ASSERT_EQ(rig_.LeaderOf(), leader_);
  EXPECT_GE(LagOf(leader_, "old"), kHeldUp - std::chrono::milliseconds(10));
}

TEST_F(NodeFreshness, ANewLeaderThatHasCommittedNothingKnowsNothing) {
  const uint64_t third = 6 - leader_ - follower_;
  // The last words of the old leader do not reach the others.
  rig_.sequences(follower_).Hold(Use::kApply);
  rig_.sequences(third).Hold(Use::kApply);
  ASSERT_TRUE(rig_.Put(leader_, "k", "new").error.ok());
  rig_.Kill(leader_);
  ASSERT_TRUE(rig_.RunUntil([&] {
    const uint64_t now = rig_.LeaderOf();
    return now != 0 && now != leader_;
  }));
  const uint64_t next = rig_.LeaderOf();
  rig_.sequences(follower_).Hold(Use::kLog);
  rig_.sequences(third).Hold(Use::kLog);
  rig_.world().RunFor(kHeldUp / 8);
  ASSERT_EQ(rig_.LeaderOf(), next);
  EXPECT_GE(LagOf(next, "old"), kHeldUp / 8);
}

TEST_F(NodeFreshness, ARestartMakesNothingFresh) {
  for (const uint64_t id : {1, 2, 3}) rig_.PowerOff(id);
  rig_.Start(follower_);
  rig_.world().RunFor(std::chrono::seconds(1));
  // The log's entries are not known to be committed, so not even the row needs to be there.
  const ReadReply read =
      rig_.Read(follower_, {.operation = kv::Get{.key = "k"}}, ReadLevel::kStale);
  ASSERT_TRUE(read.error.ok()) << read.error.message;
  EXPECT_GE(read.lag, std::chrono::hours(1000));
}

}  // namespace
}  // namespace flotilla::node
