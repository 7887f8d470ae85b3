// Cuts a machine off soon after its node has begun to receive a snapshot, for long enough that
// the transfer has to be taken up again. A partition at a random moment seldom falls there.
#ifndef FLOTILLA_TESTS_SIMULATION_CLUSTER_CUT_AT_SNAPSHOT_H_
#define FLOTILLA_TESTS_SIMULATION_CLUSTER_CUT_AT_SNAPSHOT_H_

#include <map>
#include <string_view>

#include "base/random.h"
#include "tests/simulation/fault_schedule.h"
#include "tests/simulation/run_record.h"
#include "tests/simulation/sim_network.h"
#include "tests/simulation/sim_world.h"

namespace flotilla::simulation {

struct CutAtSnapshotOptions {
  Duration interval{};    // mean time between; zero: never
  Duration delay_mean{};  // from the beginning of the snapshot to the cut
  Duration cut_mean = std::chrono::seconds(5);
};

class CutAtSnapshot {
 public:
  struct World {
    SimWorld& world;
    SimNetwork& network;
    NodeIndex machines;
    FaultSchedule& faults;
    RunRecord& record;
  };

  // Everything in `world` outlives it. Adds its faults to the schedule.
  CutAtSnapshot(World world, const CutAtSnapshotOptions& options);

  void OnLine(NodeIndex node, std::string_view event);

 private:
  struct Awaited {
    Duration delay{};
    Duration cut{};
  };

  void Await(Random& random);
  void Cut(NodeIndex node, Duration cut);

  const World world_;
  const CutAtSnapshotOptions options_;
  // One of each machine at a time.
  std::map<NodeIndex, Awaited> awaited_;
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_CLUSTER_CUT_AT_SNAPSHOT_H_
