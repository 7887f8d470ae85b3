// Balancers without nodes: one shard that obeys what they order, as its leader would, and the
// directory in which they record it. Several may lead it one after the other; what they write down,
// and what they order, may get lost.
#ifndef FLOTILLA_TESTS_NODE_BALANCER_RIG_H_
#define FLOTILLA_TESTS_NODE_BALANCER_RIG_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/logger.h"
#include "node/balancer.h"

namespace flotilla::node {

// Shard 1 on nodes 1, 2 and 3, led by node 1, in a cluster of four. Every shard is to have three
// replicas.
class BalancerRig {
 public:
  static constexpr ShardId kShard{1};

  BalancerRig();

  // Another node leads the directory from now on; what the last one knew is gone. So long after
  // that it looks first.
  void Elect(bool plans = true, Duration hears = std::chrono::seconds(10));
  // Time passes and the leader looks, once. Records and orders take effect unless they are held.
  void Look(Duration later = std::chrono::seconds(1));
  // Time passes, and nobody looks.
  void Wait(Duration time) { now_ += time; }
  // Until no operation runs; false when that takes more than so many looks.
  bool Settle(int looks = 300);
  void SetDuty(uint64_t node, sharding::NodeDuty duty);
  absl::Status Cancel(uint64_t operation);
  // As Node::BeginOperation; the operation's number.
  absl::StatusOr<uint64_t> Ask(const sharding::Step& step);
  // What the leader would do if nodes had these duties. Nothing happens meanwhile.
  absl::StatusOr<PlanPreview> Preview(const std::vector<DutyChange>& changes = {}) const;

  // The outcome of the record that is being written.
  void FinishRecord(bool durable, bool known = true);
  bool is_recording() const { return recording_.has_value(); }

  // Of the shard.
  std::vector<uint64_t> Voters() const { return Members(sharding::ReplicaRole::kVoter); }
  std::vector<uint64_t> Learners() const { return Members(sharding::ReplicaRole::kLearner); }
  sharding::ShardClaim& claim() { return report_.claim; }
  ShardReport& report() { return report_; }
  void SetMembers(const std::vector<uint64_t>& voters, const std::vector<uint64_t>& learners = {});
  void Obey(const ShardOrder& order);

  const kv::Directory& directory() const { return directory_; }
  kv::OperationRecord operation(uint64_t id) const {
    return directory_.operations().at(kv::OperationId(id));
  }
  kv::OperationState state(uint64_t id) const { return operation(id).state; }
  const std::map<ShardId, StepUnderWay>& under_way() const { return balancer_->under_way(); }

  bool hold_records = false;  // until FinishRecord
  bool lose_orders = false;
  bool fills = true;  // learners catch up
  // A joint configuration stays in force until this is cleared.
  bool stay_joint = false;
  std::vector<ShardOrder> orders;  // all of them, lost ones too
  std::map<uint64_t, bool> silent;

 private:
  struct Recording {
    kv::OperationNews news;
    std::function<void(bool)> done;
  };

  std::vector<uint64_t> Members(sharding::ReplicaRole role) const;
  void Change(const absl::StatusOr<kv::DirectoryChange>& change);
  void Report();
  ClusterSight Sight(const kv::Directory& directory) const;

  NullLogger logger_;
  kv::Directory directory_;
  ShardReport report_;
  std::map<NodeId, DirectoryKeeper::Heard> heard_;
  MonoTime now_{std::chrono::hours(1)};
  MonoTime leading_since_;
  std::optional<Recording> recording_;
  std::unique_ptr<Balancer> balancer_;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_TESTS_NODE_BALANCER_RIG_H_
