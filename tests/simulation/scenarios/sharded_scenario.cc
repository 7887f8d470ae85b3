#include "tests/simulation/scenarios/sharded_scenario.h"

#include <algorithm>
#include <sstream>

#include "kv/directory.h"
#include "tests/simulation/history_checks.h"
#include "tests/simulation/linearizability.h"
#include <gtest/gtest.h>

namespace flotilla::simulation {

namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Duration kLook = milliseconds(50);
constexpr uint64_t kJudgeStepsMax = 5'000'000;
// Who balances begins nothing for so long after it was elected.
constexpr Duration kBalancerWaits = seconds(6);

ScenarioOptions ToScenarioOptions(const ShardedOptions& options) {
  return {.nodes = options.nodes,
          .spares = options.spares,
          .others = options.clients,
          .small_log = options.small_log,
          .unreliable = options.unreliable,
          .adjust = [options](node::NodeOptions& node) {
            node.initial_shards = options.shards;
            node.replicas = options.replicas;
            node.balance = options.balance;
            node.dead_after = options.dead_after;
            if (options.adjust) options.adjust(node);
          }};
}

SimClientOptions ToClientOptions(const ShardedOptions& options) {
  SimClientOptions client;
  client.workers = options.workers;
  WorkloadOptions& workload = client.workload;
  workload.think_mean = options.think_mean;
  // A caller waits for longer than any outage: whatever is asked for is done in the end.
  workload.timeout = minutes(2);
  for (uint32_t i = 0; i < options.registers; ++i) {
    workload.registers.push_back("r" + std::to_string(i));
  }
  workload.counters = {"c1", "c2"};
  workload.lists = {"l1", "l2"};
  workload.groups = {{.tag = "g1"}, {.tag = "g2"}};
  return client;
}

bool Contains(const std::vector<raft::Member>& members, NodeIndex node) {
  return std::any_of(members.begin(), members.end(),
                     [node](const raft::Member& member) { return member.node == NodeOf(node); });
}

}  // namespace

ShardedScenario::ShardedScenario(uint64_t seed, const ShardedOptions& options)
    : Scenario(seed, ToScenarioOptions(options)),
      options_(options),
      client_options_(ToClientOptions(options)),
      surroundings_{.world = world(),
                    .network = network(),
                    .record = record(),
                    .history = history_,
                    .next_process = next_client_process_,
                    .endpoints = {},
                    .directory = MachineAt} {
  for (const NodeIndex node : All()) surroundings_.endpoints.push_back(ClientEndpoint(node));
}

ShardedScenario::~ShardedScenario() {
  for (const auto& client : clients_) client->Abandon();
  JudgeHistory();
}

void ShardedScenario::Found() {
  for (NodeIndex node = 0; node < options_.nodes; ++node) Restart(node);
  const auto knows_all = [this](NodeIndex node) {
    return this->node(node) != nullptr && this->node(node)->ShardMap().size() == options_.shards;
  };
  EXPECT_TRUE(Await(
      [&] {
        for (NodeIndex node = 0; node < options_.nodes; ++node) {
          if (!knows_all(node)) return false;
        }
        return WhatIsUnsettled().empty();
      },
      seconds(60)))
      << "no cluster is formed: " << WhatIsUnsettled();
}

void ShardedScenario::StartClients() {
  for (uint32_t i = 0; i < options_.clients; ++i) {
    const auto self = static_cast<NodeIndex>(options_.nodes + options_.spares + i);
    clients_.push_back(std::make_unique<SimClient>(client_options_, surroundings_, self, [] {}));
    clients_.back()->Start();
  }
}

// ---- What can be seen.

std::vector<NodeIndex> ShardedScenario::Living() const {
  std::vector<NodeIndex> living;
  for (const NodeIndex node : All()) {
    // A spare that was never started is no part of anything.
    const bool begun = running(node) || node < options_.nodes;
    if (begun && !lost_.contains(node)) living.push_back(node);
  }
  return living;
}

std::vector<sharding::ShardDescriptor> ShardedScenario::Shards() const {
  std::map<ShardId, sharding::ShardDescriptor> newest;
  for (const NodeIndex node : All()) {
    if (this->node(node) == nullptr) continue;
    for (const node::ReplicaStatus& replica : this->node(node)->Status().replicas) {
      // Before its first snapshot it knows nothing of its shard.
      if (replica.failed || replica.raft.applied.is_none()) continue;
      sharding::ShardDescriptor& known = newest[replica.shard];
      if (!known.shard.is_none() && known.version >= replica.shard_version) continue;
      known = {.shard = replica.shard, .arc = replica.arc, .version = replica.shard_version};
    }
  }
  std::vector<sharding::ShardDescriptor> shards;
  for (const auto& [id, shard] : newest) shards.push_back(shard);
  std::sort(shards.begin(), shards.end(),
            [](const auto& a, const auto& b) { return a.arc.first < b.arc.first; });
  return shards;
}

