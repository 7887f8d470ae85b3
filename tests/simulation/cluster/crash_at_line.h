// Cuts the power of a machine soon after its node has logged something rare: what is worth a line
// is often in the middle of a step that should be one. A crash at a random moment seldom falls
// there.
#ifndef FLOTILLA_TESTS_SIMULATION_CLUSTER_CRASH_AT_LINE_H_
#define FLOTILLA_TESTS_SIMULATION_CLUSTER_CRASH_AT_LINE_H_

#include <map>
#include <string_view>

#include "base/random.h"
#include "tests/simulation/fault_schedule.h"
#include "tests/simulation/nemesis.h"
#include "tests/simulation/run_record.h"
#include "tests/simulation/sim_machine.h"
#include "tests/simulation/sim_world.h"

namespace flotilla::simulation {

struct CrashAtLineOptions {
  Duration interval{};    // mean time between; zero: never
  Duration delay_mean{};  // from the line to the crash
};

class CrashAtLine {
 public:
  struct World {
    SimWorld& world;
    const SimMachines& machines;
    Nemesis& nemesis;
    FaultSchedule& faults;
    RunRecord& record;
  };

  // Everything in `world` outlives it. Adds its faults to the schedule.
  CrashAtLine(World world, const CrashAtLineOptions& options);

  void OnLine(NodeIndex node, std::string_view event);

 private:
  struct Awaited {
    std::string_view event;
    Duration delay{};
  };

  void Await(Random& random);

  const World world_;
  const CrashAtLineOptions options_;
  // One of each machine at a time.
  std::map<NodeIndex, Awaited> awaited_;
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_CLUSTER_CRASH_AT_LINE_H_
