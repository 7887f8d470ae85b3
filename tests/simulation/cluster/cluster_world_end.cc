// What the cluster world looks at while it runs, its liveness phase, and the verdict.
#include <algorithm>

#include "tests/simulation/cluster/cluster_world.h"

namespace flotilla::simulation {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// In election timeouts. Who hears no leader campaigns after at most two.
constexpr int kStandstill = 6;
// A little more than BalancerOptions::down_after.
constexpr Duration kBalancerListens = seconds(6);
// A little more than the spans over which the load of leaders is averaged at least.
constexpr int kLoadSpans = 6;

// A state that is not there, or not where the log says, is nothing that a failed flush explains.
bool IsEngineFault(const std::string& failure) {
  return failure.find("the engine must be opened again") != std::string::npos;
}

}  // namespace

void ClusterWorld::Inspect() {
  for (NodeIndex node = 0; node < options_.machines(); ++node) {
    if (host_->node(node) == nullptr) continue;
    const node::NodeStatus status = host_->node(node)->Status();
    for (const node::ReplicaStatus& replica : status.replicas) {
      NoteShard(node, replica);
      InspectReplica(node, replica);
    }
    if (status.directory.replica.has_value()) InspectReplica(node, *status.directory.replica);
  }
}

void ClusterWorld::InspectReplica(NodeIndex node, const node::ReplicaStatus& replica) {
  // Said seldom, looked at often.
  const auto fail = [&](const std::string& what) {
    record_.Fail("node " + std::to_string(node) + ", shard " + ToString(replica.shard) + ": " +
                 what);
  };
  if (replica.failed) record_.Mark("cluster.replica_failed");
  const bool by_engine = options_.HasEngineFaults() && IsEngineFault(replica.failure);
  const bool excused = options_.HasDiskFaults() || by_engine ||
                       host_->machine(node).disk().dead() || atlas_->damaged(node);
  if (replica.failed && !excused) {
    fail("the replica stopped itself: " + replica.failure);
  }
  const raft::RaftStatus& raft = replica.raft;
  if (raft.applied > raft.commit) fail("applies what is not committed");
  if (raft.applied > raft.durable && !replica.failed) {
    fail("applies what is not durable");
  }
  // What is committed decides what is in force, unless something newer waits to be committed.
  if (raft.configuration_committed && !raft.commit.is_none()) {
    auto& [commit, configuration] = configurations_[replica.shard];
    if (commit < raft.commit) {
      commit = raft.commit;
      configuration = raft.configuration;
    } else if (commit == raft.commit && configuration != raft.configuration) {
      fail("goes by another configuration than others that have committed as much");
    }
  }
  if (raft.role != raft::Role::kLeader) return;
  const auto [leader, added] = leaders_.try_emplace({replica.shard, raft.term}, node);
  if (added) record_.Mark("cluster.leader_elected");
  if (leader->second != node) {
    fail("leads in term " + ToString(raft.term) + ", as does node " +
         std::to_string(leader->second));
  }
}

bool ClusterWorld::MembersMayChange() const {
  if (options_.HasMembershipChanges() || atlas_->any_damaged() || repaired_) return true;
  for (NodeIndex node = 0; node < options_.machines(); ++node) {
    for (const ShardId group : Groups()) {
      const auto replica = host_->ReplicaOf(node, group);
      const bool in_repair = replica.has_value() &&
                             (replica->failed || !replica->raft.configuration.returning.empty());
      if (in_repair) return true;
    }
  }
  return false;
}

bool ClusterWorld::HasFailedReplica(NodeIndex node) const {
  const std::vector<ShardId> groups = Groups();
  return std::any_of(groups.begin(), groups.end(), [this, node](ShardId group) {
    const auto replica = host_->ReplicaOf(node, group);
    return replica.has_value() && replica->failed;
  });
}

// As an event of its own: a node that stops itself at once is destroyed when that is over.
void ClusterWorld::StartSoon(NodeIndex node) {
  After({}, [this, node] {
    if (!host_->machine(node).running()) host_->Start(node);
  });
}

