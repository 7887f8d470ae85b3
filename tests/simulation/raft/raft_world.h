// Raft groups in the simulated world: real cores and real encoded messages; a model of the log and
// a state machine that is a hash. Clients, membership changes and transfers go on while the nemesis
// breaks things (safety phase); then a random majority is healed, everything else stays broken for
// good, and the groups must get work done in bounded time (liveness phase).
#ifndef FLOTILLA_TESTS_SIMULATION_RAFT_RAFT_WORLD_H_
#define FLOTILLA_TESTS_SIMULATION_RAFT_RAFT_WORLD_H_

#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "base/random.h"
#include "tests/simulation/fault_schedule.h"
#include "tests/simulation/nemesis.h"
#include "tests/simulation/raft/model_log.h"
#include "tests/simulation/raft/raft_host.h"
#include "tests/simulation/raft/raft_oracle.h"
#include "tests/simulation/run_record.h"
#include "tests/simulation/sim_machine.h"
#include "tests/simulation/sim_network.h"
#include "tests/simulation/sim_world.h"

namespace flotilla::simulation {

struct RaftWorldOptions {
  uint32_t machines = 5;
  uint32_t groups = 1;
  uint32_t initial_voters = 3;
  LinkOptions links;
  SimMachineOptions machine;
  RaftHostOptions host;
  NemesisOptions nemesis;
  // Numbers of faults not to carry out.
  std::set<uint64_t> skipped_faults;
  // Mean times between; zero: never.
  Duration client_interval = std::chrono::milliseconds(20);
  Duration change_interval{};
  Duration transfer_interval{};
  Duration safety_time = std::chrono::seconds(30);
  Duration liveness_limit = std::chrono::seconds(120);

  static RaftWorldOptions Draw(Random& random);
};

class RaftWorld {
 public:
  RaftWorld(uint64_t seed, const RaftWorldOptions& options, std::FILE* trace = nullptr);
  ~RaftWorld();

  // Both phases. To be called once.
  RunResult Run();

 private:
  void Form();
  void StartMachine(NodeIndex node);
  void Repeat(Duration mean, void (RaftWorld::*action)());
  RunResult Result() const;

  void OneRequest();
  void OneChange();
  void OneTransfer();
  raft::ConfigurationChange DrawChange(const raft::Configuration& configuration);

  // The liveness phase.
  std::vector<NodeIndex> ChooseCore();
  bool IsCore(ShardId group, const std::vector<bool>& in_core) const;
  std::vector<raft::Configuration> PossibleConfigurations(ShardId group) const;
  bool CanVote(ShardId group, const raft::Member& member) const;
  void HealCore(const std::vector<NodeIndex>& core);
  void RequireProgress(const std::vector<NodeIndex>& core);
  void RequireStandstill(const std::vector<NodeIndex>& core);
  std::map<ShardId, Term> NewestTerms(const std::vector<NodeIndex>& core) const;
  void RunUntil(Duration time);
  bool MadeProgress(ShardId group, const std::vector<NodeIndex>& core);
  std::vector<NodeIndex> Leaders() const;
  RaftReplica* LeaderIn(ShardId group, const std::vector<NodeIndex>& core);

  const RaftWorldOptions options_;
  // What the hosts go by; the liveness phase mends it.
  RaftHostOptions host_options_;
  SimWorld world_;
  RunRecord record_;
  SimNetwork network_;
  Random random_;
  std::map<ShardId, RaftOracle> oracles_;
  std::vector<ModelLog> logs_;
  SimMachines machines_;
  std::vector<std::unique_ptr<RaftHost>> hosts_;
  FaultSchedule faults_;
  std::unique_ptr<Nemesis> nemesis_;
  uint64_t next_payload_ = 1;
  // The proposal that the liveness phase waits for.
  std::map<ShardId, raft::Position> awaited_;
  bool safety_phase_ = true;
};

// One seed, everything drawn from it.
RunResult RunRaftWorld(const RunRequest& request);

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_RAFT_RAFT_WORLD_H_