ShardId ShardedScenario::ShardOf(const std::string& key) const {
  for (const sharding::ShardDescriptor& shard : Shards()) {
    if (shard.arc.Contains(sharding::SlotOf(key))) return shard.shard;
  }
  return {};
}

std::string ShardedScenario::KeyIn(ShardId shard) const {
  for (uint64_t i = 0;; ++i) {
    const std::string key = "k" + std::to_string(i);
    if (ShardOf(key) == shard) return key;
  }
}

std::optional<raft::Configuration> ShardedScenario::MembersOf(ShardId shard) const {
  const std::optional<NodeIndex> leader = LeaderOf(shard);
  if (!leader.has_value()) return std::nullopt;
  return ReplicaOf(*leader, shard)->raft.configuration;
}

bool ShardedScenario::Holds(NodeIndex node, ShardId shard) const {
  const std::optional<NodeIndex> leader = LeaderOf(shard);
  if (!leader.has_value()) return false;
  const raft::RaftStatus raft = ReplicaOf(*leader, shard)->raft;
  return raft.configuration_committed && !raft.configuration.IsJoint() &&
         Contains(raft.configuration.voters, node);
}

std::vector<NodeIndex> ShardedScenario::VotersOf(ShardId shard) const {
  std::vector<NodeIndex> voters;
  for (const NodeIndex node : All()) {
    if (Holds(node, shard)) voters.push_back(node);
  }
  return voters;
}

bool ShardedScenario::HoldsAnything(NodeIndex node) const {
  std::vector<ShardId> groups{kv::kDirectoryShard};
  for (const sharding::ShardDescriptor& shard : Shards()) groups.push_back(shard.shard);
  return std::any_of(groups.begin(), groups.end(), [&](ShardId group) {
    const std::optional<raft::Configuration> members = MembersOf(group);
    return ReplicaOf(node, group).has_value() || !members.has_value() || members->IsJoint() ||
           Contains(members->AllMembers(), node);
  });
}

std::vector<sharding::NodeRecord> ShardedScenario::KnownNodes() const {
  const std::optional<NodeIndex> leader = LeaderOf(kv::kDirectoryShard);
  if (!leader.has_value()) return {};
  return node(*leader)->Status().directory.nodes;
}

uint64_t ShardedScenario::Acknowledged() const {
  const std::vector<HistoryCall>& calls = history_.calls();
  return static_cast<uint64_t>(std::count_if(
      calls.begin(), calls.end(), [](const auto& call) { return call.fate == OpFate::kOk; }));
}

void ShardedScenario::Lose(NodeIndex node) {
  PowerOff(node);
  lost_.insert(node);
}

// ---- The end.

size_t ShardedScenario::WantedVoters(ShardId shard) const {
  const auto wanted = wanted_.find(shard);
  return wanted == wanted_.end() ? options_.replicas : wanted->second;
}

std::string ShardedScenario::WhatGroupLacks(ShardId group) const {
  const std::string who = "shard " + ToString(group);
  const std::optional<NodeIndex> leader = LeaderOf(group);
  if (!leader.has_value()) return who + " has no leader";
  const raft::RaftStatus led = ReplicaOf(*leader, group)->raft;
  const raft::Configuration& members = led.configuration;
  const bool settled = led.configuration_committed && !members.IsJoint() &&
                       members.learners.empty() && members.returning.empty();
  if (!settled || members.voters.size() != WantedVoters(group)) {
    std::ostringstream lack;
    lack << who << " has the members " << members;
    return lack.str();
  }
  for (const NodeIndex node : lost_) {
    if (Contains(members.voters, node)) return who + " counts on a node that is gone";
  }
  for (const NodeIndex node : Living()) {
    const std::optional<node::ReplicaStatus> replica = ReplicaOf(node, group);
    const std::string where = who + " on node " + ToString(NodeOf(node));
    if (replica.has_value() != Contains(members.voters, node)) {
      return where + (replica.has_value() ? " is no member" : " is missing");
    }
    if (!replica.has_value()) continue;
    if (replica->failed) return where + " has failed: " + replica->failure;
    if (replica->raft.applied != led.last_index) return where + " is behind";
  }
  return "";
}

