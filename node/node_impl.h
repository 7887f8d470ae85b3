// The node's composition and its loop: inputs touch replicas, and at the end of each turn every
// touched replica does what it must, the log is submitted once, and one message goes to each peer.
#ifndef FLOTILLA_NODE_NODE_IMPL_H_
#define FLOTILLA_NODE_NODE_IMPL_H_

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "node/balancer.h"
#include "node/cluster_join.h"
#include "node/data_folder.h"
#include "node/directory_keeper.h"
#include "node/directory_reporter.h"
#include "node/forwarder.h"
#include "node/node.h"
#include "node/node_metrics.h"
#include "node/outbox.h"
#include "node/replica.h"
#include "node/replica_context.h"
#include "node/replica_reopen.h"
#include "node/replica_start.h"
#include "node/request_budget.h"
#include "node/snapshot_limits.h"

namespace flotilla::node {

class NodeImpl final : public Node, public ClusterJoin::Listener {
 public:
  NodeImpl(NodeOptions options, NodeEnvironment env);
  ~NodeImpl() override;

  // Reads the folder, opens the log and every replica in it. Once, first.
  absl::Status Open();

  void Write(WriteRequest request, WriteDone done) override;
  void Read(ReadRequest request, ReadDone done) override;
  void ChangeMembership(ShardId shard, const raft::ConfigurationChange& change,
                        absl::AnyInvocable<void(absl::Status)> done) override;
  void TransferLeadership(ShardId shard, NodeId target,
                          absl::AnyInvocable<void(absl::Status)> done) override;
  void SplitShard(ShardId shard, const kv::SplitShard& split,
                  absl::AnyInvocable<void(absl::Status)> done) override;
  void SetNodeDuty(NodeId node, sharding::NodeDuty duty,
                   absl::AnyInvocable<void(absl::Status)> done) override;
  absl::StatusOr<std::vector<OperationStatus>> Operations() const override;
  void BeginOperation(const sharding::Step& step,
                      absl::AnyInvocable<void(absl::StatusOr<kv::OperationId>)> done) override;
  void CancelOperation(kv::OperationId operation,
                       absl::AnyInvocable<void(absl::Status)> done) override;
  void PlanChanges(const std::vector<DutyChange>& changes,
                   absl::AnyInvocable<void(absl::StatusOr<PlanPreview>)> done) override;
  void Stop(Duration limit, Task done) override;
  NodeStatus Status() const override;
  Route RouteOf(std::string_view key) const override;
  std::vector<std::pair<sharding::ShardDescriptor, Route>> ShardMap() const override;
  bool Ready() const override;

  absl::StatusOr<std::string> OnExchange(std::string_view hello) override;
  absl::StatusOr<NodeId> OnHandshake(std::string_view hello) override;
  std::string LocalHello() override;
  void OnPeerMessage(NodeId from, PeerChannel channel, std::string_view bytes) override;
  void OnPeerConnected(NodeId node) override;
  void OnPeerLost(NodeId node) override;

  // ClusterJoin::Listener.
  void OnJoined() override;
  void OnPeerAddress(const NodeAddress& peer) override;
  bool IsConnected(NodeId peer) const override { return connected_.contains(peer); }
  std::vector<std::string> ListedAddresses() const override;
  void OnJoinFailed(absl::Status status) override;

 private:
  struct FailedReplica {
    ReplicaId replica;
    Generation generation;
    absl::Status why;
    // When MayPass(why): not before this it is opened again.
    MonoTime retry_at;
  };

  // The loop (node_impl.cc).
  // What a replica calls about itself; the handler, which may destroy it, runs after it has
  // returned.
  std::function<void(ShardId, ReplicaId)> Later(void (NodeImpl::*handler)(ShardId, ReplicaId));
  void Touch(ShardId shard);
  void ScheduleTurn();
  void Turn();
  void Tick();
  void CheckDisk();
  void OnDiskChecked(absl::StatusOr<uint64_t> free_bytes);
  void Fatal(absl::Status status);
  void StopWhenIdle(MonoTime limit, Task done);

  // Requests (node_requests.cc).
  std::optional<Error> Admit(const RequestContext& context, Action action, const Target& target,
                             std::string_view key) const;
  Replica* FindReplica(ShardId shard) const;
  // Null when there is none; `refuse` was told so then.
  Replica* FindReplicaOr(ShardId shard, absl::AnyInvocable<void(absl::Status)>& refuse) const;
  Replica* ReplicaOwning(sharding::Slot slot) const;
  Replica* ReplicaFor(const Target& target, std::string_view key) const;
  // Of a range that names none: an error where the keys of the only shard here are not all.
  std::optional<Error> NameOnlyShard(Target& target, uint64_t& version) const;
  std::optional<Error> NameShardOf(sharding::Slot slot, Target& target) const;
  std::optional<Error> NameShardOfPage(Target& target, kv::ScanPage& page) const;
  // Why no replica here takes the request.
  Error NoReplica(const Target& target, std::string_view key) const;
  Error Elsewhere(const Target& target, std::string_view key) const;

