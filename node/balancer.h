// Carries the planner's plans out, on the node that leads the directory: looks at the cluster, has
// the most urgent steps begun, and tells the shards' leaders what is next, again and again until
// their reports say that it is done. What is under way is kept in memory only: whoever leads the
// directory next sees by the shards themselves how far they are, and plans from there.
#ifndef FLOTILLA_NODE_BALANCER_H_
#define FLOTILLA_NODE_BALANCER_H_

#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "base/logger.h"
#include "node/cluster_watch.h"
#include "node/shard_order.h"
#include "sharding/planner.h"

namespace flotilla::node {

struct BalancerOptions {
  sharding::PlannerOptions planner;
  // A node that has not reported for so long is down.
  Duration down_after = std::chrono::seconds(5);
  // A node that left and is silent for so long is gone, and not just being restarted.
  Duration gone_after = std::chrono::seconds(15);
};

class Balancer {
 public:
  struct Port {
    std::function<void(NodeId leader, const ShardOrder& order)> send;
    // Gives an id that no shard ever had; durable before it is given.
    std::function<void(std::function<void(absl::StatusOr<ShardId>)> done)> name_shard;
    // A node that was to leave has nothing any more, and is silent.
    std::function<void(NodeId node)> forget;
  };

  Balancer(const BalancerOptions& options, Logger& logger, Port port)
      : options_(options), logger_(logger), port_(std::move(port)) {}
  ~Balancer() { *alive_ = false; }

  // On every tick while this node leads the directory and has loaded it. Every shard is to have so
  // many replicas.
  void Tick(const ClusterSight& sight, uint32_t replicas);
  // It does not any more.
  void Forget();

  const std::map<ShardId, StepUnderWay>& under_way() const { return under_way_; }

 private:
  void EndSteps(const ClusterSight& sight, const std::map<ShardId, ShardReport>& shards);
  void AdoptLearners(const ClusterSight& sight, const std::map<ShardId, ShardReport>& shards);
  void BeginSteps(const ClusterSight& sight, const std::map<ShardId, ShardReport>& shards,
                  uint32_t replicas);
  void Begin(sharding::Step step, std::string_view cause, const ShardReport& shard, MonoTime now);
  void SendOrders(const ClusterSight& sight, const std::map<ShardId, ShardReport>& shards);
  bool IsUp(NodeId node, const ClusterSight& sight) const;
  bool IsHopeless(const StepUnderWay& under_way, const ShardReport* shard,
                  const ClusterSight& sight) const;
  // Whether that was tried in vain not long ago.
  bool IsAvoided(ShardId shard, NodeId to, MonoTime now) const;
  void ForgetNodes(const ClusterSight& sight, const std::map<ShardId, ShardReport>& shards);

  const BalancerOptions options_;
  Logger& logger_;
  const Port port_;
  std::map<ShardId, StepUnderWay> under_way_;
  // What was tried in vain, and until when it is not tried again.
  std::map<std::pair<ShardId, NodeId>, MonoTime> avoided_;
  MonoTime next_look_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_BALANCER_H_
