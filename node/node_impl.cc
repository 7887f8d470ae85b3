#include "node/node_impl.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/status_macros.h"
#include "node/address_codec.h"
#include "node/errors.h"

namespace flotilla::node {

namespace {

// How often the free space is looked at, and the log's budget.
constexpr uint64_t kTicksBetweenDiskChecks = 10;
constexpr uint64_t kTicksBetweenLogChecks = 5;
// How often replicas that could not be founded (a full disk) are tried again, and leaders are asked
// to replace those that failed.
constexpr uint64_t kTicksBetweenFoundings = 20;
constexpr Duration kStopPoll = std::chrono::milliseconds(5);

Hello HelloOf(const NodeOptions& options, const DataFolder& folder) {
  Hello hello;
  hello.self = {.node = options.node,
                .incarnation = folder.identity().incarnation,
                .peer_address = options.advertise_peer,
                .client_address = options.advertise_client};
  hello.initial_nodes = options.initial_nodes;
  hello.plan = {.shards = options.initial_shards,
                .replicas = options.replicas,
                .limits = options.limits,
                .session_limits = options.session_limits};
  hello.join = options.join;
  std::sort(hello.join.begin(), hello.join.end());
  return hello;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Node>> Node::Start(NodeOptions options, NodeEnvironment env) {
  auto node = std::make_unique<NodeImpl>(std::move(options), std::move(env));
  FLOTILLA_RETURN_IF_ERROR(node->Open());
  return node;
}

std::string_view ToString(NodePhase phase) {
  switch (phase) {
    case NodePhase::kStarting:
      return "starting";
    case NodePhase::kJoining:
      return "joining";
    case NodePhase::kServing:
      return "serving";
    case NodePhase::kStopping:
      return "stopping";
    case NodePhase::kFailed:
      return "failed";
  }
  return "unknown";
}

NodeImpl::NodeImpl(NodeOptions options, NodeEnvironment env)
    : options_(std::move(options)),
      env_(std::move(env)),
      random_(env_.seed),
      metrics_(env_.metrics != nullptr ? *env_.metrics : unseen_metrics_),
      snapshot_limits_(options_, env_),
      budget_(options_.max_pending_requests, options_.max_pending_bytes),
      outbox_(env_.transport, env_.clock),
      forwarder_(outbox_, random_.Next() >> 1) {}

NodeImpl::~NodeImpl() {
  *alive_ = false;
  env_.executor.Cancel(tick_timer_);
}

absl::Status NodeImpl::Open() {
  FLOTILLA_ASSIGN_OR_RETURN(
      folder_, DataFolder::Open(env_.disk, options_.data_folder, options_.node, random_));
  FLOTILLA_RETURN_IF_ERROR(folder_->CheckLogIsThere());
  options_.log.folder = folder_->LogPath();
  options_.log.node = options_.node;
  options_.log.incarnation = folder_->identity().incarnation;
  storage::Recovery recovery;
  FLOTILLA_ASSIGN_OR_RETURN(
      log_, storage::Log::Open(
                options_.log, env_.disk, env_.clock, env_.executor, env_.sequences, random_.Split(),
                env_.logger, [this](absl::Status status) { Fatal(std::move(status)); }, &recovery));
  if (recovery.groups.empty() && recovery.tombstones.empty()) {
    FLOTILLA_RETURN_IF_ERROR(folder_->CheckEmptyLogIsNew());
  }
  Generation newest;
  for (const storage::RecoveredGroup& group : recovery.groups) {
    newest = std::max(newest, group.generation);
  }
  cleanup_ = env_.sequences.NewSequence(SequenceSource::Use::kBulk, env_.executor);
  // Bulk work may take minutes: too long to wait with a look at the free space.
  disk_check_ = env_.sequences.NewSequence(SequenceSource::Use::kRead, env_.executor);
  preview_ = env_.sequences.NewSequence(SequenceSource::Use::kRead, env_.executor);
  context_ = std::make_unique<ReplicaContext>(
      ReplicaContext{.options = options_,
                     .env = env_,
                     .folder = *folder_,
                     .log = *log_,
                     .outbox = outbox_,
                     .forwarder = forwarder_,
                     .metrics = metrics_,
                     .snapshots = snapshot_limits_,
                     .touch = [this](ShardId shard) { Touch(shard); },
                     .client_address = std::bind_front(&NodeImpl::ClientAddressOf, this),
                     .incarnation =
                         [this](NodeId node) {
                           if (node == options_.node) return folder_->identity().incarnation;
                           const auto peer = peers_.find(node);
                           return peer == peers_.end() ? Incarnation() : peer->second.incarnation;
                         },
                     .removed = Later(&NodeImpl::RemoveReplica),
                     .is_settled = std::bind_front(&NodeImpl::IsSettled, this),
                     .run_child = std::bind_front(&NodeImpl::RunChild, this),
                     .remove_folder = std::bind_front(&NodeImpl::RemoveFolder, this),
                     .failed = Later(&NodeImpl::OnReplicaFailed),
                     .next_transfer = random_.Next() >> 1,
                     .next_generation = newest.next()});
  OpenDirectory();
  OpenReplicas(recovery);

  join_ = std::make_unique<ClusterJoin>(HelloOf(options_, *folder_), *folder_, env_.clock,
                                        env_.executor, env_.transport, env_.logger, random_.Split(),
                                        *this);
  // After a restart its replicas take part at once; peers are found meanwhile.
  phase_ = join_->joined() ? NodePhase::kServing : NodePhase::kJoining;
  join_->Start();
  Tick();
  return absl::OkStatus();
}

std::function<void(ShardId, ReplicaId)> NodeImpl::Later(void (NodeImpl::*handler)(ShardId,
                                                                                  ReplicaId)) {
  return [this, handler](ShardId shard, ReplicaId replica) {
    env_.executor.Post([this, alive = std::weak_ptr<bool>(alive_), handler, shard, replica] {
      if (!alive.expired()) (this->*handler)(shard, replica);
    });
  };
}

void NodeImpl::Touch(ShardId shard) {
  if (std::find(touched_.begin(), touched_.end(), shard) == touched_.end()) {
    touched_.push_back(shard);
  }
  ScheduleTurn();
}

void NodeImpl::ScheduleTurn() {
  if (turn_scheduled_ || fatal_) return;
  turn_scheduled_ = true;
  env_.executor.Post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) Turn();
  });
}