// An error of a disk that stalled may arrive long after all disks are well. Whoever stops for it is
// started again, as by any supervisor.
void ClusterWorld::StartAgainInCore(NodeIndex node) {
  if (safety_phase_ || std::find(core_.begin(), core_.end(), node) == core_.end()) return;
  After(milliseconds(100), [this, node] {
    if (!IsDownForGood(node) && !host_->machine(node).running()) host_->Start(node);
  });
}

// The directory is kept by the first three founders, as long as nobody changes that.
bool ClusterWorld::HasDirectoryQuorum(const std::vector<NodeIndex>& nodes) const {
  if (MembersMayChange()) return true;
  const NodeIndex keepers = std::min<NodeIndex>(options_.nodes, 3);
  const auto kept = std::count_if(nodes.begin(), nodes.end(),
                                  [keepers](NodeIndex node) { return node < keepers; });
  return 2 * kept > keepers;
}

void ClusterWorld::HealCore() {
  nemesis_->HealNetwork();
  std::vector<NodeIndex> order;
  for (NodeIndex node = 0; node < options_.machines(); ++node) {
    if (!atlas_->wiped().contains(node)) order.push_back(node);
  }
  random_.Shuffle(order);
  // Who is a majority of what, only the end of a change in flight will tell.
  const size_t size =
      MembersMayChange() ? order.size() : random_.Between(options_.nodes / 2 + 1, options_.nodes);
  core_.assign(order.begin(), order.begin() + static_cast<ptrdiff_t>(size));
  while (!HasDirectoryQuorum(core_)) core_.push_back(order[core_.size()]);
  std::string names;
  for (const NodeIndex node : order) {
    const bool in_core = std::find(core_.begin(), core_.end(), node) != core_.end();
    SimMachine& machine = host_->machine(node);
    if (in_core) {
      names += " " + std::to_string(node);
      machine.clock().SetRate(1'000'000);
      machine.SurviveCalls();
      // A replica that a disk's error stopped begins again when its process does, or is replaced,
      // for which it needs a majority of others.
      if (options_.HasDiskFaults() && HasFailedReplica(node)) nemesis_->Crash(node, false);
      if (machine.running()) machine.executor().Stall(world_.now());
      SimDiskOptions disk = options_.machine.disk;
      disk.stall = 0;
      machine.disk().SetOptions(disk);
      for (const NodeIndex peer : core_) network_.SetLink(node, peer, LinkOptions());
      StartSoon(node);
      continue;
    }
    const uint64_t fate = random_.Below(3);
    if (fate == 0) nemesis_->Crash(node, true);
    for (const NodeIndex peer : core_) {
      network_.Block(peer, node, true);
      network_.Block(node, peer, fate == 1);
    }
    if (fate != 0) StartSoon(node);
  }
  HealClients();
  record_.Trace("liveness phase, core:" + names);
}

// After more damage than a cluster can bear there is nothing that it owes, but to say nothing
// wrong.
void ClusterWorld::AwaitHaltOrRecovery() {
  if (record_.failed()) return;
  for (const auto& client : clients_) client->Stop();
  RunUntil(world_.now() + seconds(30));
  record_.Mark("atlas.beyond");
  record_.Mark(WhatMembersLack().empty() ? "atlas.beyond_recovered" : "atlas.beyond_halted");
}

bool ClusterWorld::AwaitConvergence() {
  const Duration end = world_.now() + options_.liveness_limit;
  while (!record_.failed()) {
    std::string missing = WhatMembersLack();
    if (missing.empty()) missing = WhatMapsLack();
    if (missing.empty()) break;
    if (world_.now() >= end) {
      record_.Fail("liveness: nodes do not catch up although a majority is healthy: " + missing);
      break;
    }
    RunUntil(world_.now() + milliseconds(100));
  }
  return !record_.failed();
}

// With all that is needed healthy and nothing to do, every log gets back to what it may take.
std::string ClusterWorld::WhatLogHoldsTooMuch() const {
  const storage::LogOptions& log = options_.node.log;
  for (const NodeIndex node : core_) {
    if (host_->node(node) == nullptr) continue;
    const uint64_t bytes = host_->node(node)->Status().log.bytes;
    if (bytes <= log.budget_bytes + log.segment_bytes) continue;
    return "the log of node " + ToString(NodeOf(node)) + " holds " + std::to_string(bytes) +
           " bytes, its budget is " + std::to_string(log.budget_bytes);
  }
  return "";
}