  // The directory of nodes and shards (node_directory.cc).
  void OpenDirectory();
  void TickDirectory();
  void TickBalancer();
  // What the balancer sees; the directory is the one that is led here, or as it might become.
  // Without the directory's own shard:
  ClusterSight Sight(const kv::Directory& directory) const;
  // With it. Only where there is a replica of it that works.
  ClusterSight SightOfBalancer(const kv::Directory& directory) const;
  DirectoryStatus StatusOfDirectory() const;
  void Obey(const ShardOrder& order);
  void OpenBalancer();
  // Null where there is none that works.
  Replica* DirectoryReplica() const;
  NodeId DirectoryLeader() const;
  uint32_t ReplicasWanted() const;
  void RecordOperations(kv::OperationNews news, std::function<void(bool ok)> done);
  absl::Status NotTheDirectorysLeader() const;
  void ForgetNode(NodeId node);
  DirectoryReport MakeReport() const;
  void SendReport(NodeId to, const DirectoryReport& report);
  void OnDirectoryReport(NodeId from, DirectoryReport report);
  void OnDirectoryUpdate(NodeId from, const DirectoryUpdate& update);
  void Tell(NodeId to, const DirectoryUpdate& update);
  void ReadDirectory(kv::ScanPage page, ReadDone done);
  void WriteDirectory(kv::Operation operation, WriteDone done);
  std::string ClientAddressOf(NodeId node) const;
  Route RouteTo(const sharding::MappedShard& shard) const;
  // What the directory said of the shard that is meant; null when nothing.
  const sharding::MappedShard* Mapped(const Target& target, std::string_view key) const;
  // Whom to forward a request to that no replica here can take; none when nobody.
  NodeId RemoteLeader(const Target& target, std::string_view key) const;

  // Replicas come and go (node_replicas.cc).
  void OpenReplicas(const storage::Recovery& recovery);
  void FoundMissingReplicas();
  void Found(const sharding::ShardDescriptor& shard);
  void Run(ReplicaStart start);
  void Deliver(NodeId from, PeerItem item);
  void DeliverRaft(NodeId from, raft::Message message);
  bool MayBecome(ShardId shard, ReplicaId replica) const;
  void OnMembershipQuestion(NodeId from, const MembershipQuestion& question);
  void OnMembershipAnswer(const MembershipAnswer& answer);
  void CreateReplica(ShardId shard, ReplicaId replica);
  bool WasRemoved(ShardId shard, ReplicaId replica) const;
  bool IsSettled(ShardId shard, ReplicaId replica) const;
  // Whether a shard of this id was ever heard of here.
  bool IsTaken(ShardId shard) const;
  bool IsAwaitedFromParent(const MembershipAnswer& answer) const;
  void RunChild(ReplicaStart start, ShardId parent, bool campaign);
  void RemoveReplica(ShardId shard, ReplicaId replica);
  // In the background; what fails goes at the next start.
  void RemoveFolder(std::string folder);
  void AskAboutReplicas();
  void OnReplicaFailed(ShardId shard, ReplicaId replica);
  void Failed(ShardId shard, ReplicaId replica, Generation generation, absl::Status why);
  void ReopenReplicas();

  NodeOptions options_;
  NodeEnvironment env_;
  Random random_;
  MetricsRegistry unseen_metrics_;  // counted into when the environment wants none
  NodeMetrics metrics_;
  SnapshotLimits snapshot_limits_;
  NodePhase phase_ = NodePhase::kStarting;
  std::string detail_;

  // Of all requests that are accepted and not answered. Outlives whatever holds one.
  RequestBudget budget_;

  std::unique_ptr<DataFolder> folder_;
  std::unique_ptr<storage::Log> log_;
  Outbox outbox_;
  Forwarder forwarder_;
  std::unique_ptr<ReplicaContext> context_;
  std::unique_ptr<ClusterJoin> join_;
  std::unique_ptr<DirectoryReporter> reporter_;
  std::unique_ptr<DirectoryKeeper> keeper_;
  std::unique_ptr<Balancer> balancer_;
  std::unique_ptr<Sequence> cleanup_;
  bool log_marked_ = false;
  std::unique_ptr<Sequence> disk_check_;
  // Makes the plans that are only shown, one at a time.
  std::unique_ptr<Sequence> preview_;
  bool previewing_ = false;

  // Shared with callbacks that hold weak references.
  std::map<ShardId, std::shared_ptr<Replica>> replicas_;
  // Replicas that do not run: those that may be opened again later, and those that must not run any
  // more, whose place only a new one under a new id can take.
  std::map<ShardId, FailedReplica> failed_;
  std::map<ShardId, ReopenBackoff> reopen_backoffs_;
  // Being written for the first time, or opened again; not in replicas_ yet. Holds what does the
  // work.
  std::map<ShardId, std::shared_ptr<void>> starting_;
  // No replica of the group with a lower id may ever run here.
  std::map<ShardId, ReplicaId> lowest_allowed_;

  std::map<NodeId, NodeAddress> peers_;
  std::set<NodeId> connected_;

  // Replicas with work for the next turn, in the order in which they got it, once each.
  std::vector<ShardId> touched_;
  bool turn_scheduled_ = false;
  TimerId tick_timer_ = 0;
  uint64_t ticks_ = 0;
  bool fatal_ = false;
  // Guards callbacks that outlive the node.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_NODE_IMPL_H_
