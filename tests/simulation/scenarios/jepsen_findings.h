// What Jepsen, Antithesis and users found in other systems, row by row of the project's checklist,
// and shown not to happen here. Each test names its source.
#ifndef FLOTILLA_TESTS_SIMULATION_SCENARIOS_JEPSEN_FINDINGS_H_
#define FLOTILLA_TESTS_SIMULATION_SCENARIOS_JEPSEN_FINDINGS_H_

#include "tests/simulation/scenarios/scenario_seeds.h"

namespace flotilla::simulation {

class JepsenFindings : public ScenarioTest {};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_SCENARIOS_JEPSEN_FINDINGS_H_