bool ClusterWorld::AwaitShortLogs() {
  const Duration end = world_.now() + options_.liveness_limit;
  std::string excess = WhatLogHoldsTooMuch();
  while (!record_.failed() && !excess.empty()) {
    record_.Mark("cluster.log_over_budget");
    if (world_.now() >= end) record_.Fail("liveness: " + excess);
    RunUntil(world_.now() + milliseconds(100));
    excess = WhatLogHoldsTooMuch();
  }
  return !record_.failed();
}

ClusterWorld::Offices ClusterWorld::NewestOffices() const {
  Offices newest;
  for (const NodeIndex node : core_) {
    for (const ShardId group : Groups()) {
      const auto replica = host_->ReplicaOf(node, group);
      if (!replica.has_value()) continue;
      const auto [known, added] =
          newest.try_emplace(group, replica->raft.term, replica->raft.configuration);
      if (known->second.first < replica->raft.term) {
        known->second = {replica->raft.term, replica->raft.configuration};
      }
    }
  }
  return newest;
}

bool ClusterWorld::IsBalancing() const {
  return std::any_of(core_.begin(), core_.end(), [this](NodeIndex node) {
    return host_->node(node) != nullptr && !host_->node(node)->Status().directory.under_way.empty();
  });
}

// Who is cut off may campaign as often as it likes: a healthy majority keeps its leaders. And who
// moves replicas and splits shards comes to an end.
bool ClusterWorld::AwaitStandstill() {
  Duration end = world_.now() + options_.liveness_limit;
  Duration window = kStandstill * options_.node.tick * options_.node.raft.election_timeout_ticks;
  // A new leader of the directory listens for so long before it does anything.
  if (options_.node.balance) window = std::max<Duration>(window, kBalancerListens);
  if (options_.steady_interval > Duration::zero()) {
    // What load makes of what has just changed, is known as much later.
    window += kLoadSpans * options_.node.load_span;
    end += 4 * window;
    asks_steadily_ = true;
    AskSteadily();
  }
  Offices before;
  do {
    if (world_.now() >= end) record_.Fail("liveness: leaders or members change for ever");
    if (record_.failed()) return false;
    before = NewestOffices();
    RunUntil(world_.now() + window);
  } while (NewestOffices() != before || IsBalancing());
  return !record_.failed();
}

// Everything that a shard's replicas contain, by stale scans at one applied index.
void ClusterWorld::CompareStates() {
  struct Seen {
    NodeIndex node = 0;
    kv::ReadResult page;
  };
  std::map<ShardId, Seen> first;
  for (const NodeIndex node : core_) {
    for (const sharding::ShardDescriptor& shard : shards_) {
      const auto replica = host_->ReplicaOf(node, shard.shard);
      // One that was only just added has nothing yet.
      if (!replica.has_value() || replica->raft.applied.is_none()) continue;
      node::ReadRequest request;
      request.target.shard = shard.shard;
      request.level = node::ReadLevel::kStale;
      request.context.deadline = host_->machine(node).clock().Now() + seconds(5);
      request.read.operation = kv::ScanPage{};
      host_->node(node)->Read(
          std::move(request), [this, &first, node, id = shard.shard](const node::ReadReply& reply) {
            if (!reply.error.ok()) {
              // Engines go on failing, and this one has done so since all were seen to be well.
              if (IsEngineFault(reply.error.message)) return;
              return record_.Fail("a stale scan fails: " + reply.error.message);
            }
            const auto [seen, added] = first.try_emplace(id, Seen{node, reply.result});
            if (added || seen->second.page.applied != reply.result.applied) return;
            record_.Mark("cluster.states_compared");
            if (seen->second.page == reply.result) return;
            record_.Fail("shard " + ToString(id) + ": the states of nodes " +
                         std::to_string(seen->second.node) + " and " + std::to_string(node) +
                         " differ");
          });
    }
  }
  RunUntil(world_.now() + seconds(6));
}

}  // namespace flotilla::simulation
