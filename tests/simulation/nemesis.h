// Breaks things: crashes, partitions, clogged and broken connections, stalls, wrong clocks, disks
// that fail or are full, each class on its own schedule drawn from the seed. Knows machines and
// links only, so that every world can use it.
//
// A mark says that a fault was felt, not that it was asked for: a partition counts when it
// swallowed a message, a stall when it held work back.
#ifndef FLOTILLA_TESTS_SIMULATION_NEMESIS_H_
#define FLOTILLA_TESTS_SIMULATION_NEMESIS_H_

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "tests/simulation/fault_schedule.h"
#include "tests/simulation/partition.h"
#include "tests/simulation/run_record.h"
#include "tests/simulation/sim_machine.h"
#include "tests/simulation/sim_network.h"

namespace flotilla::simulation {

// Mean times between faults of each class, over all machines; zero: this run has none of them.
struct NemesisOptions {
  Duration power_off{};
  Duration kill{};
  Duration die_at_disk_call{};
  Duration die_at_network_call{};
  Duration partition{};
  Duration swizzle{};
  Duration clog{};
  Duration break_connection{};
  Duration stall{};
  Duration clock{};
  // Not drawn: for worlds that have disks.
  Duration disk_errors{};  // calls fail now and then, for a while
  Duration disk_full{};    // for a while

  Duration downtime_mean = std::chrono::seconds(1);
  Duration partition_mean = std::chrono::seconds(3);
  Duration clog_mean = std::chrono::milliseconds(500);
  Duration stall_mean = std::chrono::seconds(1);
  Duration disk_fault_mean = std::chrono::seconds(1);
  // Clocks run wrong by up to this much, either way.
  int64_t clock_error_ppm = 10'000;
  CrashModel crash;

  // Zeroes some classes and draws the intensity of the others (swarm testing: Groce et al., ISSTA
  // 2012; runs without a class find what that class hides).
  static NemesisOptions Draw(Random& random);
};

class Nemesis {
 public:
  struct World {
    SimWorld& world;
    SimNetwork& network;
    // They have the node indices from 0 on; clients, if any, those after them.
    const SimMachines& machines;
    FaultSchedule& faults;
    RunRecord& record;
    // Starts the process of a machine again.
    std::function<void(NodeIndex)> restart;
    // The machines that lead something now, without repetition, in ascending order.
    std::function<std::vector<NodeIndex>()> leaders;
  };

  // Everything in `world` outlives the nemesis. Adds its faults to the schedule.
  Nemesis(World world, const NemesisOptions& options);

  // Nothing that is pending happens any more; what is broken stays so.
  void Stop();
  // Ends all partitions and clogs. Not a link may be blocked after it, or the run has failed.
  void HealNetwork();

  // A process died, whatever of: it will be restarted.
  void OnDeath(NodeIndex node);

  void Crash(NodeIndex node, bool power_off);

 private:
  using Fault = void (Nemesis::*)(Random& random);

  void AddFault(std::string_view name, Duration mean, Fault fault);
  void PowerOff(Random& random);
  void Kill(Random& random);
  void DieAtDiskCall(Random& random);
  void DieAtNetworkCall(Random& random);
  void Partition(Random& random);
  void Swizzle(Random& random);
  void Clog(Random& random);
  void BreakConnection(Random& random);
  void Stall(Random& random);
  void SetClock(Random& random);
  void DiskErrors(Random& random);
  void DiskFull(Random& random);

  void MarkMessages();
  void MarkDisks();
  // Cuts of one kind replace those of the one before, which ends now. Their number.
  uint64_t BeginCuts(const std::string& name);
  void EndCuts();
  void EndPartition();
  void SetIsolated(NodeIndex node, bool isolated);
  // Unless other cuts have replaced those.
  void LaterInCuts(uint64_t number, Duration delay, std::function<void()> task);
  NodeIndex AnyMachine(Random& random) const;

  const World world_;
  const NemesisOptions options_;
  // The cuts that are in force, or were last.
  uint64_t cuts_ = 0;
  std::string cuts_name_;
  // By a swizzle.
  std::set<NodeIndex> isolated_;
  uint64_t blocked_before_cuts_ = 0;
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_NEMESIS_H_
