// Operations are written down before they begin, carried on by whoever leads the directory,
// cancelled in any state, and all of them end.
#include <string>
#include <vector>

#include "tests/node/balancer_rig.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flotilla::node {
namespace {

using kv::OperationState;
using sharding::NodeDuty;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Nodes = std::vector<uint64_t>;

TEST(Operations, NothingIsOrderedBeforeItIsWrittenDown) {
  BalancerRig rig;
  rig.hold_records = true;
  rig.SetDuty(2, NodeDuty::kDrain);
  rig.Look();
  ASSERT_TRUE(rig.is_recording());
  for (int i = 0; i < 5; ++i) rig.Look();
  EXPECT_THAT(rig.orders, IsEmpty());
  rig.FinishRecord(true);
  rig.Look();
  EXPECT_EQ(rig.orders.size(), 1u);
  EXPECT_THAT(rig.Learners(), ElementsAre(4));
}

TEST(Operations, WhatCouldNotBeWrittenDownIsPlannedAgain) {
  BalancerRig rig;
  rig.hold_records = true;
  rig.SetDuty(2, NodeDuty::kDrain);
  rig.Look();
  rig.FinishRecord(false);
  EXPECT_THAT(rig.orders, IsEmpty());
  rig.hold_records = false;
  EXPECT_TRUE(rig.Settle());
  EXPECT_THAT(rig.Voters(), ElementsAre(1, 3, 4));
  EXPECT_EQ(rig.directory().operations().size(), 1u);
}

// Only the answer was lost.
TEST(Operations, WhatWasWrittenDownUnknownToItsLeaderIsCarriedOn) {
  BalancerRig rig;
  rig.hold_records = true;
  rig.SetDuty(2, NodeDuty::kDrain);
  rig.Look();
  rig.FinishRecord(true, /*known=*/false);
  rig.hold_records = false;
  EXPECT_TRUE(rig.Settle());
  EXPECT_THAT(rig.Voters(), ElementsAre(1, 3, 4));
  EXPECT_EQ(rig.directory().operations().size(), 1u);
  EXPECT_EQ(rig.state(1), OperationState::kSucceeded);
}

// What is to end is looked at again, not forgotten.
TEST(Operations, AnEndThatCouldNotBeWrittenDownIsWrittenLater) {
  BalancerRig rig;
  rig.SetDuty(2, NodeDuty::kDrain);
  for (int i = 0; i < 10 && rig.Voters() != Nodes{1, 3, 4}; ++i) rig.Look();
  rig.hold_records = true;
  for (int i = 0; i < 3 && !rig.is_recording(); ++i) rig.Look();
  const size_t orders = rig.orders.size();
  rig.Look();
  rig.FinishRecord(false);
  EXPECT_EQ(rig.state(1), OperationState::kRunning);
  rig.hold_records = false;
  EXPECT_TRUE(rig.Settle());
  EXPECT_EQ(rig.state(1), OperationState::kSucceeded);
  EXPECT_EQ(rig.orders.size(), orders);
}

// The leader's replica goes: a learner, a fourth voter that leads, and then three again.
TEST(Operations, ANewLeaderCarriesOnFromWhereverTheLastOneStopped) {
  for (const uint64_t drained : {1, 2}) {
    for (int looks = 1; looks < 8; ++looks) {
      BalancerRig rig;
      rig.SetDuty(drained, NodeDuty::kDrain);
      for (int i = 0; i < looks; ++i) rig.Look();
      rig.Elect();
      EXPECT_TRUE(rig.Settle()) << looks;
      const Nodes left = drained == 1 ? Nodes{2, 3, 4} : Nodes{1, 3, 4};
      EXPECT_EQ(rig.Voters(), left) << looks;
      EXPECT_THAT(rig.Learners(), IsEmpty());
      EXPECT_EQ(rig.state(1), OperationState::kSucceeded) << looks;
      EXPECT_EQ(rig.directory().operations().size(), 1u) << looks;
    }
  }
}

// It was deposed between the record and the order.
TEST(Operations, WhatWasWrittenDownAndNeverOrderedIsCarriedOn) {
  BalancerRig rig;
  rig.SetDuty(2, NodeDuty::kDrain);
  rig.lose_orders = true;
  for (int i = 0; i < 3; ++i) rig.Look();
  EXPECT_THAT(rig.Voters(), ElementsAre(1, 2, 3));
  rig.lose_orders = false;
  // Whoever does not plan carries on what is there all the same.
  rig.Elect(/*plans=*/false);
  EXPECT_TRUE(rig.Settle());
  EXPECT_THAT(rig.Voters(), ElementsAre(1, 3, 4));
  EXPECT_EQ(rig.state(1), OperationState::kSucceeded);
}

TEST(Operations, WhoDoesNotPlanBeginsNothing) {
  BalancerRig rig;
  rig.Elect(/*plans=*/false);
  rig.SetDuty(2, NodeDuty::kDrain);
  for (int i = 0; i < 10; ++i) rig.Look();
  EXPECT_THAT(rig.directory().operations(), IsEmpty());
  EXPECT_THAT(rig.orders, IsEmpty());
}

// One of four voters is to go. Meanwhile somebody takes another one away: going on would leave two.
TEST(Operations, ANewLeaderGivesUpWhatNoLongerFits) {
  BalancerRig rig;
  rig.lose_orders = true;
  rig.SetMembers({1, 2, 3, 4});
  rig.Look();
  rig.Look();
  ASSERT_EQ(rig.directory().operations().size(), 1u);
  const auto removal = std::get<sharding::RemoveReplica>(rig.operation(1).step);
  Nodes left{1, 2, 3, 4};
  std::erase(left, removal.from.value() == 4 ? 3 : 4);
  rig.SetMembers(left);
  rig.lose_orders = false;
  rig.Elect();
  EXPECT_TRUE(rig.Settle());
  EXPECT_EQ(rig.state(1), OperationState::kFailed);
  EXPECT_THAT(rig.operation(1).reason, HasSubstr("changed otherwise"));
  EXPECT_EQ(rig.Voters(), left);
}

// Node 2 is drained and leads: its place is taken by a fourth voter, which leads before it goes.
void BeginMoveOfTheLeader(BalancerRig& rig) {
  rig.SetDuty(2, NodeDuty::kDrain);
  rig.Look();
  rig.claim().leader = {.term = Term(5), .node = NodeId(2)};
}

// Until the new replica votes in addition.
void MoveUntilFourVote(BalancerRig& rig) {
  BeginMoveOfTheLeader(rig);
  for (int i = 0; i < 10 && rig.Voters().size() < 4; ++i) rig.Look();
  ASSERT_THAT(rig.Voters(), ElementsAre(1, 2, 3, 4));
}

// The same for a move whose new replica votes in addition.
TEST(Operations, AMoveDoesNotTakeAVoterTooMany) {
  BalancerRig rig;
  ASSERT_NO_FATAL_FAILURE(MoveUntilFourVote(rig));
  rig.SetMembers({1, 2, 4});
  rig.Elect(/*plans=*/false);
  EXPECT_TRUE(rig.Settle());
  EXPECT_EQ(rig.state(1), OperationState::kFailed);
  EXPECT_THAT(rig.Voters(), ElementsAre(1, 2, 4));
}

TEST(Operations, AMoveToANodeThatFallsSilentFailsAndLeavesNothing) {
  BalancerRig rig;
  rig.fills = false;
  rig.SetDuty(2, NodeDuty::kDrain);
  for (int i = 0; i < 3; ++i) rig.Look();
  ASSERT_THAT(rig.Learners(), ElementsAre(4));
  rig.silent[4] = true;
  for (int i = 0; i < 30; ++i) rig.Look();
  EXPECT_EQ(rig.state(1), OperationState::kFailed);
  EXPECT_EQ(rig.operation(1).reason, "node 4 is down");
  EXPECT_THAT(rig.Learners(), IsEmpty());
}

TEST(Operations, WhatComesNoFurtherEndsAndWhatDoesGoesOn) {
  BalancerRig rig;
  rig.fills = false;
  rig.SetDuty(2, NodeDuty::kDrain);
  for (int i = 0; i < 3; ++i) rig.Look();
  for (uint64_t half_hour = 1; half_hour <= 5; ++half_hour) {
    rig.report().learners = {
        {.node = NodeId(4), .bytes_done = half_hour * 10, .bytes_total = 1000}};
    rig.Look(minutes(30));
    ASSERT_EQ(rig.state(1), OperationState::kRunning) << half_hour;
  }
  const auto progress = ProgressOf(rig.under_way().at(BalancerRig::kShard));
  EXPECT_EQ(progress.bytes_done, 50u);
  EXPECT_EQ(progress.bytes_total, 1000u);
  EXPECT_EQ(progress.left, minutes(30 * 95));
  rig.Look(minutes(61));
  EXPECT_EQ(rig.state(1), OperationState::kFailed);
}

// Before there is a learner, while it is filled, while it votes in addition.
TEST(Operations, WhatIsCancelledIsUndone) {
  for (const bool leads : {false, true}) {
    for (int looks = 0; looks < 8; ++looks) {
      BalancerRig rig;
      rig.fills = looks > 2;
      BeginMoveOfTheLeader(rig);
      if (!leads) rig.claim().leader = {.term = Term(6), .node = NodeId(1)};
      for (int i = 0; i < looks; ++i) rig.Look();
      const bool there = rig.Voters() == Nodes{1, 3, 4};
      if (!rig.Cancel(1).ok()) {
        EXPECT_EQ(rig.state(1), OperationState::kSucceeded);
        continue;
      }
      // Whether its own leader undoes it, or the next one.
      if (looks % 2 == 0) rig.Elect();
      EXPECT_TRUE(rig.Settle()) << looks;
      EXPECT_EQ(rig.state(1), there ? OperationState::kSucceeded : OperationState::kCancelled)
          << looks;
      EXPECT_EQ(rig.Voters(), there ? (Nodes{1, 3, 4}) : (Nodes{1, 2, 3})) << looks;
      EXPECT_THAT(rig.Learners(), IsEmpty());
    }
  }
}

TEST(Operations, AJointChangeInForceIsFinishedFirst) {
  BalancerRig rig;
  rig.stay_joint = true;
  rig.SetDuty(2, NodeDuty::kDrain);
  for (int i = 0; i < 10 && !rig.claim().configuration.joint; ++i) rig.Look();
  ASSERT_TRUE(rig.claim().configuration.joint);
  ASSERT_TRUE(rig.Cancel(1).ok());
  const size_t orders = rig.orders.size();
  for (int i = 0; i < 20; ++i) rig.Look();
  EXPECT_EQ(rig.orders.size(), orders);
  EXPECT_EQ(rig.state(1), OperationState::kCancelling);
  rig.stay_joint = false;
  EXPECT_TRUE(rig.Settle());
  EXPECT_EQ(rig.state(1), OperationState::kSucceeded);
  EXPECT_THAT(rig.operation(1).reason, HasSubstr("before it could be cancelled"));
  EXPECT_THAT(rig.Voters(), ElementsAre(1, 3, 4));
}

// Leadership goes to anybody else then: the shard is not to wait for the old node.
TEST(Operations, AMoveIsUndoneAlthoughItsOldNodeIsDown) {
  BalancerRig rig;
  ASSERT_NO_FATAL_FAILURE(MoveUntilFourVote(rig));
  rig.claim().leader = {.term = Term(6), .node = NodeId(4)};
  rig.silent[2] = true;
  ASSERT_TRUE(rig.Cancel(1).ok());
  EXPECT_TRUE(rig.Settle());
  EXPECT_EQ(rig.state(1), OperationState::kCancelled);
  EXPECT_THAT(rig.Voters(), ElementsAre(1, 2, 3));
}

// Somebody took another vote away meanwhile: two would be left.
TEST(Operations, WhatCannotBeUndoneSafelyIsLeftAsItIs) {
  BalancerRig rig;
  ASSERT_NO_FATAL_FAILURE(MoveUntilFourVote(rig));
  rig.SetMembers({1, 2, 4});
  ASSERT_TRUE(rig.Cancel(1).ok());
  rig.Elect(/*plans=*/false);
  EXPECT_TRUE(rig.Settle());
  EXPECT_EQ(rig.state(1), OperationState::kCancelled);
  EXPECT_THAT(rig.Voters(), ElementsAre(1, 2, 4));
}

TEST(Operations, WhatWasCancelledIsNotBegunAgainForAWhile) {
  BalancerRig rig;
  rig.SetDuty(2, NodeDuty::kDrain);
  rig.Look();
  ASSERT_TRUE(rig.Cancel(1).ok());
  EXPECT_TRUE(rig.Settle());
  rig.Elect();  // the next leader knows of it, too
  for (int i = 0; i < 9; ++i) rig.Look(minutes(1));
  EXPECT_EQ(rig.directory().operations().size(), 1u);
  EXPECT_THAT(rig.Voters(), ElementsAre(1, 2, 3));
  for (int i = 0; i < 10; ++i) rig.Look(minutes(1));
  EXPECT_THAT(rig.Voters(), ElementsAre(1, 3, 4));
}

// An order was on its way when the operation ended.
TEST(Operations, ALearnerThatComesTooLateIsTakenAway) {
  BalancerRig rig;
  rig.lose_orders = true;
  rig.SetDuty(2, NodeDuty::kDrain);
  rig.Look();
  rig.Look();
  ASSERT_EQ(rig.orders.size(), 1u);
  ASSERT_TRUE(rig.Cancel(1).ok());
  EXPECT_TRUE(rig.Settle());
  EXPECT_EQ(rig.state(1), OperationState::kCancelled);
  rig.lose_orders = false;
  rig.Obey(rig.orders[0]);
  ASSERT_THAT(rig.Learners(), ElementsAre(4));
  for (int i = 0; i < 5; ++i) rig.Look();
  EXPECT_THAT(rig.Learners(), IsEmpty());
  EXPECT_THAT(rig.Voters(), ElementsAre(1, 2, 3));
}

// --- Asked for by a person. ---------------------------------------------------------------------

sharding::Step Move(uint64_t from, uint64_t to) {
  return sharding::MoveReplica{BalancerRig::kShard, NodeId(from), NodeId(to)};
}
sharding::Step Add(uint64_t to) { return sharding::AddReplica{BalancerRig::kShard, NodeId(to)}; }
sharding::Step Remove(uint64_t from) {
  return sharding::RemoveReplica{BalancerRig::kShard, NodeId(from)};
}

sharding::Step Split(uint16_t at) { return sharding::SplitShard{BalancerRig::kShard, {at}}; }

TEST(AskedOperations, AreCarriedOutAlthoughTheBalancerIsOff) {
  BalancerRig rig;
  rig.Elect(/*plans=*/false);
  EXPECT_EQ(*rig.Ask(Move(1, 4)), 1u);
  EXPECT_EQ(*rig.Ask(Move(1, 4)), 1u) << "the same";
  EXPECT_TRUE(rig.Settle());
  EXPECT_THAT(rig.Voters(), ElementsAre(2, 3, 4));
  EXPECT_EQ(rig.state(1), OperationState::kSucceeded);
  EXPECT_EQ(rig.operation(1).cause, "asked for");
  EXPECT_EQ(*rig.Ask(Add(1)), 2u);
  EXPECT_TRUE(rig.Settle());
  EXPECT_EQ(*rig.Ask(Remove(4)), 3u);
  EXPECT_TRUE(rig.Settle());
  EXPECT_THAT(rig.Voters(), ElementsAre(1, 2, 3));
}

TEST(AskedOperations, OutliveWhoeverLeadsTheDirectory) {
  BalancerRig rig;
  rig.fills = false;
  EXPECT_TRUE(rig.Ask(Move(2, 4)).ok());
  for (int i = 0; i < 3; ++i) rig.Look();
  EXPECT_THAT(rig.Learners(), ElementsAre(4));
  rig.fills = true;
  rig.Elect();
  EXPECT_TRUE(rig.Settle());
  EXPECT_EQ(rig.state(1), OperationState::kSucceeded);
  EXPECT_THAT(rig.Voters(), ElementsAre(1, 3, 4));
}

TEST(AskedOperations, MayBeAskedForAgainInTheMiddle) {
  BalancerRig rig;
  EXPECT_TRUE(rig.Ask(Move(1, 4)).ok());
  for (int i = 0; i < 20 && rig.Voters() != Nodes{1, 2, 3, 4}; ++i) rig.Look();
  ASSERT_THAT(rig.Voters(), ElementsAre(1, 2, 3, 4)) << "before a leader goes";
  EXPECT_EQ(*rig.Ask(Move(1, 4)), 1u);
  EXPECT_TRUE(rig.Settle());
  EXPECT_THAT(rig.Voters(), ElementsAre(2, 3, 4));
  EXPECT_EQ(rig.directory().operations().size(), 1u);
}

TEST(AskedOperations, ASplitIsGivenItsChildByTheDirectory) {
  BalancerRig rig;
  rig.Elect(/*plans=*/false);
  EXPECT_EQ(*rig.Ask(Split(5)), 1u);
  EXPECT_EQ(*rig.Ask(Split(5)), 1u) << "the same";
  EXPECT_EQ(rig.Ask(Split(6)).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(rig.Settle());
  EXPECT_EQ(rig.state(1), OperationState::kSucceeded);
  EXPECT_EQ(rig.operation(1).child, kv::kFirstNamedShard);
}

TEST(AskedOperations, WaitForOneAnother) {
  BalancerRig rig;
  rig.fills = false;
  EXPECT_TRUE(rig.Ask(Move(2, 4)).ok());
  const absl::Status busy = rig.Ask(Add(4)).status();
  EXPECT_TRUE(absl::IsUnavailable(busy)) << busy;
  EXPECT_THAT(std::string(busy.message()), HasSubstr("operation 1 changes the shard"));
  rig.Elect(/*plans=*/true, /*hears=*/seconds(1));
  EXPECT_TRUE(absl::IsUnavailable(rig.Ask(Move(2, 4)).status())) << "it has not heard of all";
}

TEST(AskedOperations, WhatDoesNotFitIsRefused) {
  BalancerRig rig;
  const auto code = [&](const sharding::Step& step) { return rig.Ask(step).status().code(); };
  EXPECT_EQ(code(Move(2, 2)), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(Split(0)), absl::StatusCode::kInvalidArgument) << "nothing would be left";
  EXPECT_EQ(code(Move(4, 1)), absl::StatusCode::kFailedPrecondition) << "it has none";
  EXPECT_EQ(code(Move(2, 3)), absl::StatusCode::kFailedPrecondition) << "it has one";
  EXPECT_EQ(code(Add(3)), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(code(Remove(4)), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(code(Add(9)), absl::StatusCode::kNotFound);
  EXPECT_EQ(code(sharding::AddReplica{ShardId(77), NodeId(4)}), absl::StatusCode::kNotFound);
  rig.silent[3] = true;
  rig.Look(seconds(10));
  EXPECT_EQ(code(Remove(2)), absl::StatusCode::kFailedPrecondition) << "1 of 2 would be up";
  EXPECT_EQ(code(Remove(3)), absl::StatusCode::kOk);
  EXPECT_EQ(rig.directory().operations().size(), 1u);
}

TEST(AskedOperations, NothingIsBroughtWhereNothingIsToStay) {
  BalancerRig rig;
  rig.Elect(/*plans=*/false);
  rig.SetDuty(4, NodeDuty::kDrain);
  EXPECT_EQ(rig.Ask(Add(4)).status().code(), absl::StatusCode::kFailedPrecondition);
  rig.SetDuty(4, NodeDuty::kServe);
  rig.SetMembers({1});
  rig.Look();
  EXPECT_EQ(rig.Ask(Remove(1)).status().code(), absl::StatusCode::kFailedPrecondition);
  rig.SetMembers({1, 2, 3});
  rig.claim().configuration.joint = true;
  rig.stay_joint = true;
  rig.Look();
  EXPECT_EQ(rig.Ask(Add(4)).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace flotilla::node
