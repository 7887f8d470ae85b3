// A small run in which one node loses its power at every disk call and at every message, one after
// the other: nothing that was acknowledged is lost, and the cluster serves again.
#include <cstdio>
#include <string>

#include "tests/simulation/scenarios/power_cut.h"
#include "tests/simulation/scenarios/scenario.h"
#include "tests/simulation/scenarios/scenario_seeds.h"
#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

using std::to_string;

class CrashEnumeration : public ScenarioTest {};
// Each runs hundreds of clusters.
INSTANTIATE_TEST_SUITE_P(Seeds, CrashEnumeration, testing::Values(1));

CutReport Play(uint64_t seed, NodeIndex victim, CutSite site, uint64_t k) {
  Scenario scenario(seed, {.spares = 1, .small_log = true});
  // Counted from the moment at which its process exists.
  scenario.Restart(victim);
  PowerCut cut(scenario, victim, site, k);
  scenario.RestartAll();
  ScenarioClient& client = scenario.NewClientOf({0, 1, 2});
  for (int i = 0; i < 4; ++i) client.Append("list", to_string(i));
  // One follower is sent a snapshot.
  const NodeIndex away = victim == 2 ? 2 : static_cast<NodeIndex>(victim + 1);
  scenario.Isolate(away);
  scenario.RunFor(kElectionTimeout * 3);
  for (int i = 0; i < 24; ++i) client.Increment("n");
  scenario.Heal();
  client.Append("list", "4");
  // A fourth node becomes a voter, and the last one goes.
  scenario.BecomeVoter(3);
  scenario.Remove(2);
  for (int i = 5; i < 8; ++i) client.Append("list", to_string(i));
  EXPECT_EQ(client.Get("list"), "01234567");
  EXPECT_EQ(client.Get("n"), "24");
  if (!scenario.running(victim)) scenario.Restart(victim);
  scenario.AwaitAgreement();
  const CutReport report = cut.End();
  scenario.AwaitAgreement();
  EXPECT_TRUE(k > 0 || scenario.Seen("snapshot_installed") > 0);
  return report;
}

void Enumerate(uint64_t seed, CutSite site) {
  uint64_t cuts = 0;
  for (NodeIndex victim = 0; victim < 3; ++victim) {
    const std::string what = "node " + to_string(victim) + " dies at " + ToString(site);
    const CutCount here =
        CutEach(what, {}, [&](uint64_t k) { return Play(seed, victim, site, k); });
    EXPECT_GT(here.cuts, 50u);
    cuts += here.cuts;
  }
  std::printf("%lu power cuts, one at each %s\n", cuts, ToString(site));
}

TEST_P(CrashEnumeration, APowerCutAtEveryDiskCall) { Enumerate(GetParam(), CutSite::kDiskCall); }
TEST_P(CrashEnumeration, APowerCutAtEveryMessage) { Enumerate(GetParam(), CutSite::kMessage); }

}  // namespace
}  // namespace flotilla::simulation
