// A small run in which one node loses its power at every disk call and at every message, one after
// the other: nothing that was acknowledged is lost, and the cluster serves again.
#include <cstdio>
#include <optional>
#include <string>

#include "tests/simulation/scenarios/scenario.h"
#include "tests/simulation/scenarios/scenario_seeds.h"
#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

using std::to_string;
using std::chrono::milliseconds;
using std::chrono::seconds;

class CrashEnumeration : public ScenarioTest {};
// Each runs hundreds of clusters.
INSTANTIATE_TEST_SUITE_P(Seeds, CrashEnumeration, testing::Values(1));

enum class Site { kDiskCall, kSend };

class Run {
 public:
  // The victim dies at the k-th of these from its first start on; 0: never.
  Run(uint64_t seed, NodeIndex victim, Site site, uint64_t k)
      : scenario_(seed, {.spares = 1, .small_log = true}), victim_(victim) {
    // Counted from the moment at which its process exists.
    scenario_.Restart(victim_);
    calls_before_ = scenario_.machine(victim_).disk().calls();
    sends_before_ = scenario_.traffic().sends(victim_);
    if (k > 0) Arm(site, k);
    scenario_.RestartAll();
    WatchVictim();
  }

  void Play() {
    ScenarioClient& client = scenario_.NewClientOf({0, 1, 2});
    for (int i = 0; i < 4; ++i) client.Append("list", to_string(i));
    // One follower is sent a snapshot.
    const NodeIndex away = victim_ == 2 ? 2 : static_cast<NodeIndex>(victim_ + 1);
    scenario_.Isolate(away);
    scenario_.RunFor(kElectionTimeout * 3);
    for (int i = 0; i < 24; ++i) client.Increment("n");
    scenario_.Heal();
    client.Append("list", "4");
    // A fourth node becomes a voter, and the last one goes.
    scenario_.BecomeVoter(3);
    scenario_.Remove(2);
    for (int i = 5; i < 8; ++i) client.Append("list", to_string(i));
    EXPECT_EQ(client.Get("list"), "01234567");
    EXPECT_EQ(client.Get("n"), "24");
    if (!scenario_.running(victim_)) scenario_.Restart(victim_);
    scenario_.AwaitAgreement();
    ended_ = true;
  }

  uint64_t disk_calls() { return scenario_.machine(victim_).disk().calls() - calls_before_; }
  uint64_t sends() { return scenario_.traffic().sends(victim_) - sends_before_; }
  // At the last points it is not back yet when the run ends.
  bool died() { return scenario_.machine(victim_).life() > 1 || !scenario_.running(victim_); }
  uint64_t snapshots() const { return scenario_.Seen("snapshot_installed"); }

 private:
  void Arm(Site site, uint64_t k) {
    SimMachine& machine = scenario_.machine(victim_);
    if (site == Site::kDiskCall) {
      machine.PowerOffAtDiskCall(k, CrashModel());
    } else {
      machine.PowerOffAtNetworkCall(k, CrashModel());
    }
  }

  // It is started again half a second after its death.
  void WatchVictim() {
    scenario_.world().After(milliseconds(500), EventKind::kWorld, kWorldNode, [this] {
      if (ended_) return;
      if (!scenario_.running(victim_)) scenario_.Restart(victim_);
      WatchVictim();
    });
  }

  Scenario scenario_;
  const NodeIndex victim_;
  uint64_t calls_before_ = 0;
  uint64_t sends_before_ = 0;
  bool ended_ = false;
};

void Enumerate(uint64_t seed, Site site, const char* name) {
  uint64_t enumerated = 0;
  for (NodeIndex victim = 0; victim < 3; ++victim) {
    uint64_t points = 0;
    {
      Run run(seed, victim, site, 0);
      run.Play();
      EXPECT_GT(run.snapshots(), 0u);
      points = site == Site::kDiskCall ? run.disk_calls() : run.sends();
    }
    for (uint64_t k = 1; k <= points; ++k) {
      SCOPED_TRACE(std::string("node ") + to_string(victim) + " dies at " + name + " " +
                   to_string(k));
      Run run(seed, victim, site, k);
      run.Play();
      EXPECT_TRUE(run.died());
      if (testing::Test::HasFailure()) return;
      ++enumerated;
    }
    EXPECT_GT(points, 50u);
  }
  std::printf("%lu power cuts, one at each %s\n", enumerated, name);
}

TEST_P(CrashEnumeration, APowerCutAtEveryDiskCall) {
  Enumerate(GetParam(), Site::kDiskCall, "disk call");
}
TEST_P(CrashEnumeration, APowerCutAtEveryMessage) { Enumerate(GetParam(), Site::kSend, "message"); }

}  // namespace
}  // namespace flotilla::simulation
