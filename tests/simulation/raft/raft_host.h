// The process of one machine of the raft world: replicas of some groups over one model log and the
// simulated network; creates and removes them as messages and configurations demand.
#ifndef FLOTILLA_TESTS_SIMULATION_RAFT_RAFT_HOST_H_
#define FLOTILLA_TESTS_SIMULATION_RAFT_RAFT_HOST_H_

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "tests/simulation/raft/model_log.h"
#include "tests/simulation/raft/raft_replica.h"
#include "tests/simulation/sim_machine.h"

namespace flotilla::simulation {

struct RaftHostOptions {
  RaftReplicaOptions replica;
  Duration tick = std::chrono::milliseconds(50);
  Duration disk_delay{};
};

// What the host needs of the world around it.
struct RaftHostWorld {
  SimWorld& world;
  SimNetwork& network;
  RunRecord& record;
  std::map<ShardId, RaftOracle>& oracles;
  // The logs of all machines, by NodeIndex.
  std::vector<ModelLog>& logs;
};

class RaftHost : public RaftReplicaHost {
 public:
  // Everything outlives the host. Recovers its replicas from its log.
  RaftHost(SimMachine& machine, const RaftHostOptions& options, RaftHostWorld world);
  ~RaftHost() override;

  // Null when no replica of the group runs here.
  RaftReplica* Find(ShardId group);
  // Draws where the engines of the dead process are found (storage/engine.h: after a prefix of the
  // writes, not before the last durable one). To be called before the log's Crash.
  void LoseUnflushedState();

  void WantPump(ShardId group) override;
  void Send(raft::Message message) override;
  void SendPacket(NodeId to, const Packet& packet) override;
  void Later(Duration mean, Task task) override;
  ModelLog& log() override { return world_.logs[machine_.node()]; }
  void WriteLog(ShardId group, ModelLog::Change change, Task durable) override;
  const GroupLog* DiskOf(ShardId group, const raft::Member& member) override;
  void Removed(ShardId group) override;

 private:
  void Open(ShardId group, ReplicaId replica);
  void Create(ShardId group, ReplicaId replica);
  void OnBytes(std::string_view bytes);
  // The replica that a packet is addressed to; creates it when it should be here and is not.
  RaftReplica* Addressee(ShardId group, const raft::Member& to);
  void Tick();
  void PumpAll();
  void FlushOutbox();
  void WriteNext();

  SimMachine& machine_;
  const RaftHostOptions& options_;
  RaftHostWorld world_;
  Random random_;
  std::map<ShardId, std::unique_ptr<RaftReplica>> replicas_;
  std::set<ShardId> creating_;
  std::set<ShardId> want_pump_;
  bool pump_posted_ = false;
  bool writing_ = false;
  std::map<std::pair<NodeId, Channel>, std::vector<raft::Message>> outbox_;
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_RAFT_RAFT_HOST_H_
