// One machine of the simulated world: a clock and a disk that outlive its processes, and the
// executor and sequences of the process that runs on it now. The process itself (a node, a client)
// belongs to the harness, which builds it on these ports and destroys it when told of its death.
#ifndef FLOTILLA_TESTS_SIMULATION_SIM_MACHINE_H_
#define FLOTILLA_TESTS_SIMULATION_SIM_MACHINE_H_

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/random.h"
#include "tests/simulation/sim_clock.h"
#include "tests/simulation/sim_disk.h"
#include "tests/simulation/sim_executor.h"
#include "tests/simulation/sim_network.h"
#include "tests/simulation/sim_sequence.h"
#include "tests/simulation/sim_world.h"

namespace flotilla::simulation {

// Machine 0 hosts node 1, and so on.
inline NodeId NodeOf(NodeIndex machine) { return NodeId(uint64_t{machine} + 1); }
inline NodeIndex MachineOf(NodeId node) { return static_cast<NodeIndex>(node.value() - 1); }

struct SimMachineOptions {
  SimDiskOptions disk{};
  SimExecutor::Options executor{};
  Duration work_delay_mean{};
  Duration done_delay_mean{};
};

class SimMachine {
 public:
  // World and network outlive the machine.
  SimMachine(SimWorld& world, SimNetwork& network, NodeIndex node,
             const SimMachineOptions& options);
  ~SimMachine();

  // A process begins: fresh executor and sequences. `on_death` is called once, when it dies by
  // PowerOff, Kill or at the call that the harness chose: everything that the process posted
  // is gone by then, and it must be destroyed in that call. Precondition: no process runs.
  void Start(std::function<void()> on_death);
  bool running() const { return executor_ != nullptr; }
  // Counts the processes that ran here; makes their random streams differ.
  uint64_t life() const { return life_; }

  // The power fails: peers are told nothing, unsynced data goes where the model says.
  void PowerOff(const CrashModel& model);
  // The process is killed: the page cache stays, and peers see their connections break.
  void Kill();
  // PowerOff at the k-th disk call from now, or at the k-th message that it sends.
  void PowerOffAtDiskCall(uint64_t k, const CrashModel& model);
  void PowerOffAtNetworkCall(uint64_t k, const CrashModel& model);
  // PowerOff `more` disk calls after the k-th of a kind from now.
  void PowerOffAfterDiskCall(DiskCall kind, uint64_t k, uint64_t more, const CrashModel& model);
  // Neither happens, if it has not yet.
  void SurviveCalls();
  // "disk_call" or "network_call" if the last process ended at one that was chosen; else empty.
  std::string_view died_at() const { return died_at_; }

  NodeIndex node() const { return node_; }
  SimClock& clock() { return clock_; }
  SimDisk& disk() { return disk_; }
  // Of the running process.
  SimExecutor& executor() { return *executor_; }
  SimSequenceSource& sequences() { return *sequences_; }
  Random ProcessRandom() const { return world_.Stream("process", uint64_t{node_} << 32 | life_); }

 private:
  // Ends the process that runs now, once the event in which it made its last call is over.
  std::function<void()> PowerOffSoon(std::string_view died_at, const CrashModel& model);
  void Die(bool notify_peers);

  SimWorld& world_;
  SimNetwork& network_;
  const NodeIndex node_;
  const SimMachineOptions options_;
  SimClock clock_;
  SimDisk disk_;
  std::unique_ptr<SimExecutor> executor_;
  std::unique_ptr<SimSequenceSource> sequences_;
  std::function<void()> on_death_;
  uint64_t life_ = 0;
  std::string_view died_at_;
};

// Machines by node index, from 0 on.
using SimMachines = std::vector<std::unique_ptr<SimMachine>>;

SimMachines MakeMachines(SimWorld& world, SimNetwork& network, NodeIndex count,
                         const SimMachineOptions& options);

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_SIM_MACHINE_H_
