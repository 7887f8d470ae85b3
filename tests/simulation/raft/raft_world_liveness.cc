// The liveness phase of the raft world: a random core is healed, everything else stays broken for
// good (TigerBeetle's VOPR: faults that heal by themselves hide livelocks).
#include <algorithm>
#include <string>

#include "raft/message_codec.h"
#include "tests/simulation/raft/raft_world.h"

namespace flotilla::simulation {

namespace {

constexpr Duration kPollInterval = std::chrono::milliseconds(100);

// In election timeouts. Who hears no leader campaigns after at most two.
constexpr int kStandstill = 6;
// Windows of standstill. One may pass by chance between two campaigns.
constexpr int kStandstillWindows = 5;
// In a million. So much is lost to a member that hears its leader only now and then.
constexpr uint32_t kDeaf = 900'000;

}  // namespace

bool RaftWorld::CanVote(ShardId group, const raft::Member& member) const {
  const GroupLog* disk = logs_[MachineOf(member.node)].Durable(group);
  // A replica that was never here can still be created.
  return disk == nullptr || disk->replica == member.replica ||
         disk->lowest_allowed <= member.replica;
}

// Every configuration that some disk may still bring into force.
std::vector<raft::Configuration> RaftWorld::PossibleConfigurations(ShardId group) const {
  const LogIndex committed = oracles_.at(group).max_committed();
  std::vector<raft::Configuration> configurations;
  raft::SnapshotMeta newest_committed;
  for (const ModelLog& log : logs_) {
    const GroupLog* disk = log.Durable(group);
    if (disk == nullptr || disk->replica.is_none()) continue;
    if (disk->base.configuration_index > newest_committed.configuration_index) {
      newest_committed = disk->base;
    }
    for (const LoggedEntry& logged : disk->entries) {
      const raft::Entry& entry = logged.entry;
      if (entry.kind != raft::EntryKind::kConfiguration) continue;
      const auto configuration = raft::DecodeConfiguration(View(entry.payload));
      if (entry.index > committed) {
        configurations.push_back(*configuration);
      } else if (oracles_.at(group).IsCommitted(entry.index, logged.link) &&
                 entry.index > newest_committed.configuration_index) {
        newest_committed.configuration = *configuration;
        newest_committed.configuration_index = entry.index;
      }
    }
  }
  configurations.push_back(newest_committed.configuration);
  // What a living member has appended may not have reached its disk yet.
  for (const auto& host : hosts_) {
    RaftReplica* replica = host == nullptr ? nullptr : host->Find(group);
    if (replica == nullptr || replica->core().last_index() <= committed) continue;
    configurations.push_back(replica->core().configuration());
  }
  return configurations;
}

bool RaftWorld::IsCore(ShardId group, const std::vector<bool>& in_core) const {
  const auto can_vote = [&](const raft::Member& member) { return CanVote(group, member); };
  const auto votes_in_core = [&](const raft::Member& member) {
    return in_core[MachineOf(member.node)] && CanVote(group, member);
  };
  const RaftOracle& oracle = oracles_.at(group);
  for (const raft::Configuration& configuration : PossibleConfigurations(group)) {
    // Leftovers of deposed leaders may name members that are long gone: they can't come into force.
    if (!oracle.HasDurableQuorum(configuration, can_vote)) continue;
    if (!oracle.HasDurableQuorum(configuration, votes_in_core)) return false;
  }
  return true;
}

std::vector<NodeIndex> RaftWorld::ChooseCore() {
  std::vector<NodeIndex> order;
  for (NodeIndex node = 0; node < options_.machines; ++node) order.push_back(node);
  random_.Shuffle(order);
  std::vector<NodeIndex> core;
  std::vector<bool> in_core(options_.machines, false);
  for (const NodeIndex node : order) {
    const bool enough = std::all_of(oracles_.begin(), oracles_.end(),
                                    [&](const auto& each) { return IsCore(each.first, in_core); });
    if (enough) break;
    core.push_back(node);
    in_core[node] = true;
  }
  return core;
}

void RaftWorld::HealCore(const std::vector<NodeIndex>& core) {
  nemesis_->HealNetwork();
  // A core whose disks are slower than its elections would be no healthy one.
  const RaftHostOptions& host = options_.host;
  host_options_.disk_delay =
      std::min(host.disk_delay, host.tick * host.replica.raft.election_timeout_ticks / 20);
  std::string names;
  for (NodeIndex node = 0; node < options_.machines; ++node) {
    if (std::find(core.begin(), core.end(), node) != core.end()) {
      names += " " + std::to_string(node);
      machines_[node]->clock().SetRate(1'000'000);
      machines_[node]->SurviveCalls();
      if (machines_[node]->running()) machines_[node]->executor().Stall(world_.now());
      if (!machines_[node]->running()) StartMachine(node);
      for (const NodeIndex peer : core) network_.SetLink(node, peer, LinkOptions());
      continue;
    }
    // Dead, cut off, heard but not hearing, or worst: hearing just enough to say that it has a
    // later term.
    const uint64_t fate = random_.Below(4);
    if (fate == 0) nemesis_->Crash(node, true);
    for (const NodeIndex peer : core) {
      network_.Block(peer, node, fate != 3);
      network_.Block(node, peer, fate == 1);
      LinkOptions deaf;
      deaf.loss = kDeaf;
      if (fate == 3) network_.SetLink(peer, node, deaf);
    }
    if (fate != 0 && !machines_[node]->running()) StartMachine(node);
  }
  record_.Trace("liveness phase, core:" + names);
}

RaftReplica* RaftWorld::LeaderIn(ShardId group, const std::vector<NodeIndex>& core) {
  RaftReplica* newest = nullptr;
  for (const NodeIndex node : core) {
    RaftReplica* replica = hosts_[node]->Find(group);
    if (replica == nullptr || replica->core().role() != raft::Role::kLeader) continue;
    if (newest == nullptr || replica->core().term() > newest->core().term()) newest = replica;
  }
  return newest;
}

bool RaftWorld::MadeProgress(ShardId group, const std::vector<NodeIndex>& core) {
  RaftReplica* leader = LeaderIn(group, core);
  if (leader == nullptr) return false;
  const RaftOracle& oracle = oracles_.at(group);
  const auto awaited = awaited_.find(group);
  if (awaited == awaited_.end() || awaited->second.term != leader->core().term()) {
    const auto position = leader->core().Propose(MakeBytes("progress"));
    if (position.ok()) awaited_[group] = *position;
    leader->Observe();
    return false;
  }
  const LogIndex index = awaited->second.index;
  if (oracle.max_committed() < index) return false;
  if (oracle.CommittedTerm(index) != awaited->second.term) {
    awaited_.erase(awaited);
    return false;
  }
  // All that can hear the leader must have caught up, learners too.
  for (const raft::Member& member : leader->core().configuration().AllMembers()) {
    if (std::find(core.begin(), core.end(), MachineOf(member.node)) == core.end()) continue;
    RaftReplica* replica = hosts_[MachineOf(member.node)]->Find(group);
    if (replica == nullptr || replica->self() != member || replica->applied() < index) {
      return false;
    }
  }
  return !leader->core().configuration().IsJoint();
}

void RaftWorld::RequireProgress(const std::vector<NodeIndex>& core) {
  const Duration begin = world_.now();
  std::vector<ShardId> waiting;
  for (const auto& [group, oracle] : oracles_) waiting.push_back(group);
  while (!waiting.empty() && !record_.failed()) {
    if (world_.now() - begin > options_.liveness_limit) {
      for (const auto& host : hosts_) {
        RaftReplica* replica = host == nullptr ? nullptr : host->Find(waiting.front());
        if (replica != nullptr) record_.Trace(replica->Describe());
      }
      record_.Fail("liveness: group " + ToString(waiting.front()) +
                   " got nothing done although a majority is healthy");
      return;
    }
    RunUntil(world_.now() + kPollInterval);
    std::erase_if(waiting, [&](ShardId group) { return MadeProgress(group, core); });
  }
}

std::map<ShardId, Term> RaftWorld::NewestTerms(const std::vector<NodeIndex>& core) const {
  std::map<ShardId, Term> newest;
  for (const NodeIndex node : core) {
    for (const auto& [group, oracle] : oracles_) {
      RaftReplica* replica = hosts_[node]->Find(group);
      if (replica == nullptr) continue;
      Term& term = newest[group];
      term = std::max(term, replica->core().term());
    }
  }
  return newest;
}

// Who is cut off, or nearly, may campaign as often as it likes: a healthy majority keeps its
// leaders.
void RaftWorld::RequireStandstill(const std::vector<NodeIndex>& core) {
  const Duration end = world_.now() + options_.liveness_limit;
  const Duration window =
      kStandstill * options_.host.tick * options_.host.replica.raft.election_timeout_ticks;
  for (int still = 0; still < kStandstillWindows;) {
    if (world_.now() >= end) record_.Fail("liveness: leaders change for ever");
    if (record_.failed()) return;
    const std::map<ShardId, Term> before = NewestTerms(core);
    RunUntil(world_.now() + window);
    still = NewestTerms(core) == before ? still + 1 : 0;
  }
}

void RaftWorld::RunUntil(Duration time) {
  world_.At(time, EventKind::kWorld, kWorldNode, [] {});
  while (!record_.failed() && world_.now() < time) world_.Step();
}

}  // namespace flotilla::simulation
