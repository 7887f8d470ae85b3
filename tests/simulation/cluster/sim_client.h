// A client's machine: processes of it run the library's core over the simulated network, with a few
// logical clients each. They die and are replaced, as all that runs on machines.
#ifndef FLOTILLA_TESTS_SIMULATION_CLUSTER_SIM_CLIENT_H_
#define FLOTILLA_TESTS_SIMULATION_CLUSTER_SIM_CLIENT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "client/client_core.h"
#include "tests/simulation/cluster/sim_client_worker.h"
#include "tests/simulation/cluster/sim_kv_channel.h"
#include "tests/simulation/history.h"
#include "tests/simulation/run_record.h"
#include "tests/simulation/sim_machine.h"
#include "tests/simulation/sim_network.h"
#include "tests/simulation/sim_world.h"

namespace flotilla::simulation {

struct SimClientOptions {
  WorkloadOptions workload;
  // Logical clients of one process; none where a test executes calls itself.
  uint32_t workers = 1;
  // Without the endpoints.
  client::CoreOptions core;
  SimMachineOptions machine;
};

class SimClient {
 public:
  // What all clients of a world share; outlives them.
  struct Surroundings {
    SimWorld& world;
    SimNetwork& network;
    RunRecord& record;
    History& history;
    // Hands out names of logical clients.
    uint32_t& next_process;
    // Where nodes serve, and which machine that is.
    std::vector<std::string> endpoints;
    SimKvChannel::Directory directory;
  };
  // `self` is the client's place in the network, behind the nodes. `died` is told of every process
  // that ends.
  SimClient(const SimClientOptions& options, const Surroundings& surroundings, NodeIndex self,
            std::function<void()> died);
  ~SimClient();

  // A process begins, with nothing of what an earlier one knew. Precondition: none runs.
  void Start();
  // The process closes its client, as a program that ends in order, and is gone soon after.
  void Leave();

  SimMachine& machine() { return machine_; }
  bool running() const { return machine_.running(); }
  // Of the process that runs: for tests that execute calls themselves, on machine().executor().
  client::ClientCore& core() { return *process_->core; }

  // From now on logical clients finish what they are doing and rest, those of later processes too.
  void Stop();
  bool resting() const;
  // Precondition: it runs, has logical clients, and rests.
  void DoAll(std::vector<SimClientWorker::Demand> demands);
  // What is under way is over, its outcome unknown: the run ends.
  void Abandon();

 private:
  struct Process {
    std::unique_ptr<SimKvChannel> channel;
    std::unique_ptr<client::ClientCore> core;
    std::vector<std::unique_ptr<SimClientWorker>> workers;
  };

  void OnDeath();

  const SimClientOptions& options_;
  const Surroundings& surroundings_;
  const std::function<void()> died_;
  std::unique_ptr<Process> process_;
  bool stopped_ = false;
  SimMachine machine_;  // ends its process first
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_CLUSTER_SIM_CLIENT_H_