std::string ShardedScenario::WhatMapsLack() const {
  const std::vector<sharding::ShardDescriptor> shards = Shards();
  for (const NodeIndex each : Living()) {
    const std::string who = "node " + ToString(NodeOf(each));
    std::vector<sharding::ShardDescriptor> known;
    for (const auto& [descriptor, route] : node(each)->ShardMap()) {
      known.push_back(descriptor);
      if (route.leader.is_none()) return who + " does not know a leader";
    }
    std::sort(known.begin(), known.end(),
              [](const auto& a, const auto& b) { return a.arc.first < b.arc.first; });
    if (known != shards) return who + " has another map";
  }
  return "";
}

std::string ShardedScenario::WhatIsUnsettled() const {
  for (const NodeIndex each : Living()) {
    const bool serves =
        node(each) != nullptr && node(each)->Status().phase == node::NodePhase::kServing;
    if (!serves) return "node " + ToString(NodeOf(each)) + " does not serve";
  }
  uint32_t next = 0;
  for (const sharding::ShardDescriptor& shard : Shards()) {
    if (shard.arc.first.value != next) break;
    next = shard.arc.last.value + 1u;
    if (std::string lack = WhatGroupLacks(shard.shard); !lack.empty()) return lack;
  }
  if (next != sharding::kSlotCount) {
    return "slot " + std::to_string(next) + " has no owner, or more than one";
  }
  if (std::string lack = WhatGroupLacks(kv::kDirectoryShard); !lack.empty()) return lack;
  if (!node(*LeaderOf(kv::kDirectoryShard))->Status().directory.under_way.empty()) {
    return "a step is under way";
  }
  return WhatMapsLack();
}

void ShardedScenario::AwaitSettled(Duration limit) {
  const Duration end = now() + limit;
  const auto settled = [this] { return WhatIsUnsettled().empty(); };
  const auto offices = [this] {
    std::map<ShardId, std::pair<Term, raft::Configuration>> all;
    for (const sharding::ShardDescriptor& shard : Shards()) {
      const raft::RaftStatus raft = ReplicaOf(*LeaderOf(shard.shard), shard.shard)->raft;
      all[shard.shard] = {raft.term, raft.configuration};
    }
    return all;
  };
  while (now() < end) {
    while (!settled() && now() < end) RunFor(kLook * 2);
    if (!options_.balance || now() >= end) break;
    const auto before = offices();
    RunFor(kBalancerWaits);
    if (settled() && offices() == before) break;
  }
  EXPECT_EQ(WhatIsUnsettled(), "");
}

void ShardedScenario::StopClients() {
  for (const auto& client : clients_) client->Stop();
  EXPECT_TRUE(Await(
      [this] {
        return std::all_of(clients_.begin(), clients_.end(),
                           [](const auto& client) { return client->resting(); });
      },
      client_options_.workload.timeout + seconds(10)))
      << "a client gets no answer";
}

void ShardedScenario::ReadAllKeys() {
  std::vector<SimClientWorker::Demand> reads;
  for (const std::string& key : Keys()) reads.push_back({.key = key});
  clients_.front()->DoAll(std::move(reads));
  EXPECT_TRUE(Await([this] { return clients_.front()->resting(); }, minutes(3)))
      << "keys cannot be read";
}

void ShardedScenario::Finish() {
  StopClients();
  AwaitSettled();
  if (!WhatIsUnsettled().empty()) return;
  if (!clients_.empty()) ReadAllKeys();
  for (const sharding::ShardDescriptor& shard : Shards()) CompareStates(shard.shard);
}

void ShardedScenario::JudgeHistory() const {
  const auto expect = [](const Judgement& judgement, const std::string& what) {
    EXPECT_EQ(judgement.verdict, Verdict::kValid) << what << ": " << judgement.reason;
  };
  for (const auto& [key, operations] : history_.keys()) {
    expect(CheckLinearizable(operations, kJudgeStepsMax), key + " is not linearizable");
    expect(CheckVersions(operations), "versions of " + key);
    expect(CheckStaleReads(operations), "stale reads of " + key);
  }
  for (const KeyGroup& group : client_options_.workload.groups) {
    expect(CheckAtomicity(group, history_), group.tag + " is not atomic");
  }
}

}  // namespace flotilla::simulation
