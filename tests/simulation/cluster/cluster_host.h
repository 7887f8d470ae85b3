// Machines with nodes on them: starts their processes, tells when one ends, and finds out who leads
// what. Every simulation of whole nodes is built on it, so an oracle watches all of them.
#ifndef FLOTILLA_TESTS_SIMULATION_CLUSTER_CLUSTER_HOST_H_
#define FLOTILLA_TESTS_SIMULATION_CLUSTER_CLUSTER_HOST_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "base/logger.h"
#include "node/authorizer.h"
#include "node/node.h"
#include "sharding/shard_descriptor.h"
#include "storage/map_engine.h"
#include "tests/simulation/cluster/cluster_oracle.h"
#include "tests/simulation/cluster/sim_front_door.h"
#include "tests/simulation/run_record.h"
#include "tests/simulation/sim_machine.h"
#include "tests/simulation/sim_network.h"
#include "tests/simulation/sim_transport.h"
#include "tests/simulation/sim_world.h"

namespace flotilla::simulation {

struct ClusterHostOptions {
  NodeIndex founders = 3;
  NodeIndex spares = 0;  // may become members later
  SimMachineOptions machine;
  // Of every node; who it is and whom it joins is filled in.
  node::NodeOptions node;
  storage::MapEngineOptions engine;

  NodeIndex machines() const { return founders + spares; }
};

// Where a node serves clients, and which machine that is; none when nobody ever serves there.
std::string ClientEndpoint(NodeIndex node);
std::optional<NodeIndex> MachineAt(const std::string& address);

class ClusterHost {
 public:
  struct Events {
    // A process ended, whatever of, and its node is gone.
    std::function<void(NodeIndex)> died;
    // A node stopped itself or could not start; its process is still there and does nothing.
    std::function<void(NodeIndex, const absl::Status& why)> stopped;
    // A node has logged an event of this name.
    std::function<void(NodeIndex, std::string_view event)> logged = [](NodeIndex,
                                                                       std::string_view) {};
  };

  // World, network and record outlive the host.
  ClusterHost(SimWorld& world, SimNetwork& network, RunRecord& record, ClusterHostOptions options,
              Events events);
  ~ClusterHost();

  // Starts a process with a node. Precondition: none runs there.
  void Start(NodeIndex node);

  NodeIndex size() const { return options_.machines(); }
  SimMachine& machine(NodeIndex node) const { return *machines_[node]; }
  const SimMachines& machines() const { return machines_; }
  // Null while no process runs there, or one whose node could not start.
  node::Node* node(NodeIndex node) const { return processes_[node].node.get(); }

  // Everything on a machine's disk goes: what its replicas have promised nobody can keep.
  void OnDiskLost(NodeIndex node) { oracle_.OnDiskLost(NodeOf(node)); }

  std::optional<node::ReplicaStatus> ReplicaOf(NodeIndex node, ShardId shard) const;
  // Whoever takes itself for the leader; of several, the one of the latest term.
  std::optional<NodeIndex> LeaderOf(ShardId shard) const;
  // As some node knows them; none before a cluster was founded.
  std::vector<sharding::ShardDescriptor> Shards() const;

 private:
  class MarkingLogger;
  // All that dies with a process, in the order of its destruction from the last.
  struct Process {
    std::unique_ptr<Logger> logger;
    std::unique_ptr<SimTransport> transport;
    std::unique_ptr<node::PeerTransport> watched_transport;
    std::unique_ptr<storage::EngineSource> engines;
    std::unique_ptr<SimFrontDoor> front_door;
    std::unique_ptr<node::Node> node;
  };

  node::NodeOptions OptionsOf(NodeIndex node) const;
  void OpenFrontDoor(NodeIndex node);
  void JudgeOrder(NodeIndex sender, const node::ShardOrder& order);

  const ClusterHostOptions options_;
  const Events events_;
  SimNetwork& network_;
  RunRecord& record_;
  ClusterOracle oracle_;
  node::AllowAll authorizer_;
  SimMachines machines_;
  std::vector<Process> processes_;
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_CLUSTER_CLUSTER_HOST_H_
