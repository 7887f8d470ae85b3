// Whole nodes in the simulated world: the code that the server runs, on the simulated disk, network
// and clock, with clients that run the library's core and do all that it offers. Safety phase
// and liveness phase as in the raft world; what clients saw is judged at the end.
#ifndef FLOTILLA_TESTS_SIMULATION_CLUSTER_CLUSTER_WORLD_H_
#define FLOTILLA_TESTS_SIMULATION_CLUSTER_CLUSTER_WORLD_H_

#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "node/node.h"
#include "storage/map_engine.h"
#include "tests/simulation/cluster/cluster_host.h"
#include "tests/simulation/cluster/crash_at_line.h"
#include "tests/simulation/cluster/cut_at_snapshot.h"
#include "tests/simulation/cluster/fault_atlas.h"
#include "tests/simulation/cluster/sim_client.h"
#include "tests/simulation/fault_schedule.h"
#include "tests/simulation/history.h"
#include "tests/simulation/linearizability.h"
#include "tests/simulation/nemesis.h"
#include "tests/simulation/run_record.h"
#include "tests/simulation/sim_network.h"
#include "tests/simulation/sim_world.h"

namespace flotilla::simulation {

struct ClusterWorldOptions {
  uint32_t nodes = 3;   // found the cluster
  uint32_t spares = 0;  // may become members later
  uint32_t clients = 4;
  LinkOptions links;
  SimMachineOptions machine;
  NemesisOptions nemesis;
  // Numbers of faults not to carry out.
  std::set<uint64_t> skipped_faults;
  node::NodeOptions node;
  storage::MapEngineOptions engine;
  SimClientOptions client;
  LinkOptions client_links;
  // Clients' clocks run wrong by up to this much, either way.
  uint64_t client_clock_error_ppm = 0;
  // Between two faults of clients: cut off, reconnected, killed; and how long those last.
  Duration client_fault_interval{};
  Duration client_fault_mean = std::chrono::seconds(1);
  Duration transfer_interval{};
  Duration membership_interval{};
  // Between two stale reads of any replica.
  Duration any_replica_interval{};
  Duration split_interval{};
  // Between two changes of which node is to be emptied.
  Duration duty_interval{};
  // Between two attempts to cancel an operation, and to begin one.
  Duration cancel_interval{};
  Duration ask_interval{};
  // Between two reads of the liveness phase: under a load that does not change, what is moved and
  // split by load comes to an end. 0: there is none.
  Duration steady_interval{};
  FaultAtlasOptions atlas;
  CrashAtLineOptions crash_at_line;
  CutAtSnapshotOptions cut_at_snapshot;
  Duration safety_time = std::chrono::seconds(20);
  Duration liveness_limit = std::chrono::seconds(120);

  // Disks fail in this run: a node may stop itself.
  bool HasDiskFaults() const;
  NodeIndex machines() const { return nodes + spares; }
  bool HasMembershipChanges() const {
    return membership_interval != Duration::zero() || node.balance;
  }
  // Engines fail in this run: replicas stop, and begin again.
  bool HasEngineFaults() const { return engine.fail_one_in_flushes > 0; }
  static ClusterWorldOptions Draw(Random& random);
};

class ClusterWorld {
 public:
  ClusterWorld(uint64_t seed, const ClusterWorldOptions& options, std::FILE* trace = nullptr);
  ~ClusterWorld();

  // Both phases and the verdict. To be called once.
  RunResult Run();
  const History& history() const { return history_; }

 private:
  void OnFatal(NodeIndex node, const absl::Status& why);
  void OnLogged(NodeIndex node, std::string_view event);
  void FormCluster();
  void After(Duration delay, std::function<void()> task);
  ShardId ShardOf(const std::string& key) const;
  void OneTransfer();
  std::vector<NodeIndex> Leaders() const;
  void EachTime(Duration interval, std::function<void()> act);

  // Shards come to be by splits (cluster_world_shards.cc).
  void SplitSomeShard();
  void Split(sharding::ShardDescriptor shard);
  void SplitAgain(ShardId id);
  void NoteShard(NodeIndex node, const node::ReplicaStatus& replica);
  // The replicas' own word for who owns what: every slot has one owner.
  void CheckArcs();
  std::string WhatMapsLack() const;

  // Membership (cluster_world_members.cc).
  void ChangeSomeDuty();
  void RetireWhoLeft(const std::vector<sharding::NodeRecord>& nodes);
  void ChangeSomeMembership();
  void ChangeMembership(node::Node& leader, const node::ReplicaStatus& replica);
  bool CanSpare(NodeIndex machine) const;
  bool IsDownForGood(NodeIndex node) const;
  // Empty when every member has everything.
  std::string WhatMembersLack() const;
  void RunUntil(Duration time);

