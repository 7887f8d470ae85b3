// A scenario of shards that split, move and change their members, and of nodes that come and go:
//
//   ShardedScenario scenario(seed, {.nodes = 3, .spares = 1});
//   scenario.Found();
//   scenario.StartClients();
//   scenario.Split(kShard, ShardId(100), sharding::Slot{8192});
//   scenario.Move(ShardId(100), 0, 3);
//   scenario.Finish();
//
// Clients run the library's core, on machines of their own, and do all that it offers. What an
// operator asks for is asked step by step until it is done, as his tool does, whatever dies
// meanwhile. Finish waits until all is as it should be, reads every key, and compares all replicas;
// then what clients saw is judged.
#ifndef FLOTILLA_TESTS_SIMULATION_SCENARIOS_SHARDED_SCENARIO_H_
#define FLOTILLA_TESTS_SIMULATION_SCENARIOS_SHARDED_SCENARIO_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "sharding/node_record.h"
#include "sharding/shard_descriptor.h"
#include "tests/simulation/cluster/sim_client.h"
#include "tests/simulation/history.h"
#include "tests/simulation/scenarios/scenario.h"
#include "tests/simulation/scenarios/scenario_seeds.h"

namespace flotilla::simulation {

// Scenarios of a long time each: a fifth of the usual seeds.
inline auto ShardedSeeds() {
  return testing::Range<uint64_t>(1, 1 + (ScenarioSeedCount() + 4) / 5);
}

// For an operation to end, whoever dies during it.
inline constexpr Duration kReshardLimit = std::chrono::minutes(10);

struct ShardedOptions {
  NodeIndex nodes = 3;   // found the cluster
  NodeIndex spares = 0;  // are started by the test, and join then
  uint32_t shards = 1;   // of the new cluster: 1, 2, ...
  uint32_t replicas = 3;
  bool balance = false;
  Duration dead_after = std::chrono::seconds(8);
  uint32_t clients = 1;
  uint32_t workers = 2;  // of each client
  Duration think_mean = std::chrono::milliseconds(40);
  uint32_t registers = 3;  // keys of this kind; of the other kinds, two
  bool small_log = true;
  bool unreliable = false;
  std::function<void(node::NodeOptions&)> adjust{};
};

class ShardedScenario : public Scenario {
 public:
  explicit ShardedScenario(uint64_t seed, const ShardedOptions& options = {});
  ~ShardedScenario() override;

  // The founders, and waits until all of them know all shards.
  void Found();
  void StartClients();

  // --- What can be seen.
  // As the newest replicas say, in the order of their arcs.
  std::vector<sharding::ShardDescriptor> Shards() const;
  ShardId ShardOf(const std::string& key) const;
  std::string KeyIn(ShardId shard) const;  // one that clients do not use
  std::vector<std::string> Keys() const { return client_options_.workload.AllKeys(); }
  // The members of the shard as its leader knows them; none while it has no leader.
  std::optional<raft::Configuration> MembersOf(ShardId shard) const;
  bool Holds(NodeIndex node, ShardId shard) const;  // as a voter, in a settled configuration
  std::vector<NodeIndex> VotersOf(ShardId shard) const;
  // Whether the node has a replica of anything, or is a member of anything.
  bool HoldsAnything(NodeIndex node) const;
  std::vector<sharding::NodeRecord> KnownNodes() const;  // to the directory's leader
  // Client calls that ended well.
  uint64_t Acknowledged() const;

  // --- What an operator asks for; each goes on until it is done.
  void Split(ShardId shard, ShardId child, sharding::Slot at);
  void AddTo(ShardId shard, NodeIndex node);       // a learner, filled, promoted
  void RemoveFrom(ShardId shard, NodeIndex node);  // its leadership goes before it
  // A leader is not swapped away: another one leads before.
  void Move(ShardId shard, NodeIndex from, NodeIndex to);
  void PlaceOn(ShardId shard, const std::vector<NodeIndex>& nodes);  // by moves
  void HandOver(ShardId shard, NodeIndex to);
  void SetDuty(NodeIndex node, sharding::NodeDuty duty);
  // What goes on by itself.
  void AwaitDone(const std::string& what, const std::function<bool()>& is_done) {
    AskUntil(what, is_done, [] {});
  }
  // Each of these once, at whoever leads; nothing where nobody does.
  void AskSplit(ShardId shard, ShardId child, sharding::Slot at);
  void AskDuty(NodeIndex node, sharding::NodeDuty duty);
  // How many voters a shard is to have, where that is not what the cluster was founded with.
  void Want(ShardId shard, size_t voters) { wanted_[shard] = voters; }
  // The machine is gone: nobody waits for it.
  void Lose(NodeIndex node);

  // --- The end.
  // Empty when every slot has one owner, all groups have the voters that they should have, all of
  // those hold what their leader holds, nobody else holds anything, all nodes know all shards, and
  // no step of a plan is under way.
  std::string WhatIsUnsettled() const;
  void AwaitSettled(Duration limit = kReshardLimit);
  void StopClients();
  void Finish();

 private:
  void AskUntil(const std::string& what, const std::function<bool()>& is_done,
                const std::function<void()>& ask);
  void AskChange(ShardId shard, const raft::ConfigurationChange& change);
  void AskHandOver(ShardId shard, NodeIndex to);
  void AskToBring(ShardId shard, NodeIndex node, std::optional<NodeIndex> instead_of);
  void AskToTakeAway(ShardId shard, NodeIndex node, NodeIndex successor);
  std::vector<NodeIndex> Living() const;
  size_t WantedVoters(ShardId shard) const;
  std::string WhatGroupLacks(ShardId group) const;
  std::string WhatMapsLack() const;
  void ReadAllKeys();
  void JudgeHistory() const;

  const ShardedOptions options_;
  const SimClientOptions client_options_;
  History history_;
  uint32_t next_client_process_ = 0;
  SimClient::Surroundings surroundings_;
  std::vector<std::unique_ptr<SimClient>> clients_;
  std::map<ShardId, size_t> wanted_;
  std::set<NodeIndex> lost_;
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_SCENARIOS_SHARDED_SCENARIO_H_
