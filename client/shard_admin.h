// An operator's operations on shards and nodes, over a channel to the cluster. Each looks at what
// is there, takes one step, and looks again, until the goal is reached. What takes long the cluster
// carries out by itself; here it is only watched.
#ifndef FLOTILLA_CLIENT_SHARD_ADMIN_H_
#define FLOTILLA_CLIENT_SHARD_ADMIN_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "client/admin_channel.h"
#include "flotilla/admin.h"

namespace flotilla::client {

// Whether another try of what was refused so may succeed without anybody's doing.
bool MayPass(const Status& status);

// As thread-safe as its channel is.
class ShardAdmin final : public Admin {
 public:
  ShardAdmin(AdminOptions options, std::unique_ptr<AdminChannel> channel);

  using Admin::SplitShard;
  ClusterStatus DescribeCluster() override { return channel_->Describe(); }
  StatusOr<SplitResult> SplitShard(uint64_t shard, SplitOptions options) override;
  Status TransferLeadership(uint64_t shard, uint64_t node) override;
  Status AddReplica(uint64_t shard, uint64_t node) override;
  Status RemoveReplica(uint64_t shard, uint64_t node) override;
  Status MoveReplica(uint64_t shard, uint64_t from, uint64_t to) override;
  Status SetNodeDuty(uint64_t node, NodeDuty duty) override;
  Status AwaitEmptyNode(uint64_t node) override;
  StatusOr<std::vector<ClusterOperation>> ListOperations() override;
  Status CancelOperation(uint64_t operation) override;
  StatusOr<ClusterPlan> PlanChanges(const std::vector<NodeDutyChange>& changes) override;

 private:
  using Call = std::function<AdminReply(const std::string& endpoint)>;

  // How long an operation has come no nearer to its end, and why.
  struct Patience {
    MonoTime until;
    Status last_error;  // what was in the way last
  };

  Patience NewPatience() { return {channel_->Now() + options_.timeout, Status()}; }
  void Renew(Patience& patience) { patience.until = channel_->Now() + options_.timeout; }
  // Waits before the next look. An error when patience is at its end.
  Status Rest(const Patience& patience, uint64_t shard, const std::string& what);

  // Begins the operation, unless there is nothing left to do, and waits for its end.
  Status Carry(const ReplicaChange& change);
  Status AwaitOperation(uint64_t operation, uint64_t shard);
  // Calls the leader, following where nodes send it.
  AdminReply CallLeader(const ClusterStatus& cluster, uint64_t leader, const Call& call);
  // Calls whoever leads the directory, again and again while that may help.
  AdminReply AskDirectory(const Call& call);

  StatusOr<ShardCut> PlanSplit(uint64_t shard, const SplitOptions& options);
  StatusOr<SplitResult> AwaitHalves(const ShardCut& cut);

  const AdminOptions options_;
  const std::unique_ptr<AdminChannel> channel_;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_SHARD_ADMIN_H_
