// The clients of the cluster world: what happens to them, what they must get done in the liveness
// phase, and whether what they saw can be.
#include <algorithm>

#include "tests/simulation/cluster/cluster_world.h"
#include "tests/simulation/history_checks.h"

namespace flotilla::simulation {

namespace {

using std::chrono::milliseconds;

constexpr uint64_t kJudgeStepsMax = 3'000'000;
constexpr int64_t kTrueRate = 1'000'000;

bool Writes(const HistoryCall& call) {
  return std::any_of(call.operations.begin(), call.operations.end(),
                     [](const Operation& op) { return op.kind != OpKind::kRead; });
}

}  // namespace

void ClusterWorld::StartClients() {
  for (size_t i = 0; i < options_.clients; ++i) {
    const auto self = static_cast<NodeIndex>(options_.machines() + i);
    for (NodeIndex node = 0; node < options_.machines(); ++node) {
      network_.SetLink(self, node, options_.client_links);
      network_.SetLink(node, self, options_.client_links);
    }
    clients_.push_back(std::make_unique<SimClient>(options_.client, client_surroundings_, self,
                                                   [this, i] { OnClientDeath(i); }));
    const auto wrong =
        static_cast<int64_t>(client_random_.Between(0, 2 * options_.client_clock_error_ppm));
    clients_.back()->machine().clock().SetRate(
        kTrueRate + wrong - static_cast<int64_t>(options_.client_clock_error_ppm));
    clients_.back()->Start();
  }
}

void ClusterWorld::DisturbClient(Random& random) {
  const auto index = static_cast<size_t>(random.Below(options_.clients));
  const auto node = static_cast<NodeIndex>(random.Below(options_.machines()));
  const Duration time = random.Exponential(options_.client_fault_mean);
  const uint64_t fault = random.Below(10);
  const auto begin = [&](const std::string& what) {
    return faults_.Begin("client " + std::to_string(index) + " " + what) && !clients_.empty();
  };
  const auto self = static_cast<NodeIndex>(options_.machines() + index);
  if (fault == 0 && begin("powered off")) {
    clients_[index]->machine().PowerOff({});
  } else if (fault == 1 && begin("killed")) {
    clients_[index]->machine().Kill();
  } else if (fault == 2 && begin("leaves")) {
    clients_[index]->Leave();
  } else if (fault >= 3 && fault <= 4 && begin("disconnected from " + std::to_string(node))) {
    network_.BreakConnection(self, node);
  } else if (fault >= 5 && fault <= 6 && begin("held up at " + std::to_string(node))) {
    network_.Clog(self, node, world_.now() + time);
    network_.Clog(node, self, world_.now() + time);
  } else if (fault >= 7) {
    const bool all = random.Chance(1, 3);
    const uint64_t ways = random.Between(1, 3);
    const std::string from = all ? "everyone" : std::to_string(node);
    if (begin("cut off from " + from))
      CutClient(self, all ? std::nullopt : std::optional(node), ways, time);
  }
}

// From one node or from all; in one direction (1: what it says, 2: what it hears), or both.
void ClusterWorld::CutClient(NodeIndex client, std::optional<NodeIndex> one, uint64_t ways,
                             Duration time) {
  const auto block = [this, client, one, ways](bool blocked) {
    for (NodeIndex node = 0; node < options_.machines(); ++node) {
      if (one.has_value() && node != *one) continue;
      if ((ways & 1) != 0) network_.Block(client, node, blocked);
      if ((ways & 2) != 0) network_.Block(node, client, blocked);
    }
  };
  block(true);
  After(time, [this, block] {
    if (safety_phase_) block(false);
  });
}

void ClusterWorld::OnClientDeath(size_t client) {
  Duration downtime{};
  // One that was about to leave may go after the faults have ended.
  if (safety_phase_) {
    Random random =
        world_.Stream("client downtime", clients_[client]->machine().life() << 32 | client);
    downtime = random.Exponential(options_.client_fault_mean);
  }
  After(downtime, [this, client] {
    if (!clients_[client]->running()) clients_[client]->Start();
  });
}

// They reach the healthy core. Nodes outside of it, which the core does not hear of, they may reach
// as well, and have to find out.
void ClusterWorld::HealClients() {
  for (const auto& client : clients_) {
    const NodeIndex self = client->machine().node();
    client->machine().clock().SetRate(kTrueRate);
    for (NodeIndex node = 0; node < options_.machines(); ++node) {
      const bool in_core = std::find(core_.begin(), core_.end(), node) != core_.end();
      const bool cut = !in_core && client_random_.Chance(1, 2);
      network_.SetLink(self, node, LinkOptions());
      network_.SetLink(node, self, LinkOptions());
      network_.Block(self, node, cut);
      network_.Block(node, self, cut);
    }
    if (!client->running()) client->Start();
  }
}

// A stale read of any node, as by a program that is next to it. The library goes to leaders, whose
// state is seldom old.
void ClusterWorld::AskAnyReplica() {
  const auto machine = static_cast<NodeIndex>(random_.Below(options_.machines()));
  const std::string key = random_.Pick(options_.client.workload.AllKeys());
  node::Node* node = host_->node(machine);
  if (node == nullptr) return;
  node::ReadRequest request;
  request.target.shard = ShardOf(key);
  request.level = node::ReadLevel::kStale;
  request.context.deadline = host_->machine(machine).clock().Now() + std::chrono::seconds(1);
  request.read.operation = kv::Get{key};
  auto done = [this, key, invoked = world_.now()](const node::ReadReply& reply) {
    if (reply.error.ok()) NoteStaleRead(key, invoked, reply);
  };
  host_->machine(machine).executor().Post(
      [node, request, done]() mutable { node->Read(std::move(request), std::move(done)); });
}

void ClusterWorld::NoteStaleRead(const std::string& key, Duration invoked,
                                 const node::ReadReply& reply) {
  record_.Mark("cluster.any_replica_read");
  Operation read;
  read.process = next_process_++;
  read.key = key;
  read.invoked = invoked;
  read.completed = world_.now();
  read.fate = OpFate::kOk;
  read.stale = true;
  read.lag = reply.lag;
  if (!reply.result.rows.empty() && reply.result.rows.front().has_value()) {
    read.value = reply.result.rows.front()->value;
    read.version = reply.result.rows.front()->version;
  }
  history_.Add({.process = read.process,
                .invoked = read.invoked,
                .completed = read.completed,
                .fate = read.fate,
                .operations = {read}});
}

bool ClusterWorld::AwaitClients() {
  if (record_.failed()) return false;
  for (const auto& client : clients_) client->Stop();
  const auto busy = [](const auto& client) { return !client->resting(); };
  const Duration end = world_.now() + options_.liveness_limit;
  while (!record_.failed() && std::any_of(clients_.begin(), clients_.end(), busy)) {
    if (world_.now() >= end) {
      record_.Fail("liveness: requests are not answered although a majority is healthy; " +
                   WhatMembersLack());
      break;
    }
    RunUntil(world_.now() + milliseconds(100));
  }
  return !record_.failed();
}

std::vector<SimClientWorker::Demand> ClusterWorld::FinalCallsOf(size_t client) const {
  std::vector<SimClientWorker::Demand> calls;
  const WorkloadOptions& workload = options_.client.workload;
  const std::vector<std::string> keys = workload.AllKeys();
  for (size_t i = client; i < keys.size(); i += clients_.size()) calls.push_back({.key = keys[i]});
  std::vector<std::string> writable = workload.registers;
  writable.insert(writable.end(), workload.counters.begin(), workload.counters.end());
  writable.insert(writable.end(), workload.lists.begin(), workload.lists.end());
  for (const sharding::ShardDescriptor& shard : shards_) {
    const auto here = std::find_if(writable.begin(), writable.end(), [&](const std::string& key) {
      return ShardOf(key) == shard.shard;
    });
    if (here != writable.end()) calls.push_back({.key = *here, .write = true});
  }
  return calls;
}

bool ClusterWorld::AwaitFinalCalls() {
  if (record_.failed()) return false;
  for (size_t i = 0; i < clients_.size(); ++i) {
    clients_[i]->DoAll(FinalCallsOf(i));
  }
  return AwaitClients();
}

uint64_t ClusterWorld::Acknowledged() const {
  const std::vector<HistoryCall>& calls = history_.calls();
  return static_cast<uint64_t>(
      std::count_if(calls.begin(), calls.end(),
                    [](const HistoryCall& call) { return call.fate == OpFate::kOk; }));
}

void ClusterWorld::Judge(const char* what, const Judgement& judgement) {
  if (judgement.verdict == Verdict::kInvalid) record_.Fail(what + (": " + judgement.reason));
  if (judgement.verdict == Verdict::kUnknown) record_.Mark("check.unknown");
}

void ClusterWorld::JudgeHistory() {
  for (const auto& [key, operations] : history_.keys()) {
    Judge("not linearizable", CheckLinearizable(operations, kJudgeStepsMax));
    Judge("versions", CheckVersions(operations));
    Judge("stale reads", CheckStaleReads(operations));
    record_.Mark("check.keys");
  }
  for (const KeyGroup& group : options_.client.workload.groups) {
    Judge("not atomic", CheckAtomicity(group, history_));
  }
  const std::vector<HistoryCall>& calls = history_.calls();
  const bool written = std::any_of(calls.begin(), calls.end(), [](const HistoryCall& call) {
    return call.fate == OpFate::kOk && Writes(call);
  });
  if (!written && !options_.atlas.beyond) {
    record_.Fail("nothing that clients wrote was acknowledged");
  }
}

}  // namespace flotilla::simulation
