#include "tests/simulation/fault_schedule.h"

#include <map>
#include <set>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

using std::chrono::seconds;

// What each fault drew, by its number, and which were carried out.
struct Outcome {
  std::map<uint64_t, std::pair<Duration, uint64_t>> drawn;
  std::set<uint64_t> carried_out;
};

Outcome RunFaults(uint64_t seed, std::set<uint64_t> skipped) {
  SimWorld world(seed);
  RunRecord record(world);
  FaultSchedule faults(world, record, std::move(skipped));
  Outcome outcome;
  for (const char* name : {"a", "b"}) {
    faults.Add(name, seconds(1), [&](Random& random) {
      const uint64_t number = faults.count();
      outcome.drawn[number] = {world.now(), random.Next()};
      if (faults.Begin("something")) outcome.carried_out.insert(number);
    });
  }
  faults.Start();
  world.RunFor(seconds(20));
  return outcome;
}

TEST(FaultSchedule, ASkippedFaultChangesNoneOfTheOthers) {
  const Outcome whole = RunFaults(1, {});
  const Outcome without = RunFaults(1, {2, 5});
  EXPECT_GT(whole.drawn.size(), 20u);
  EXPECT_EQ(whole.drawn, without.drawn);
  EXPECT_EQ(whole.carried_out.size(), whole.drawn.size());
  EXPECT_EQ(without.carried_out.size(), whole.drawn.size() - 2);
  EXPECT_FALSE(without.carried_out.contains(2) || without.carried_out.contains(5));
}

TEST(FaultSchedule, NumbersCountFromZeroWithoutGaps) {
  const Outcome whole = RunFaults(1, {});
  EXPECT_EQ(whole.drawn.begin()->first, 0u);
  EXPECT_EQ(whole.drawn.rbegin()->first, whole.drawn.size() - 1);
}

TEST(FaultSchedule, AnotherSeedHasOtherFaults) {
  EXPECT_NE(RunFaults(1, {}).drawn, RunFaults(2, {}).drawn);
}

TEST(FaultSchedule, AClassWithoutATimeNeverComesAndNoneComesAfterTheEnd) {
  SimWorld world(1);
  RunRecord record(world);
  FaultSchedule faults(world, record);
  int came = 0;
  faults.Add("never", {}, [](Random&) { FAIL(); });
  faults.Add("often", seconds(1), [&](Random&) {
    ++came;
    faults.Begin("x");
  });
  faults.Start();
  world.RunFor(seconds(10));
  EXPECT_GT(came, 0);
  faults.Stop();
  const int before = came;
  world.RunFor(seconds(100));
  EXPECT_EQ(came, before);
}

}  // namespace
}  // namespace flotilla::simulation