void NodeImpl::Turn() {
  turn_scheduled_ = false;
  for (const ShardId shard : std::exchange(touched_, {})) {
    if (Replica* replica = FindReplica(shard)) replica->Turn();
  }
  log_->Submit();
  outbox_.Flush();
}

void NodeImpl::Tick() {
  if (fatal_) return;
  ++ticks_;
  // A copy: what a replica does on a tick may remove it.
  const std::map<ShardId, std::shared_ptr<Replica>> replicas = replicas_;
  for (const auto& [shard, replica] : replicas) replica->Tick();
  forwarder_.Expire(env_.clock.Now());
  TickDirectory();
  ReopenReplicas();
  if (ticks_ % kTicksBetweenDiskChecks == 0) CheckDisk();
  if (ticks_ % kTicksBetweenLogChecks == 0) {
    for (const ShardId shard : log_->GroupsPinningOldest()) {
      if (Replica* replica = FindReplica(shard)) {
        replica->ShrinkLog();
      } else {
        // Only its tombstone is left, which nobody else moves out of the oldest segments.
        log_->Rewrite(shard, [] {});
      }
    }
  }
  if (phase_ == NodePhase::kServing && ticks_ % kTicksBetweenFoundings == 0) {
    FoundMissingReplicas();
    AskAboutReplicas();
  }
  ScheduleTurn();
  // From now, not from when it was due: after a pause one tick is enough (etcd#9939 asks for missed
  // ticks to be noticed, but a burst of them would only start elections).
  tick_timer_ = env_.executor.PostAt(env_.clock.Now() + options_.tick,
                                     [this, alive = std::weak_ptr<bool>(alive_)] {
                                       if (!alive.expired()) Tick();
                                     });
}

void NodeImpl::CheckDisk() {
  auto free_bytes = std::make_shared<absl::StatusOr<uint64_t>>();
  disk_check_->Run([disk = &env_.disk, path = options_.data_folder,
                    free_bytes] { *free_bytes = disk->FreeBytes(path); },
                   [this, alive = std::weak_ptr<bool>(alive_), free_bytes] {
                     if (!alive.expired()) OnDiskChecked(std::move(*free_bytes));
                   });
}

void NodeImpl::OnDiskChecked(absl::StatusOr<uint64_t> free_bytes) {
  if (!free_bytes.ok()) return;
  const bool low = *free_bytes < options_.disk_reserve_bytes;
  if (low == context_->disk_low) return;
  context_->disk_low = low;
  if (low) {
    env_.logger.Error(
        "disk_low", {{"free_bytes", *free_bytes}, {"reserve_bytes", options_.disk_reserve_bytes}});
  } else {
    env_.logger.Info("disk_recovered", {{"free_bytes", *free_bytes}});
  }
  for (const auto& [shard, replica] : replicas_) Touch(shard);
}

void NodeImpl::Fatal(absl::Status status) {
  if (std::exchange(fatal_, true)) return;
  phase_ = NodePhase::kFailed;
  detail_ = std::string(StdView(status.message()));
  env_.logger.Error("node_failed", {{"error", detail_}});
  env_.on_fatal(std::move(status));
}

