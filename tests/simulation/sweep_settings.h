// How many seeds the sweeps of this test run take, and which: from the environment.
#ifndef FLOTILLA_TESTS_SIMULATION_SWEEP_SETTINGS_H_
#define FLOTILLA_TESTS_SIMULATION_SWEEP_SETTINGS_H_

#include "tests/simulation/sweep.h"

namespace flotilla::simulation {

// FLOTILLA_SIM_SEEDS (200 without it) seeds from FLOTILLA_SIM_FIRST on; without that, the first is
// taken from the time and printed.
SweepOptions SweepSettings();

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_SWEEP_SETTINGS_H_
