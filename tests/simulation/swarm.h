// Drawing options for a world, so that small and large values, and none at all, are all likely.
#ifndef FLOTILLA_TESTS_SIMULATION_SWARM_H_
#define FLOTILLA_TESTS_SIMULATION_SWARM_H_

#include "base/random.h"
#include "raft/raft_core.h"
#include "tests/simulation/sim_network.h"

namespace flotilla::simulation {

// None, or a mean between `max` / 512 and `max`.
Duration DrawDelay(Random& random, Duration max);
LinkOptions DrawLinks(Random& random);
raft::RaftOptions DrawRaftOptions(Random& random);

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_SWARM_H_
