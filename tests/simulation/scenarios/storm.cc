#include "tests/simulation/scenarios/storm.h"

#include <gtest/gtest.h>

namespace flotilla::simulation {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The log's budget is looked at once a second: what comes meanwhile comes on top.
constexpr uint64_t kSmallLogBytesMax = 4 * kSmallLogBudget;

Work WorkOf(const Storm& storm) {
  Work work{.think_mean = milliseconds(30), .value_bytes = storm.value_bytes};
  if (storm.one_key) {
    work.lists = {"l"};
    return work;
  }
  for (int i = 0; i < 8; ++i) work.registers.push_back("r" + std::to_string(i));
  work.counters = {"c1", "c2"};
  work.lists = {"l1", "l2"};
  return work;
}

void Shake(Scenario& scenario, const Storm& storm) {
  const Duration end = scenario.now() + storm.round;
  while (scenario.now() < end) {
    if (storm.partitions) scenario.PartitionAtRandom();
    scenario.RunFor(kElectionTimeout * 2 + milliseconds(scenario.random().Below(200)));
  }
  if (!storm.crashes) return;
  // What is cut stays cut until the nodes are back.
  scenario.PowerOffAll();
  scenario.RunFor(kElectionTimeout);
  scenario.RestartAll();
}

}  // namespace

void RunStorm(uint64_t seed, const Storm& storm) {
  Scenario scenario(
      seed, {.nodes = storm.nodes, .small_log = storm.small_log, .unreliable = storm.unreliable});
  scenario.Start();
  scenario.NewWorkers(storm.clients, WorkOf(storm));
  uint64_t succeeded = 0;
  for (int round = 0; round < storm.rounds; ++round) {
    Shake(scenario, storm);
    scenario.Heal();
    // Once it is calm, everybody gets an answer; that is all that a round must bring.
    scenario.RunFor(seconds(3));
    EXPECT_GT(scenario.Succeeded(), succeeded);
    succeeded = scenario.Succeeded();
  }
  scenario.StopWorkers();
  scenario.AwaitAgreement();
  EXPECT_GT(scenario.Succeeded(), 10 * storm.clients);
  if (!storm.small_log) return;
  for (NodeIndex node : scenario.All()) EXPECT_LE(scenario.LogBytes(node), kSmallLogBytesMax);
}

}  // namespace flotilla::simulation
