// Machines without nodes, and a nemesis that does nothing of its own accord: for tests of what adds
// faults of its own.
#ifndef FLOTILLA_TESTS_SIMULATION_CLUSTER_QUIET_WORLD_H_
#define FLOTILLA_TESTS_SIMULATION_CLUSTER_QUIET_WORLD_H_

#include <vector>

#include "tests/simulation/fault_schedule.h"
#include "tests/simulation/nemesis.h"
#include "tests/simulation/run_record.h"
#include "tests/simulation/sim_machine.h"
#include "tests/simulation/sim_network.h"
#include "tests/simulation/sim_world.h"

namespace flotilla::simulation {

struct QuietWorld {
  explicit QuietWorld(NodeIndex count)
      : network(world, count), machines(MakeMachines(world, network, count, {})) {}

  SimWorld world{1};
  RunRecord record{world};
  SimNetwork network;
  SimMachines machines;
  FaultSchedule faults{world, record};
  Nemesis nemesis{{.world = world,
                   .network = network,
                   .machines = machines,
                   .faults = faults,
                   .record = record,
                   .restart = [](NodeIndex) {},
                   .leaders = [] { return std::vector<NodeIndex>(); }},
                  {}};
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_CLUSTER_QUIET_WORLD_H_
