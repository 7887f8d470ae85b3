#include "tests/simulation/scenarios/power_cut.h"

#include <gtest/gtest.h>

namespace flotilla::simulation {

namespace {

constexpr Duration kDowntime = std::chrono::milliseconds(500);

}  // namespace

const char* ToString(CutSite site) { return site == CutSite::kDiskCall ? "disk call" : "message"; }

PowerCut::PowerCut(Scenario& scenario, NodeIndex victim, CutSite site, uint64_t k)
    : scenario_(scenario),
      victim_(victim),
      site_(site),
      life_(scenario.machine(victim).life()),
      before_(Count()) {
  SimMachine& machine = scenario_.machine(victim_);
  if (k > 0 && site_ == CutSite::kDiskCall) machine.PowerOffAtDiskCall(k, CrashModel());
  if (k > 0 && site_ == CutSite::kMessage) machine.PowerOffAtNetworkCall(k, CrashModel());
  Watch();
}

void PowerCut::Watch() {
  scenario_.world().After(kDowntime, EventKind::kWorld, kWorldNode, [this, ended = ended_] {
    if (*ended) return;
    if (!scenario_.running(victim_)) scenario_.Restart(victim_);
    Watch();
  });
}

CutReport PowerCut::End() {
  *ended_ = true;
  SimMachine& machine = scenario_.machine(victim_);
  machine.SurviveCalls();
  const CutReport report = {.points = Count() - before_,
                            .struck = machine.life() > life_ || !machine.running()};
  if (!machine.running()) scenario_.Restart(victim_);
  return report;
}

uint64_t PowerCut::Count() const {
  return site_ == CutSite::kDiskCall ? scenario_.machine(victim_).disk().calls()
                                     : scenario_.traffic().sends(victim_);
}

CutCount CutEach(const std::string& what, const CutSample& sample,
                 const std::function<CutReport(uint64_t k)>& play) {
  CutCount count = {.points = play(0).points};
  EXPECT_GT(count.points, 0u) << what << ": there is nothing to cut";
  const uint64_t every = 1 + (count.points - 1) / sample.most;
  for (uint64_t k = 1 + sample.offset % every; k <= count.points; k += every) {
    if (testing::Test::HasFailure()) break;
    SCOPED_TRACE(what + " " + std::to_string(k) + " of " + std::to_string(count.points));
    EXPECT_TRUE(play(k).struck);
    ++count.cuts;
  }
  return count;
}

}  // namespace flotilla::simulation
