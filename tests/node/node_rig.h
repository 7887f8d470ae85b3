// A few whole nodes in a simulated world, for tests of what only a whole node does. The big world
// with faults drawn from seeds is tests/simulation/; here each test says what happens.
#ifndef FLOTILLA_TESTS_NODE_NODE_RIG_H_
#define FLOTILLA_TESTS_NODE_NODE_RIG_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kv/command.h"
#include "node/node.h"
#include "storage/map_engine.h"
#include "tests/node/failing_engine.h"
#include "tests/node/held_sequences.h"
#include "tests/simulation/sim_machine.h"
#include "tests/simulation/sim_network.h"
#include "tests/simulation/sim_transport.h"
#include "tests/simulation/sim_world.h"
#include "tests/support/event_counter.h"

namespace flotilla::node {

class NodeRig {
 public:
  // Machines 1 to `machines`, of which the first `initial` found the cluster. `adjust` changes the
  // options of every node.
  explicit NodeRig(uint64_t seed, uint64_t machines = 3, uint32_t initial = 3,
                   std::function<void(NodeOptions&)> adjust = {});
  ~NodeRig();

  void Start(uint64_t id);
  // What Node::Start says; the machine runs nothing after an error.
  absl::Status TryStart(uint64_t id);
  void StartAll();
  // What the machine's engines say (failing_engine.h), until it is set to OK.
  void FailEngines(uint64_t id, absl::Status status) { engine_errors_[id] = std::move(status); }
  // SIGKILL: the page cache stays, peers see their connections break.
  void Kill(uint64_t id);
  // The power fails, unsynced data is lost.
  void PowerOff(uint64_t id);

  Node* node(uint64_t id) { return processes_[id]->node.get(); }
  bool running(uint64_t id) const;
  simulation::SimWorld& world() { return world_; }
  simulation::SimNetwork& network() { return network_; }
  simulation::SimMachine& machine(uint64_t id) { return *machines_.at(id); }
  // Of the process that runs on the machine now.
  // What all nodes have logged.
  const tests::EventCounter& logged() const { return logger_; }
  HeldSequences& sequences(uint64_t id) { return *processes_.at(id)->sequences; }
  absl::Status fatal(uint64_t id) const {
    return fatal_.contains(id) ? fatal_.at(id) : absl::Status();
  }

  // Runs until the condition holds; false when `limit` of virtual time passes first.
  bool RunUntil(const std::function<bool()>& condition, Duration limit = std::chrono::seconds(20));
  // The running node that leads the shard, 0 when none does.
  uint64_t LeaderOf(ShardId shard = ShardId(1));
  bool AwaitLeader(ShardId shard = ShardId(1));

  WriteReply Write(uint64_t id, const kv::Command& command,
                   Duration timeout = std::chrono::seconds(5));
  ReadReply Read(uint64_t id, kv::ReadRequest read, ReadLevel level = ReadLevel::kLinearizable,
                 Duration timeout = std::chrono::seconds(5));
  WriteReply Put(uint64_t id, std::string key, std::string value);
  std::optional<std::string> Get(uint64_t id, std::string key);
  // All running replicas have applied as much as the leader and agree with it.
  bool Converged();

 private:
  struct Process {
    std::unique_ptr<simulation::SimTransport> transport;
    std::unique_ptr<HeldSequences> sequences;
    std::unique_ptr<storage::EngineSource> engines;
    std::unique_ptr<Node> node;
  };

  simulation::SimWorld world_;
  simulation::SimNetwork network_;
  const uint32_t initial_;
  const std::function<void(NodeOptions&)> adjust_;
  tests::EventCounter logger_;
  AllowAll authorizer_;
  std::map<uint64_t, std::unique_ptr<simulation::SimMachine>> machines_;
  std::map<uint64_t, std::unique_ptr<Process>> processes_;
  std::map<uint64_t, absl::Status> engine_errors_;
  std::map<uint64_t, absl::Status> fatal_;
};

kv::Command PutCommand(std::string key, std::string value);
kv::Command IncrementCommand(std::string key, int64_t delta);

}  // namespace flotilla::node

#endif  // FLOTILLA_TESTS_NODE_NODE_RIG_H_
