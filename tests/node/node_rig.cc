#include "tests/node/node_rig.h"

#include <algorithm>
#include <utility>

#include <gtest/gtest.h>

namespace flotilla::node {

namespace {

std::string PeerAddress(uint64_t id) { return "n" + std::to_string(id) + ":6171"; }

std::optional<simulation::NodeIndex> MachineAt(const std::string& address) {
  if (address.size() < 2 || address[0] != 'n') return std::nullopt;
  return static_cast<simulation::NodeIndex>(std::stoul(address.substr(1)));
}

}  // namespace

NodeRig::NodeRig(uint64_t seed, uint64_t machines, uint32_t initial,
                 std::function<void(NodeOptions&)> adjust)
    : world_(seed),
      network_(world_, static_cast<simulation::NodeIndex>(machines + 1)),
      initial_(initial),
      adjust_(std::move(adjust)) {
  simulation::SimMachineOptions options;
  options.work_delay_mean = std::chrono::microseconds(50);
  options.done_delay_mean = std::chrono::microseconds(50);
  for (uint64_t id = 1; id <= machines; ++id) {
    machines_[id] = std::make_unique<simulation::SimMachine>(
        world_, network_, static_cast<simulation::NodeIndex>(id), options);
  }
}

NodeRig::~NodeRig() {
  for (auto& [id, machine] : machines_) {
    if (machine->running()) machine->Kill();
  }
}

bool NodeRig::running(uint64_t id) const { return machines_.at(id)->running(); }

void NodeRig::Start(uint64_t id) {
  const absl::Status started = TryStart(id);
  ASSERT_TRUE(started.ok()) << started;
}

absl::Status NodeRig::TryStart(uint64_t id) {
  simulation::SimMachine& machine = *machines_[id];
  machine.Start([this, id] {
    if (processes_[id] != nullptr) processes_[id]->node.reset();
    processes_[id].reset();
  });
  auto process = std::make_unique<Process>();
  process->transport = std::make_unique<simulation::SimTransport>(
      network_, machine.node(), machine.clock(), machine.executor(), MachineAt);
  process->sequences = std::make_unique<HeldSequences>(machine.sequences());
  process->engines = std::make_unique<FailingEngineSource>(
      std::make_unique<storage::MapEngineSource>(
          storage::MapEngineOptions(),
          storage::MapEngineWorld{
              .disk = machine.disk(),
              .clock = &machine.clock(),
              .executor = &machine.executor(),
              .on_fatal = [this, id](const absl::Status& why) { fatal_[id] = why; }},
          machine.ProcessRandom()),
      engine_errors_[id]);
  NodeOptions options;
  options.node = NodeId(id);
  options.data_folder = "/data";
  options.initial_nodes = initial_;
  for (uint64_t i = 1; i <= initial_; ++i) options.join.push_back(PeerAddress(i));
  options.advertise_peer = PeerAddress(id);
  options.advertise_client = "client" + std::to_string(id);
  options.log.segment_bytes = 256 << 10;
  if (adjust_) adjust_(options);
  Random random = machine.ProcessRandom();
  NodeEnvironment environment{.clock = machine.clock(),
                              .executor = machine.executor(),
                              .sequences = *process->sequences,
                              .disk = machine.disk(),
                              .engines = *process->engines,
                              .transport = *process->transport,
                              .logger = logger_,
                              .authorizer = authorizer_,
                              .seed = random.Next(),
                              .on_fatal = [this, id](absl::Status why) { fatal_[id] = why; }};
  absl::StatusOr<std::unique_ptr<Node>> node = Node::Start(options, std::move(environment));
  if (!node.ok()) {
    process.reset();
    machine.Kill();
    return node.status();
  }
  process->node = *std::move(node);
  process->transport->Attach(*process->node);
  processes_[id] = std::move(process);
  return absl::OkStatus();
}

void NodeRig::StartAll() {
  for (const auto& [id, machine] : machines_) Start(id);
}

void NodeRig::Kill(uint64_t id) { machines_[id]->Kill(); }

void NodeRig::PowerOff(uint64_t id) {
  machines_[id]->PowerOff(simulation::CrashModel::LoseAllUnsynced());
}

bool NodeRig::RunUntil(const std::function<bool()>& condition, Duration limit) {
  const Duration end = world_.now() + limit;
  while (!condition()) {
    if (world_.now() >= end || !world_.Step()) return condition();
  }
  return true;
}

uint64_t NodeRig::LeaderOf(ShardId shard) {
  Term newest;
  uint64_t leader = 0;
  for (const auto& [id, process] : processes_) {
    if (process == nullptr) continue;
    NodeStatus status = process->node->Status();
    if (status.directory.replica) status.replicas.push_back(*std::move(status.directory.replica));
    for (const ReplicaStatus& replica : status.replicas) {
      const bool leads = replica.shard == shard && replica.raft.role == raft::Role::kLeader;
      if (!leads || replica.raft.term < newest) continue;
      newest = replica.raft.term;
      leader = id;
    }
  }
  return leader;
}

bool NodeRig::AwaitLeader(ShardId shard) {
  return RunUntil([&] { return LeaderOf(shard) != 0; });
}

WriteReply NodeRig::Write(uint64_t id, const kv::Command& command, Duration timeout) {
  std::optional<WriteReply> reply;
  WriteRequest request;
  request.context.deadline = machines_[id]->clock().Now() + timeout;
  request.command = MakeBytes(kv::EncodeCommand(command));
  node(id)->Write(std::move(request), [&](WriteReply answer) { reply = std::move(answer); });
  EXPECT_TRUE(RunUntil([&] { return reply.has_value(); }, timeout + std::chrono::seconds(1)));
  return reply.value_or(WriteReply());
}

ReadReply NodeRig::Read(uint64_t id, kv::ReadRequest read, ReadLevel level, Duration timeout) {
  std::optional<ReadReply> reply;
  ReadRequest request;
  request.context.deadline = machines_[id]->clock().Now() + timeout;
  request.level = level;
  request.read = std::move(read);
  node(id)->Read(std::move(request), [&](ReadReply answer) { reply = std::move(answer); });
  EXPECT_TRUE(RunUntil([&] { return reply.has_value(); }, timeout + std::chrono::seconds(1)));
  return reply.value_or(ReadReply());
}

WriteReply NodeRig::Put(uint64_t id, std::string key, std::string value) {
  return Write(id, PutCommand(std::move(key), std::move(value)));
}

std::optional<std::string> NodeRig::Get(uint64_t id, std::string key) {
  const ReadReply reply = Read(id, {.operation = kv::Get{.key = std::move(key)}});
  EXPECT_TRUE(reply.error.ok()) << reply.error.message;
  if (reply.result.rows.empty() || !reply.result.rows[0].has_value()) return std::nullopt;
  return reply.result.rows[0]->value;
}

bool NodeRig::Converged() {
  const uint64_t leader = LeaderOf();
  if (leader == 0) return false;
  const LogIndex applied = node(leader)->Status().replicas.at(0).raft.applied;
  return std::all_of(processes_.begin(), processes_.end(), [&](const auto& process) {
    if (process.second == nullptr) return true;
    const NodeStatus status = process.second->node->Status();
    return !status.replicas.empty() && status.replicas[0].raft.applied == applied;
  });
}

kv::Command PutCommand(std::string key, std::string value) {
  return {.operation = kv::Put{.key = std::move(key), .value = std::move(value)}};
}

kv::Command IncrementCommand(std::string key, int64_t delta) {
  return {.operation = kv::Increment{.key = std::move(key), .delta = delta}};
}

}  // namespace flotilla::node
