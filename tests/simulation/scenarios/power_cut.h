// One node of a scenario loses its power at a chosen disk call or message, and is started again
// half a second later. Played once for each such point, this shows that no step of what a test
// plays leaves anything behind that a crash could turn into damage.
#ifndef FLOTILLA_TESTS_SIMULATION_SCENARIOS_POWER_CUT_H_
#define FLOTILLA_TESTS_SIMULATION_SCENARIOS_POWER_CUT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "tests/simulation/scenarios/scenario.h"

namespace flotilla::simulation {

enum class CutSite { kDiskCall, kMessage };
const char* ToString(CutSite site);

// What one play came to.
struct CutReport {
  uint64_t points = 0;  // that there were, up to the end of the cut
  bool struck = false;
};

class PowerCut {
 public:
  // At the k-th of these from now on; 0: never. The node runs, and the scenario outlives the cut.
  PowerCut(Scenario& scenario, NodeIndex victim, CutSite site, uint64_t k);
  ~PowerCut() { *ended_ = true; }
  PowerCut(const PowerCut&) = delete;
  PowerCut& operator=(const PowerCut&) = delete;

  // No cut from now on, and the victim is back.
  CutReport End();

 private:
  void Watch();
  uint64_t Count() const;

  Scenario& scenario_;
  const NodeIndex victim_;
  const CutSite site_;
  const uint64_t life_;
  const uint64_t before_;
  const std::shared_ptr<bool> ended_ = std::make_shared<bool>(false);
};

// Which points are cut: all, or if there are more than `most` an evenly spread sample of at most so
// many, other ones with another offset.
struct CutSample {
  uint64_t most = UINT64_MAX;
  uint64_t offset = 0;
};
struct CutCount {
  uint64_t points = 0;
  uint64_t cuts = 0;
};

// Plays without a cut, which tells how many points there are, then once for each point of the
// sample. Ends at the first failure.
CutCount CutEach(const std::string& what, const CutSample& sample,
                 const std::function<CutReport(uint64_t k)>& play);

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_SCENARIOS_POWER_CUT_H_
