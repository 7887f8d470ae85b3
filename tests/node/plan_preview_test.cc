// What is shown is what would be done, and showing it does nothing.
#include <optional>
#include <string>
#include <vector>

#include "kv/directory.h"
#include "node/node.h"
#include "tests/node/balancer_rig.h"
#include "tests/node/node_rig.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flotilla::node {
namespace {

using sharding::NodeDuty;
using sharding::Obstacle;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Nodes = std::vector<uint64_t>;
using Texts = std::vector<std::string>;

Texts StepsOf(const PlanPreview& preview) {
  Texts texts;
  for (const PlanPreview::Step& step : preview.steps) {
    texts.push_back(ToString(step.planned.step) + ": " + std::string(ToString(step.planned.cause)));
  }
  return texts;
}

DutyChange Drain(uint64_t node) { return {NodeId(node), NodeDuty::kDrain}; }
DutyChange Leave(uint64_t node) { return {NodeId(node), NodeDuty::kLeave}; }

uint64_t PlannedOn(uint64_t node, const PlanPreview& preview) {
  for (const PlanPreview::NodeTotal& total : preview.nodes) {
    if (total.node == NodeId(node)) return total.planned_replicas;
  }
  return 0;
}

TEST(PlanPreview, AnEvenClusterHasNothingToDo) {
  BalancerRig rig;
  const auto preview = rig.Preview();
  ASSERT_TRUE(preview.ok()) << preview.status();
  EXPECT_THAT(preview->steps, IsEmpty());
  EXPECT_THAT(preview->shortfalls, IsEmpty());
  EXPECT_TRUE(preview->complete);
  EXPECT_TRUE(preview->begins);
}

TEST(PlanPreview, ShowsWhatADrainWouldMoveAndWhatThatCosts) {
  BalancerRig rig;
  rig.claim().counters.bytes = 700;
  rig.Look();
  const kv::Directory before = rig.directory();
  const auto preview = rig.Preview({Drain(2)});
  ASSERT_TRUE(preview.ok()) << preview.status();
  EXPECT_EQ(StepsOf(*preview), Texts{"move shard 1 from node 2 to node 4: drain"});
  EXPECT_EQ(preview->steps[0].bytes, 700u);
  EXPECT_EQ(preview->movement.replicas, 1u);
  EXPECT_EQ(preview->movement.bytes, 700u);
  EXPECT_EQ(preview->movement.ideal_replicas, 1u);
  EXPECT_EQ(PlannedOn(2, *preview), 0u);
  EXPECT_EQ(PlannedOn(4, *preview), 1u);
  rig.Look();
  EXPECT_EQ(rig.directory(), before);
  EXPECT_THAT(rig.orders, IsEmpty());
}

TEST(PlanPreview, WhatIsShownIsWhatIsDone) {
  BalancerRig rig;
  const auto preview = rig.Preview({Leave(1)});
  ASSERT_TRUE(preview.ok()) << preview.status();
  rig.SetDuty(1, NodeDuty::kLeave);
  for (int i = 0; i < 30 && rig.Voters() != Nodes{2, 3, 4}; ++i) rig.Look();
  EXPECT_TRUE(rig.Settle());
  Texts done;
  for (const auto& [id, record] : rig.directory().operations()) {
    done.push_back(ToString(record.step) + ": " + record.cause);
  }
  Texts shown = StepsOf(*preview);
  // A hand-over leaves no record.
  std::erase_if(shown, [](const std::string& step) { return step.starts_with("transfer"); });
  EXPECT_EQ(shown, done);
}

TEST(PlanPreview, WhatStaysOnANodeIsToldWithItsReason) {
  BalancerRig rig;
  const auto preview = rig.Preview({Drain(2), Drain(4)});
  ASSERT_TRUE(preview.ok()) << preview.status();
  EXPECT_THAT(preview->steps, IsEmpty());
  EXPECT_THAT(preview->shortfalls,
              ElementsAre(sharding::Shortfall{BalancerRig::kShard, Obstacle::kNoTarget}));
  EXPECT_EQ(PlannedOn(2, *preview), 1u);
}

// A node that leaves and does not answer has left; one that is drained may come back.
TEST(PlanPreview, ADeadNodeThatWouldLeaveIsReplacedAtOnce) {
  BalancerRig rig;
  rig.silent[3] = true;
  rig.Look(seconds(10));
  EXPECT_EQ(StepsOf(*rig.Preview({Leave(3)})), Texts{"move shard 1 from node 3 to node 4: repair"});
  const auto drained = rig.Preview({Drain(3)});
  EXPECT_THAT(drained->steps, IsEmpty());
  EXPECT_EQ(PlannedOn(3, *drained), 1u);
}

TEST(PlanPreview, StepsUnderWayCountAsDone) {
  BalancerRig rig;
  rig.fills = false;
  rig.SetDuty(2, NodeDuty::kDrain);
  for (int i = 0; i < 3; ++i) rig.Look();
  ASSERT_THAT(rig.Learners(), ElementsAre(4));
  const auto now = rig.Preview();
  EXPECT_THAT(now->steps, IsEmpty());
  EXPECT_EQ(now->under_way, 1u);
  EXPECT_TRUE(now->complete);
  // The replica that is on its way would have to go on.
  const auto back = rig.Preview({{NodeId(2), NodeDuty::kServe}, Drain(4)});
  EXPECT_EQ(StepsOf(*back), Texts{"move shard 1 from node 4 to node 2: drain"});
}

TEST(PlanPreview, WhatIsBeingUndoneIsNotPlannedOn) {
  BalancerRig rig;
  rig.fills = false;
  rig.SetDuty(2, NodeDuty::kDrain);
  for (int i = 0; i < 3; ++i) rig.Look();
  ASSERT_TRUE(rig.Cancel(1).ok());
  rig.lose_orders = true;
  rig.Look();
  const auto preview = rig.Preview();
  EXPECT_THAT(preview->steps, IsEmpty());
  EXPECT_THAT(preview->unsettled, ElementsAre(BalancerRig::kShard));
  EXPECT_FALSE(preview->complete);
}

TEST(PlanPreview, OfABalancerThatIsOffNothingIsBegun) {
  BalancerRig rig;
  rig.Elect(/*plans=*/false);
  const auto preview = rig.Preview({Drain(2)});
  EXPECT_THAT(preview->steps, SizeIs(1));
  EXPECT_FALSE(preview->begins);
}

TEST(PlanPreview, NodesThatAreUnknownOrNamedTwiceAreRefused) {
  BalancerRig rig;
  EXPECT_TRUE(absl::IsNotFound(rig.Preview({Drain(9)}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(rig.Preview({Drain(2), Leave(2)}).status()));
}

// It does not know yet who is down, and has not looked at what is under way.
TEST(PlanPreview, ANewLeaderHasNoneAtFirst) {
  BalancerRig rig;
  rig.fills = false;
  rig.SetDuty(2, NodeDuty::kDrain);
  for (int i = 0; i < 3; ++i) rig.Look();
  rig.Elect();
  EXPECT_TRUE(rig.Preview().ok());
  rig.Elect(/*plans=*/true, /*hears=*/seconds(1));
  EXPECT_TRUE(absl::IsUnavailable(rig.Preview().status()));
  rig.Wait(seconds(9));
  EXPECT_TRUE(absl::IsUnavailable(rig.Preview().status()));
  rig.Look();
  EXPECT_EQ(rig.Preview()->under_way, 1u);
}

std::optional<absl::StatusOr<PlanPreview>> Ask(NodeRig& rig, uint64_t node,
                                               const std::vector<DutyChange>& changes) {
  std::optional<absl::StatusOr<PlanPreview>> answer;
  rig.node(node)->PlanChanges(
      changes, [&](absl::StatusOr<PlanPreview> said) { answer.emplace(std::move(said)); });
  rig.RunUntil([&] { return answer.has_value(); });
  return answer;
}

TEST(PlanPreview, TheNodeThatLeadsTheDirectoryAnswers) {
  NodeRig rig(7, 3, 3, [](NodeOptions& options) {
    options.replicas = 3;
    options.balance = true;
  });
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader(kv::kDirectoryShard));
  const uint64_t leader = rig.LeaderOf(kv::kDirectoryShard);
  ASSERT_TRUE(rig.RunUntil([&] { return Ask(rig, leader, {})->ok(); }));
  // Three replicas need three nodes: neither the shard nor the directory can go.
  const auto drained = *Ask(rig, leader, {Drain(leader == 1 ? 2 : 1)});
  ASSERT_TRUE(drained.ok()) << drained.status();
  EXPECT_THAT(drained->shortfalls, SizeIs(2));
  EXPECT_TRUE(absl::IsNotFound(Ask(rig, leader, {Drain(9)})->status()));
  const absl::Status elsewhere = Ask(rig, leader == 1 ? 2 : 1, {})->status();
  EXPECT_TRUE(absl::IsFailedPrecondition(elsewhere)) << elsewhere;
}

TEST(PlanPreview, OneIsMadeAtATime) {
  NodeRig rig(8, 3);
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader(kv::kDirectoryShard));
  const uint64_t leader = rig.LeaderOf(kv::kDirectoryShard);
  ASSERT_TRUE(rig.RunUntil([&] { return Ask(rig, leader, {})->ok(); }));
  std::vector<absl::Status> answers;
  for (int i = 0; i < 2; ++i) {
    rig.node(leader)->PlanChanges(
        {}, [&](const absl::StatusOr<PlanPreview>& said) { answers.push_back(said.status()); });
  }
  ASSERT_TRUE(rig.RunUntil([&] { return answers.size() == 2; }));
  EXPECT_TRUE(absl::IsResourceExhausted(answers[0])) << answers[0];
  EXPECT_TRUE(answers[1].ok()) << answers[1];
  EXPECT_TRUE(Ask(rig, leader, {})->ok());
}

}  // namespace
}  // namespace flotilla::node
