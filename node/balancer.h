// Carries the planner's plans out, on the node that leads the directory: looks at the cluster, has
// the most urgent steps begun, and tells the shards' leaders what is next, again and again until
// their reports say that it is done.
//
//   planned --> its record is being written --> under way --> its end is being written --> gone
//
// Every step but a hand-over of leadership is an operation: the directory has it written down
// before the first order goes out and until it has ended. What the directory says is what is under
// way: a node that begins to lead it takes up what it finds there, and one whose record of a begin
// or an end was lost looks at the directory again.
#ifndef FLOTILLA_NODE_BALANCER_H_
#define FLOTILLA_NODE_BALANCER_H_

#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/logger.h"
#include "kv/directory.h"
#include "node/cluster_watch.h"
#include "node/load_watch.h"
#include "node/plan_basis.h"
#include "node/shard_order.h"
#include "node/step_end.h"
#include "sharding/planner.h"

namespace flotilla::node {

// The step of an operation that was cancelled is not planned again for so long.
inline constexpr Duration kCancelledFor = std::chrono::minutes(10);

struct BalancerOptions {
  sharding::PlannerOptions planner;
  // A node that has not reported for so long is down.
  Duration down_after = std::chrono::seconds(5);
  // A node that left and is silent for so long is gone, and not just being restarted.
  Duration gone_after = std::chrono::seconds(15);
  // Over which load is averaged (node/load_watch.h).
  Duration load_span = std::chrono::seconds(30);
  // Whether it begins anything itself. What is under way is carried on in any case.
  bool plans = true;
};

class Balancer {
 public:
  struct Port {
    std::function<void(NodeId leader, const ShardOrder& order)> send;
    // Has the directory write down what begins and ends; then it says whether that is durable.
    std::function<void(kv::OperationNews news, std::function<void(bool ok)> done)> record;
    // A node that was to leave has nothing any more, and is silent.
    std::function<void(NodeId node)> forget;
  };

  Balancer(const BalancerOptions& options, Logger& logger, Port port)
      : options_(options), logger_(logger), port_(std::move(port)), loads_(options.load_span) {}
  ~Balancer() { *alive_ = false; }

  // On every tick while this node leads the directory and has loaded it. Every shard is to have so
  // many replicas.
  void Tick(const ClusterSight& sight, uint32_t replicas);
  // The directory is gone, with the leadership or for a moment: a change of it came to no known
  // end.
  void Forget();

  // For a look at all that it would do if nothing else happened; begins nothing. kUnavailable until
  // it has heard of all nodes that live and taken up what is under way.
  absl::StatusOr<PlanBasis> Basis(const ClusterSight& sight, uint32_t replicas) const;

  // The operation that a person's step would be, to be written down. kUnavailable as above;
  // kNotFound: there is no such shard; and as of CheckAsked.
  absl::StatusOr<kv::OperationRecord> Asked(const sharding::Step& step,
                                            const ClusterSight& sight) const;

  const std::map<ShardId, StepUnderWay>& under_way() const { return under_way_; }

 private:
  using Shards = std::map<ShardId, ShardReport>;

  bool HasHeardAll(const ClusterSight& sight) const {
    return sight.now >= sight.leading_since + options_.down_after;
  }
  // As a new leader, unless it is one no longer.
  void BeginAnew(MonoTime leading_since);
  // What the directory says is under way, and what it says has ended.
  void TakeUp(const ClusterSight& sight);
  void TakeUp(const kv::OperationRecord& record, const ClusterSight& sight);
  void DropEnded(const kv::Directory& directory);
  void Measure(const Shards& shards, MonoTime now);
  void EndSteps(const ClusterSight& sight, const Shards& shards);
  void End(ShardId shard, StepUnderWay& under_way, StepEnd end, MonoTime now);
  // As the planner is to see it: what was tried in vain, or called off, not long ago is ruled out.
  sharding::ClusterView View(const ClusterSight& sight, const Shards& shards,
                             uint32_t replicas) const;
  // Leaders are weighed when the load of every shard is known, and not before.
  void Weigh(const ClusterSight& sight, sharding::ClusterView& view) const;
  void AdoptLearners(const ClusterSight& sight, const Shards& shards,
                     const sharding::ClusterView& view);
  void BeginSteps(const Shards& shards, const sharding::ClusterView& view, MonoTime now);
  void Begin(const sharding::Step& step, std::string_view cause, const ShardReport& shard,
             MonoTime now);
  void Record(WallTime now);
  void OnRecorded(bool ok);
  void SendOrders(const ClusterSight& sight, const Shards& shards);
  bool IsUp(NodeId node, const ClusterSight& sight) const;
  void ForgetNodes(const ClusterSight& sight, const Shards& shards);

  const BalancerOptions options_;
  Logger& logger_;
  const Port port_;
  std::map<ShardId, StepUnderWay> under_way_;
  // To be written down, and whether something is being written: one thing after the other.
  kv::OperationNews news_;
  bool recording_ = false;
  // What was tried in vain, and until when it is not tried again; expired ones go on every look.
  std::map<std::pair<ShardId, NodeId>, MonoTime> avoided_;
  // Since when this node leads the directory, for what is known of that time alone: all below.
  MonoTime leading_since_;
  LoadWatch loads_;
  // Whose leader was moved for its load, and until when that is not done again: however load
  // swings, a shard's writes seldom wait for it. Expired ones go on every look.
  std::map<ShardId, MonoTime> settled_;
  MonoTime next_look_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_BALANCER_H_