  // Load, and what is done by it (cluster_world_load.cc).
  void AskSteadily();
  void CheckLoadSplit(const kv::OperationRecord& split);
  bool HasKeyIn(const sharding::Arc& arc) const;

  // Operations (cluster_world_operations.cc).
  // Null when nobody leads the directory, or who does is down.
  node::Node* DirectoryLeader() const;
  void CancelSomeOperation();
  void AskForSomeOperation();
  // Whoever leads the directory says that all have ended.
  bool AwaitOperations();
  std::string WhatRunsStill() const;
  void NoteEndedOperations();

  // Clients (cluster_world_clients.cc).
  void StartClients();
  void DisturbClient(Random& random);
  void CutClient(NodeIndex client, std::optional<NodeIndex> one, uint64_t ways, Duration time);
  void OnClientDeath(size_t client);
  void HealClients();
  void AskAnyReplica();
  void NoteStaleRead(const std::string& key, Duration invoked, const node::ReadReply& reply);
  bool AwaitClients();
  // Every key is read, and each client writes to every shard.
  bool AwaitFinalCalls();
  std::vector<SimClientWorker::Demand> FinalCallsOf(size_t client) const;
  void JudgeHistory();
  void Judge(const char* what, const Judgement& judgement);
  uint64_t Acknowledged() const;

  // Invariants that are looked at now and then.
  void Inspect();
  void InspectReplica(NodeIndex node, const node::ReplicaStatus& replica);

  // The liveness phase and what follows it.
  bool HasDirectoryQuorum(const std::vector<NodeIndex>& nodes) const;
  void HealCore();
  void StartSoon(NodeIndex node);
  void StartAgainInCore(NodeIndex node);
  bool HasFailedReplica(NodeIndex node) const;
  void AwaitHaltOrRecovery();
  bool AwaitConvergence();
  // Empty when none is over its budget.
  std::string WhatLogHoldsTooMuch() const;
  bool AwaitShortLogs();
  // All that replicate something: the shards, and the directory.
  std::vector<ShardId> Groups() const;
  using Offices = std::map<ShardId, std::pair<Term, raft::Configuration>>;
  Offices NewestOffices() const;
  bool IsBalancing() const;
  bool AwaitStandstill();
  // By hand, or because a replica is unfit.
  bool MembersMayChange() const;
  void CompareStates();
  RunResult Result() const;

  const ClusterWorldOptions options_;
  SimWorld world_;
  RunRecord record_;
  SimNetwork network_;
  Random random_;
  Random client_random_;
  std::unique_ptr<ClusterHost> host_;
  FaultSchedule faults_;
  std::unique_ptr<Nemesis> nemesis_;
  std::unique_ptr<FaultAtlas> atlas_;
  std::unique_ptr<CrashAtLine> crash_at_line_;
  std::unique_ptr<CutAtSnapshot> cut_at_snapshot_;
  // The newest that any replica has said of its shard. Without the directory.
  std::vector<sharding::ShardDescriptor> shards_;
  // That were asked for.
  static constexpr uint64_t kChildrenMax = 8;
  uint64_t children_ = 0;
  // Of each shard and version, when a replica was first seen to have it, and what it is.
  struct SeenShard {
    Duration at{0};
    sharding::Arc arc;
  };
  std::map<std::pair<ShardId, uint64_t>, SeenShard> seen_shards_;
  bool asks_steadily_ = false;
  size_t asked_ = 0;
  History history_;
  uint32_t next_process_ = 0;
  SimClient::Surroundings client_surroundings_;
  std::vector<std::unique_ptr<SimClient>> clients_;
  std::vector<NodeIndex> core_;
  std::map<std::pair<ShardId, Term>, NodeIndex> leaders_;
  // By whom a shard was served at the newest commit that was seen, with that commit.
  std::map<ShardId, std::pair<LogIndex, raft::Configuration>> configurations_;
  bool safety_phase_ = true;
  // A group has replaced a replica that failed, or is about to: a joint configuration needs more
  // than any majority of the machines, and who has it may be down.
  bool repaired_ = false;
  // Machines that left and were switched off; the liveness phase starts them again.
  std::set<NodeIndex> retired_;
};

// One seed, everything drawn from it.
RunResult RunClusterWorld(const RunRequest& request);

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_CLUSTER_CLUSTER_WORLD_H_
