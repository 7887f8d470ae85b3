// Breaks things: crashes, partitions, clogged and broken connections, stalls, wrong clocks, each
// class on its own schedule drawn from the seed. Knows machines and links only, so that every world
// can use it.
#ifndef FLOTILLA_TESTS_SIMULATION_NEMESIS_H_
#define FLOTILLA_TESTS_SIMULATION_NEMESIS_H_

#include <functional>
#include <string>

#include "base/random.h"
#include "tests/simulation/run_record.h"
#include "tests/simulation/sim_machine.h"
#include "tests/simulation/sim_network.h"

namespace flotilla::simulation {

// Mean times between faults of each class, over all machines; zero: this run has none of them.
struct NemesisOptions {
  Duration power_off{};
  Duration kill{};
  Duration die_at_disk_call{};
  Duration partition{};
  Duration clog{};
  Duration break_connection{};
  Duration stall{};
  Duration clock{};

  Duration downtime_mean = std::chrono::seconds(1);
  Duration partition_mean = std::chrono::seconds(3);
  Duration clog_mean = std::chrono::milliseconds(500);
  Duration stall_mean = std::chrono::seconds(1);
  // Clocks run wrong by up to this much, either way.
  int64_t clock_error_ppm = 10'000;
  CrashModel crash;

  // Zeroes some classes and draws the intensity of the others (swarm testing: Groce et al., ISSTA
  // 2012; runs without a class find what that class hides).
  static NemesisOptions Draw(Random& random);
};

class Nemesis {
 public:
  // Machines have the node indices from 0 on; clients, if any, those after them. `restart` starts
  // the process of a machine again. Everything outlives the nemesis.
  Nemesis(SimWorld& world, SimNetwork& network, const SimMachines& machines,
          const NemesisOptions& options, RunRecord& record, std::function<void(NodeIndex)> restart);

  void Start();
  // No new faults, and none that is pending happens; what is broken stays so.
  void Stop() { stopped_ = true; }

  // A process died, whatever of: it will be restarted.
  void OnDeath(NodeIndex node);

  // Cuts the machines apart in some drawn shape.
  void Partition();
  void Crash(NodeIndex node, bool power_off);

 private:
  using Fault = void (Nemesis::*)();

  void Schedule(Duration mean, Fault fault);
  void PowerOff();
  void Kill();
  void DieAtDiskCall();
  void PartitionForAWhile();
  void Clog();
  void BreakConnection();
  void Stall();
  void SetClock();
  NodeIndex AnyMachine();
  void Trace(const std::string& what);

  SimWorld& world_;
  SimNetwork& network_;
  const SimMachines& machines_;
  const NemesisOptions options_;
  RunRecord& record_;
  const std::function<void(NodeIndex)> restart_;
  Random random_;
  uint64_t partitions_ = 0;
  bool stopped_ = false;
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_NEMESIS_H_
