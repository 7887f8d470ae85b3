// How the node takes part in the directory: it reports to whoever leads it, leads it when it is its
// turn, and finds shards by its copy of the map.
#include <algorithm>
#include <utility>

#include "node/errors.h"
#include "node/node_impl.h"
#include "node/replica_start.h"

namespace flotilla::node {

namespace {

// For a page of the directory's rows.
constexpr Duration kLoadLimit = std::chrono::seconds(10);

}  // namespace

void NodeImpl::OpenDirectory() {
  OpenBalancer();
  keeper_ = std::make_unique<DirectoryKeeper>(
      options_.node, env_.clock, env_.logger,
      DirectoryKeeper::Port{
          .read = std::bind_front(&NodeImpl::ReadDirectory, this),
          .write = std::bind_front(&NodeImpl::WriteDirectory, this),
          .send = [this](NodeId to, const DirectoryUpdate& update) { Tell(to, update); }});
  reporter_ = std::make_unique<DirectoryReporter>(
      options_.node, env_.clock, env_.logger,
      [this](NodeId to, const DirectoryReport& report) { SendReport(to, report); });
}

void NodeImpl::OpenBalancer() {
  BalancerOptions options;
  options.planner.dead_after = options_.dead_after;
  options.gone_after = options_.gone_after;
  options.planner.split_bytes = options_.split_bytes;
  options.planner.split_load = options_.split_load;
  options.planner.least_load = options_.least_load;
  options.load_span = options_.load_span;
  options.planner.max_shards = options_.max_shards;
  options.plans = options_.balance;
  balancer_ = std::make_unique<Balancer>(
      options, env_.logger,
      Balancer::Port{.send =
                         [this](NodeId leader, const ShardOrder& order) {
                           if (leader == options_.node) return Obey(order);
                           outbox_.Add(leader, order);
                           ScheduleTurn();
                         },
                     .record = std::bind_front(&NodeImpl::RecordOperations, this),
                     .forget = std::bind_front(&NodeImpl::ForgetNode, this)});
}

void NodeImpl::TickBalancer() {
  if (keeper_->directory() == nullptr) return balancer_->Forget();
  if (DirectoryReplica() == nullptr) return;
  balancer_->Tick(SightOfBalancer(*keeper_->directory()), ReplicasWanted());
}

ClusterSight NodeImpl::SightOfBalancer(const kv::Directory& directory) const {
  std::vector<ShardReport> own = DirectoryReplica()->Report();
  // It has three replicas, however few the others have, and is never split.
  if (!own.empty()) {
    own.front().claim.counters = {};
    own.front().load_sample = {};
  }
  if (ReplicasWanted() < 3) own.clear();
  ClusterSight sight = Sight(directory);
  if (!own.empty()) sight.directory_shard = std::move(own.front());
  return sight;
}

ClusterSight NodeImpl::Sight(const kv::Directory& directory) const {
  return {.directory = directory,
          .heard = keeper_->heard(),
          .leading_since = keeper_->leading_since(),
          .now = env_.clock.Now(),
          .directory_shard = std::nullopt,
          .wall_now = env_.clock.WallNow()};
}

DirectoryStatus NodeImpl::StatusOfDirectory() const {
  DirectoryStatus status;
  status.leader = DirectoryLeader();
  status.map_version = reporter_->map().version();
  status.replicas_wanted = ReplicasWanted();
  for (const auto& [node, record] : reporter_->nodes()) status.nodes.push_back(record);
  if (keeper_->directory() == nullptr) return status;
  const ClusterSight sight = Sight(*keeper_->directory());
  for (const auto& [node, record] : sight.directory.nodes()) {
    status.heard.push_back({node, SilenceOf(node, sight)});
  }
  for (const auto& [shard, step] : balancer_->under_way()) {
    status.under_way.push_back({.step = ToString(step.step),
                                .shard = shard,
                                .since = sight.now - step.begun,
                                .operation = step.operation,
                                .progress = ProgressOf(step)});
  }
  return status;
}

uint32_t NodeImpl::ReplicasWanted() const {
  const Identity& identity = folder_->identity();
  return identity.plan.replicas > 0 ? identity.plan.replicas
                                    : static_cast<uint32_t>(identity.founders.size());
}

void NodeImpl::Obey(const ShardOrder& order) {
  const auto* split = std::get_if<kv::SplitShard>(&order.what);
  if (split != nullptr && IsTaken(split->child)) return;
  if (Replica* replica = FindReplica(order.shard)) replica->Obey(order);
}

void NodeImpl::ForgetNode(NodeId node) {
  env_.logger.Info("node_forgotten", {{"node", node}});
  keeper_->ForgetNode(node);
  keeper_->Change(
      [node](const kv::Directory& directory) {
        kv::DirectoryChange change;
        if (directory.nodes().contains(node)) change.forgotten = {node};
        return change;
      },
      [](const absl::Status&) {});
}

void NodeImpl::SetNodeDuty(NodeId node, sharding::NodeDuty duty,
                           absl::AnyInvocable<void(absl::Status)> done) {
  if (keeper_->directory() == nullptr) {
    const NodeId leader = DirectoryLeader();
    return done(absl::FailedPreconditionError(leader.is_none() || leader == options_.node
                                                  ? "the directory has no leader now"
                                                  : "node " + ToString(leader) +
                                                        " leads the directory, not this one"));
  }
  keeper_->Change(
      [node, duty](const kv::Directory& directory) -> absl::StatusOr<kv::DirectoryChange> {
        const auto known = directory.nodes().find(node);
        if (known == directory.nodes().end()) {
          return absl::NotFoundError("the cluster has no node " + ToString(node));
        }
        kv::DirectoryChange change;
        if (known->second.duty == duty) return change;
        change.nodes = {known->second};
        change.nodes[0].duty = duty;
        return change;
      },
      [done = std::make_shared<absl::AnyInvocable<void(absl::Status)>>(std::move(done))](
          const absl::Status& status) { (*done)(status); });
}

// One that stopped itself knows nothing of the directory any more.
Replica* NodeImpl::DirectoryReplica() const {
  Replica* const replica = FindReplica(kv::kDirectoryShard);
  return replica == nullptr || replica->failure().has_value() ? nullptr : replica;
}

NodeId NodeImpl::DirectoryLeader() const {
  const Replica* const replica = DirectoryReplica();
  return replica == nullptr ? reporter_->leader() : replica->CurrentRoute().leader;
}

void NodeImpl::TickDirectory() {
  if (phase_ != NodePhase::kServing) return;
  const Replica* const replica = DirectoryReplica();
  const bool leads = replica != nullptr && replica->IsLeader();
  keeper_->Tick(leads ? std::optional(replica->Status().raft.term) : std::nullopt);
  TickBalancer();
  const NodeId leader = replica == nullptr ? NodeId() : replica->CurrentRoute().leader;
  std::vector<NodeId> others;
  if (leader.is_none() && reporter_->leader().is_none()) {
    others.assign(connected_.begin(), connected_.end());
  }
  reporter_->Tick(leader, others, [this] { return MakeReport(); });
}

DirectoryReport NodeImpl::MakeReport() const {
  DirectoryReport report;
  report.self = {.node = options_.node,
                 .incarnation = folder_->identity().incarnation,
                 .peer_address = options_.advertise_peer,
                 .client_address = options_.advertise_client,
                 .zone = options_.zone,
                 .weight = options_.weight};
  for (const auto& [shard, replica] : replicas_) {
    if (shard == kv::kDirectoryShard) continue;
    for (ShardReport& said : replica->Report()) report.shards.push_back(std::move(said));
  }
  return report;
}

void NodeImpl::SendReport(NodeId to, const DirectoryReport& report) {
  if (to == options_.node) return keeper_->OnReport(to, report);
  outbox_.Add(to, report);
  ScheduleTurn();
}

void NodeImpl::OnDirectoryReport(NodeId from, DirectoryReport report) {
  const Replica* const replica = DirectoryReplica();
  if (replica != nullptr && replica->IsLeader()) return keeper_->OnReport(from, std::move(report));
  Tell(from, {.leader = DirectoryLeader(), .news = {}});
}

// Who only points at the leader may be pointed at by nothing but others like it.
void NodeImpl::OnDirectoryUpdate(NodeId from, const DirectoryUpdate& update) {
  const bool news = update.news.has_value() && update.leader == from;
  const bool hint = !update.news.has_value() && connected_.contains(update.leader);
  if (news || hint) reporter_->OnUpdate(update);
}

void NodeImpl::Tell(NodeId to, const DirectoryUpdate& update) {
  if (to == options_.node) return reporter_->OnUpdate(update);
  outbox_.Add(to, update);
  ScheduleTurn();
}

void NodeImpl::ReadDirectory(kv::ScanPage page, ReadDone done) {
  Replica* const replica = FindReplica(kv::kDirectoryShard);
  if (replica == nullptr) return done({.error = NoLeader(), .result = {}, .lag = {}});
  ReadRequest request;
  request.context.deadline = env_.clock.Now() + kLoadLimit;
  request.target = {.shard = kv::kDirectoryShard, .version = 0, .forwarded = true};
  request.read.operation = std::move(page);
  replica->Read(std::move(request), std::move(done), {});
}

void NodeImpl::WriteDirectory(kv::Operation operation, WriteDone done) {
  Replica* const replica = FindReplica(kv::kDirectoryShard);
  if (replica == nullptr) return done({.error = NoLeader(), .result = {}});
  replica->RunCommand(std::move(operation), std::move(done));
}

std::vector<std::string> NodeImpl::ListedAddresses() const {
  std::vector<std::string> addresses;
  for (const auto& [node, record] : reporter_->nodes()) addresses.push_back(record.peer_address);
  return addresses;
}

std::string NodeImpl::ClientAddressOf(NodeId node) const {
  if (node == options_.node) return options_.advertise_client;
  if (const auto peer = peers_.find(node); peer != peers_.end()) return peer->second.client_address;
  const auto known = reporter_->nodes().find(node);
  return known == reporter_->nodes().end() ? std::string() : known->second.client_address;
}

Route NodeImpl::RouteTo(const sharding::MappedShard& shard) const {
  const sharding::ShardClaim& claim = shard.claim;
  return {.shard = claim.descriptor.shard,
          .version = claim.descriptor.version,
          .leader = claim.leader.node,
          .leader_address = ClientAddressOf(claim.leader.node)};
}

const sharding::MappedShard* NodeImpl::Mapped(const Target& target, std::string_view key) const {
  if (!target.shard.is_none()) return reporter_->map().FindShard(target.shard);
  return key.empty() ? nullptr : reporter_->map().Find(sharding::SlotOf(key));
}

// A hop is enough: who is asked in vain says so, and the caller looks at a newer map.
NodeId NodeImpl::RemoteLeader(const Target& target, std::string_view key) const {
  const sharding::MappedShard* const known = target.forwarded ? nullptr : Mapped(target, key);
  if (known == nullptr) return {};
  const NodeId leader = known->claim.leader.node;
  return connected_.contains(leader) ? leader : NodeId();
}

Route NodeImpl::RouteOf(std::string_view key) const {
  if (const Replica* replica = ReplicaOwning(sharding::SlotOf(key))) return replica->CurrentRoute();
  const sharding::MappedShard* const known = Mapped({}, key);
  return known == nullptr ? Route() : RouteTo(*known);
}

// What the replicas here say, where they know as much, else what the directory said.
std::vector<std::pair<sharding::ShardDescriptor, Route>> NodeImpl::ShardMap() const {
  std::map<ShardId, std::pair<sharding::ShardDescriptor, Route>> shards;
  for (const auto& [shard, known] : reporter_->map().shards()) {
    shards[shard] = {known.claim.descriptor, RouteTo(known)};
  }
  for (const auto& [shard, replica] : replicas_) {
    const sharding::ShardDescriptor& own = replica->descriptor();
    if (own.shard.is_none() || shard == kv::kDirectoryShard) continue;
    const auto known = shards.find(shard);
    if (known != shards.end() && known->second.first.version > own.version) continue;
    const Route route = replica->CurrentRoute();
    // One that was cut off from its group knows less of its leader than the directory does.
    if (known != shards.end() && route.leader.is_none()) {
      known->second.first = own;
    } else {
      shards[shard] = {own, route};
    }
  }
  std::vector<std::pair<sharding::ShardDescriptor, Route>> map;
  for (auto& [shard, entry] : shards) map.push_back(std::move(entry));
  return map;
}

}  // namespace flotilla::node
