#include "tests/simulation/raft/raft_world.h"

#include <algorithm>
#include <string>
#include <utility>

#include "tests/simulation/swarm.h"

namespace flotilla::simulation {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

raft::SnapshotMeta Genesis(uint32_t voters) {
  raft::SnapshotMeta meta{.index = LogIndex(1),
                          .term = Term(1),
                          .configuration = {},
                          .configuration_index = LogIndex(1)};
  for (uint32_t i = 0; i < voters; ++i) {
    meta.configuration.voters.push_back({.node = NodeOf(i), .replica = ReplicaId(i + 1)});
  }
  meta.configuration.next_replica_id = ReplicaId(voters + 1);
  return meta;
}

}  // namespace

RaftWorldOptions RaftWorldOptions::Draw(Random& random) {
  RaftWorldOptions options;
  options.machines = static_cast<uint32_t>(random.Between(1, 7));
  options.groups = static_cast<uint32_t>(random.Between(1, 3));
  options.initial_voters = static_cast<uint32_t>(random.Between(1, options.machines));
  options.links = DrawLinks(random);
  options.nemesis = NemesisOptions::Draw(random);
  options.nemesis.die_at_disk_call = {};  // the log is a model: there are no disk calls
  options.machine.executor = {.post_delay_mean = DrawDelay(random, milliseconds(5)),
                              .timer_delay_mean = DrawDelay(random, milliseconds(20))};
  options.host.tick = milliseconds(random.Between(40, 100));
  options.host.disk_delay = DrawDelay(random, milliseconds(200));
  options.host.replica = {.raft = DrawRaftOptions(random),
                          .apply_delay = DrawDelay(random, milliseconds(100)),
                          .fetch_delay = DrawDelay(random, milliseconds(50)),
                          .snapshot_delay = DrawDelay(random, milliseconds(500)),
                          .compact_entries = random.Between(1, 50),
                          .compact_ruthlessly = static_cast<uint32_t>(random.Below(1001)),
                          .flush = static_cast<uint32_t>(random.Between(50, 1000))};
  // Longer than an election timeout, now and then.
  if (random.Chance(1, 4)) {
    options.host.replica.snapshot_delay = milliseconds(random.Between(500, 5'000));
  }
  options.client_interval = milliseconds(random.Between(2, 100));
  if (random.Chance(2, 3)) options.change_interval = milliseconds(random.Between(200, 5'000));
  if (random.Chance(1, 2)) options.transfer_interval = milliseconds(random.Between(200, 5'000));
  options.safety_time = seconds(random.Between(5, 40));
  return options;
}

RaftWorld::RaftWorld(uint64_t seed, const RaftWorldOptions& options, std::FILE* trace)
    : options_(options),
      host_options_(options.host),
      world_(seed),
      record_(world_, trace),
      network_(world_, options.machines),
      random_(world_.Stream("raft world")),
      logs_(options.machines),
      hosts_(options.machines),
      faults_(world_, record_, options.skipped_faults) {
  machines_ = MakeMachines(world_, network_, options.machines, options_.machine);
  network_.SetAllLinks(options_.links);
  nemesis_ =
      std::make_unique<Nemesis>(Nemesis::World{.world = world_,
                                               .network = network_,
                                               .machines = machines_,
                                               .faults = faults_,
                                               .record = record_,
                                               .restart = [this](NodeIndex n) { StartMachine(n); },
                                               .leaders = [this] { return Leaders(); }},
                                options_.nemesis);
}

RaftWorld::~RaftWorld() {
  nemesis_->Stop();
  machines_.clear();
}

RunResult RaftWorld::Run() {
  Form();
  faults_.Start();
  Repeat(options_.client_interval, &RaftWorld::OneRequest);
  Repeat(options_.change_interval, &RaftWorld::OneChange);
  Repeat(options_.transfer_interval, &RaftWorld::OneTransfer);
  while (!record_.failed() && world_.now() < options_.safety_time) world_.Step();
  safety_phase_ = false;
  nemesis_->Stop();
  if (!record_.failed()) {
    const std::vector<NodeIndex> core = ChooseCore();
    HealCore(core);
    RequireProgress(core);
    RequireStandstill(core);
  }
  return Result();
}

RunResult RaftWorld::Result() const {
  return {.seed = world_.seed(),
          .failure = record_.failure(),
          .hash = world_.hash(),
          .events = world_.events(),
          .faults = faults_.count(),
          .virtual_time = world_.now(),
          .marks = record_.marks()};
}

void RaftWorld::Form() {
  const raft::SnapshotMeta genesis = Genesis(options_.initial_voters);
  for (uint32_t i = 1; i <= options_.groups; ++i) {
    const ShardId group(i);
    const RaftOracle& oracle = oracles_.try_emplace(group, group, genesis, record_).first->second;
    for (const raft::Member& member : genesis.configuration.voters) {
      GroupLog log;
      log.replica = member.replica;
      log.lowest_allowed = member.replica;
      log.hard_state = {.term = genesis.term, .vote = {}, .commit = genesis.index};
      log.base = genesis;
      log.base_link = oracle.CommittedLink(genesis.index);
      log.engine_durable = genesis.index;
      logs_[MachineOf(member.node)].Format(group, log);
    }
  }
  for (NodeIndex node = 0; node < options_.machines; ++node) StartMachine(node);
}

void RaftWorld::StartMachine(NodeIndex node) {
  machines_[node]->Start([this, node] {
    hosts_[node]->LoseUnflushedState();
    hosts_[node].reset();
    logs_[node].Crash(random_);
    nemesis_->OnDeath(node);
  });
  hosts_[node] = std::make_unique<RaftHost>(*machines_[node], host_options_,
                                            RaftHostWorld{.world = world_,
                                                          .network = network_,
                                                          .record = record_,
                                                          .oracles = oracles_,
                                                          .logs = logs_});
}

void RaftWorld::Repeat(Duration mean, void (RaftWorld::*action)()) {
  if (mean == Duration::zero()) return;
  world_.After(random_.Exponential(mean), EventKind::kWorld, kWorldNode, [this, mean, action] {
    if (!safety_phase_) return;
    (this->*action)();
    Repeat(mean, action);
  });
}

void RaftWorld::OneRequest() {
  const ShardId group(random_.Between(1, options_.groups));
  const auto& host = random_.Pick(hosts_);
  RaftReplica* replica = host == nullptr ? nullptr : host->Find(group);
  if (replica == nullptr) return;
  if (random_.Chance(1, 3)) {
    replica->Read();
    return;
  }
  std::string payload = std::to_string(next_payload_++);
  payload.append(random_.Below(100), '.');
  if (replica->core().Propose(MakeBytes(std::move(payload))).ok()) record_.Mark("raft.proposed");
  replica->Observe();
}

std::vector<NodeIndex> RaftWorld::Leaders() const {
  std::vector<NodeIndex> leaders;
  for (NodeIndex node = 0; node < options_.machines; ++node) {
    for (const auto& [group, oracle] : oracles_) {
      RaftReplica* replica = hosts_[node] == nullptr ? nullptr : hosts_[node]->Find(group);
      if (replica == nullptr || replica->core().role() != raft::Role::kLeader) continue;
      leaders.push_back(node);
      break;
    }
  }
  return leaders;
}

void RaftWorld::OneTransfer() {
  const ShardId group(random_.Between(1, options_.groups));
  const NodeId target = NodeOf(static_cast<NodeIndex>(random_.Below(options_.machines)));
  for (const auto& host : hosts_) {
    RaftReplica* replica = host == nullptr ? nullptr : host->Find(group);
    if (replica == nullptr || replica->core().role() != raft::Role::kLeader) continue;
    if (replica->core().TransferLeadership(target).ok()) record_.Mark("raft.transfer");
    replica->Observe();
  }
}

void RaftWorld::OneChange() {
  const ShardId group(random_.Between(1, options_.groups));
  for (const auto& host : hosts_) {
    RaftReplica* replica = host == nullptr ? nullptr : host->Find(group);
    if (replica == nullptr || replica->core().role() != raft::Role::kLeader) continue;
    const raft::ConfigurationChange change = DrawChange(replica->core().configuration());
    if (replica->core().ProposeConfiguration(change).ok()) record_.Mark("raft.change_proposed");
    replica->Observe();
  }
}

raft::ConfigurationChange RaftWorld::DrawChange(const raft::Configuration& configuration) {
  raft::ConfigurationChange change;
  for (NodeIndex index = 0; index < options_.machines; ++index) {
    if (!random_.Chance(1, 3)) continue;
    const NodeId node = NodeOf(index);
    const auto on_node = [node](const raft::Member& member) { return member.node == node; };
    const auto among = [&](const std::vector<raft::Member>& members) {
      return std::any_of(members.begin(), members.end(), on_node);
    };
    if (among(configuration.voters)) {
      (random_.Chance(1, 2) ? change.demote : change.remove).push_back(node);
    } else if (among(configuration.learners)) {
      (random_.Chance(2, 3) ? change.add_voters : change.remove).push_back(node);
    } else {
      change.add_learners.push_back(node);
    }
  }
  return change;
}

RunResult RunRaftWorld(const RunRequest& request) {
  Random random = SimWorld(request.seed).Stream("options");
  RaftWorldOptions options = RaftWorldOptions::Draw(random);
  options.skipped_faults = request.skipped_faults;
  return RaftWorld(request.seed, options, request.trace).Run();
}

}  // namespace flotilla::simulation
