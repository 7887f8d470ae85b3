// What stays bounded whatever a peer does.
#include <algorithm>
#include <string>

#include "tests/simulation/scenarios/scenario.h"
#include "tests/simulation/scenarios/scenario_seeds.h"
#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Bounds : public ScenarioTest {};
INSTANTIATE_TEST_SUITE_P(Seeds, Bounds, ScenarioSeeds());

// Found by Mit4C.SnapshotUnreliable: under a steady load the engine never has all that is applied,
// and a leader that waited for that before it shortened its log never did.
TEST_P(Bounds, ASnapshotThatTakesForEverDoesNotHoldTheLogBeyondItsBudget) {
  Scenario scenario(GetParam(), {.small_log = true});
  scenario.Start();
  const NodeIndex away = scenario.AnyBut({scenario.AwaitLeader()});
  scenario.Isolate(away);
  scenario.RunFor(kElectionTimeout * 3);
  scenario.NewWorkers(3, {.registers = {"r1", "r2"}, .think_mean = milliseconds(5)});
  scenario.RunFor(seconds(2));
  scenario.traffic().LoseTo(away, {MessageKind::kSnapshotData});
  scenario.Heal();
  uint64_t most = 0;
  for (int second = 0; second < 12; ++second) {
    scenario.RunFor(seconds(1));
    for (NodeIndex node : scenario.All()) most = std::max(most, scenario.LogBytes(node));
  }
  EXPECT_GT(scenario.traffic().count(MessageKind::kSnapshotData), 0u);
  // The budget is looked at once a second.
  EXPECT_LE(most, kSmallLogBudget * 8);
  scenario.traffic().LoseNothing();
  scenario.StopWorkers();
  scenario.AwaitAgreement();
}

}  // namespace
}  // namespace flotilla::simulation