void NodeImpl::OnJoined() {
  if (phase_ == NodePhase::kStopping || phase_ == NodePhase::kFailed) return;
  phase_ = NodePhase::kServing;
  for (const auto& [node, address] : peers_) env_.transport.SetPeer(node, address.peer_address);
  FoundMissingReplicas();
}

void NodeImpl::OnJoinFailed(absl::Status status) { Fatal(std::move(status)); }

void NodeImpl::OnPeerAddress(const NodeAddress& peer) {
  peers_[peer.node] = peer;
  if (join_->joined()) env_.transport.SetPeer(peer.node, peer.peer_address);
}

absl::StatusOr<std::string> NodeImpl::OnExchange(std::string_view bytes) {
  FLOTILLA_ASSIGN_OR_RETURN(const Hello hello, DecodeHello(bytes));
  FLOTILLA_ASSIGN_OR_RETURN(const Hello reply, join_->OnExchange(hello));
  return EncodeHello(reply);
}

absl::StatusOr<NodeId> NodeImpl::OnHandshake(std::string_view bytes) {
  FLOTILLA_ASSIGN_OR_RETURN(const Hello hello, DecodeHello(bytes));
  // Teaches where the peer is, and refuses whom CheckPeer refuses.
  FLOTILLA_RETURN_IF_ERROR(join_->OnExchange(hello).status());
  if (!join_->joined() || hello.cluster != folder_->identity().cluster) {
    return absl::FailedPreconditionError("the two nodes are not of one cluster yet");
  }
  return hello.self.node;
}

std::string NodeImpl::LocalHello() { return EncodeHello(join_->LocalHello()); }

void NodeImpl::OnPeerConnected(NodeId node) {
  connected_.insert(node);
  env_.logger.Info("peer_connected", {{"peer", node}});
}

void NodeImpl::OnPeerLost(NodeId node) {
  if (connected_.erase(node) > 0) env_.logger.Warning("peer_lost", {{"peer", node}});
  forwarder_.OnPeerLost(node);
  for (const auto& [shard, replica] : replicas_) replica->OnPeerLost(node);
}

void NodeImpl::Stop(Duration limit, Task done) {
  phase_ = NodePhase::kStopping;
  env_.logger.Info("node_stopping");
  for (const auto& [shard, replica] : replicas_) replica->GiveUpLeadership();
  StopWhenIdle(env_.clock.Now() + limit, std::move(done));
}

void NodeImpl::StopWhenIdle(MonoTime limit, Task done) {
  const bool handing_over =
      std::any_of(replicas_.begin(), replicas_.end(),
                  [](const auto& replica) { return replica.second->IsHandingOver(); });
  if ((handing_over || budget_.requests() > 0) && env_.clock.Now() < limit) {
    env_.executor.PostAt(env_.clock.Now() + kStopPoll, [this, alive = std::weak_ptr<bool>(alive_),
                                                        limit, done = std::move(done)]() mutable {
      if (!alive.expired()) StopWhenIdle(limit, std::move(done));
    });
    return;
  }
  for (const auto& [shard, replica] : replicas_) replica->FailAll(ShuttingDown());
  replicas_.clear();
  starting_.clear();
  // After the replicas: a write that did not happen would wait there for the next leader.
  forwarder_.FailAll(ShuttingDown());
  env_.executor.Cancel(tick_timer_);
  outbox_.Flush();
  fatal_ = true;  // no turn any more: the log is closing
  log_->Close(std::move(done));
}

NodeStatus NodeImpl::Status() const {
  NodeStatus status;
  status.self = join_->LocalHello().self;
  status.cluster = folder_->identity().cluster;
  status.phase = phase_;
  status.detail = detail_.empty() ? join_->Describe() : detail_;
  for (const auto& [node, address] : peers_) status.peers.push_back(address);
  status.connected.assign(connected_.begin(), connected_.end());
  status.directory = StatusOfDirectory();
  const auto list = [&status](ReplicaStatus replica) {
    if (replica.shard == kv::kDirectoryShard) {
      status.directory.replica = std::move(replica);
    } else {
      status.replicas.push_back(std::move(replica));
    }
  };
  for (const auto& [shard, replica] : replicas_) list(replica->Status());
  for (const auto& [shard, failed] : failed_) {
    ReplicaStatus replica;
    replica.shard = shard;
    replica.raft.self = {options_.node, failed.replica};
    replica.failed = true;
    replica.failure = std::string(StdView(failed.why.message()));
    list(std::move(replica));
  }
  status.log = log_->Status();
  status.log.disk_full = status.log.disk_full || context_->disk_low;
  return status;
}

bool NodeImpl::Ready() const {
  return phase_ == NodePhase::kServing && failed_.empty() && starting_.empty() &&
         !replicas_.empty() &&
         std::all_of(replicas_.begin(), replicas_.end(),
                     [](const auto& replica) { return replica.second->HasLeader(); });
}

}  // namespace flotilla::node
