// Watches all nodes of a simulated cluster: what they say (group_oracle.h), and what their replicas
// contain: at one index of one shard, all the same.
#ifndef FLOTILLA_TESTS_SIMULATION_CLUSTER_CLUSTER_ORACLE_H_
#define FLOTILLA_TESTS_SIMULATION_CLUSTER_CLUSTER_ORACLE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/ids.h"
#include "node/peer_transport.h"
#include "node/shard_order.h"
#include "raft/messages.h"
#include "raft/raft_core.h"
#include "storage/engine.h"
#include "tests/simulation/cluster/group_oracle.h"
#include "tests/simulation/run_record.h"
#include "tests/simulation/sim_world.h"

namespace flotilla::simulation {

class ClusterOracle {
 public:
  // What a node's replica of a shard says of itself; none when there is none.
  using StatusOf = std::function<std::optional<raft::RaftStatus>(NodeId node, ShardId shard)>;

  // World and record outlive the oracle.
  ClusterOracle(SimWorld& world, StatusOf status_of, RunRecord& record);

  // Decorations for the ports of a process on a machine. The oracle outlives them.
  std::unique_ptr<node::PeerTransport> Watch(NodeIndex machine, node::PeerTransport& transport);
  std::unique_ptr<storage::EngineSource> Watch(NodeIndex machine,
                                               std::unique_ptr<storage::EngineSource> engines);

  // What the directory's leader sends to those of shards is shown to this.
  using OnOrder = std::function<void(NodeIndex machine, const node::ShardOrder& order)>;
  void WatchOrders(OnOrder on_order) { on_order_ = std::move(on_order); }

  // An envelope as nodes send it.
  void OnSent(NodeIndex machine, std::string_view envelope);
  // A node has nothing any more of what its replicas ever wrote.
  void OnDiskLost(NodeId node);
  // A replica's state is that of `index`.
  void OnState(NodeIndex machine, ShardId shard, LogIndex index, uint64_t hash);

 private:
  struct State {
    uint64_t hash = 0;
    NodeIndex machine = 0;  // that was there first
  };

  void JudgeSent();

  SimWorld& world_;
  const StatusOf status_of_;
  OnOrder on_order_ = [](NodeIndex, const node::ShardOrder&) {};
  RunRecord& record_;
  // Of the event that runs now.
  std::vector<raft::Message> sent_;
  std::map<ShardId, GroupOracle> groups_;
  absl::flat_hash_map<std::pair<ShardId, LogIndex>, State> states_;
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_CLUSTER_CLUSTER_ORACLE_H_
