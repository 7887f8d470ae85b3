#include "tests/simulation/cluster/cluster_host.h"

#include <charconv>
#include <initializer_list>
#include <sstream>
#include <string_view>
#include <utility>
#include <variant>

#include "kv/directory.h"

namespace flotilla::simulation {

namespace {

std::string PeerAddress(NodeIndex node) { return "n" + std::to_string(node) + ":6171"; }

}  // namespace

std::string ClientEndpoint(NodeIndex node) { return "n" + std::to_string(node) + ":6170"; }

std::optional<NodeIndex> MachineAt(const std::string& address) {
  NodeIndex node = 0;
  if (address.empty() || address[0] != 'n') return std::nullopt;
  const char* begin = address.data() + 1;
  if (std::from_chars(begin, address.data() + address.size(), node).ec != std::errc()) {
    return std::nullopt;
  }
  return node;
}

// What nodes log are situations that a sweep has seen, and lines of the trace.
class ClusterHost::MarkingLogger : public Logger {
 public:
  MarkingLogger(RunRecord& record, NodeIndex node, std::function<void(std::string_view)> logged)
      : record_(record), node_(node), logged_(std::move(logged)) {}
  bool Enabled(LogLevel level) const override {
    return record_.tracing() || level >= LogLevel::kInfo;
  }
  void Write(LogLevel, std::string_view event, std::initializer_list<LogField> fields) override {
    record_.Mark("log." + std::string(event));
    for (const LogField& field : fields) {
      if (field.name != "cause" && field.name != "made_of") continue;
      std::ostringstream mark;
      mark << "log." << event << (field.name == "cause" ? " for " : " made of ");
      std::visit([&mark](const auto& value) { mark << value; }, field.value);
      record_.Mark(mark.str());
    }
    logged_(event);
    if (!record_.tracing()) return;
    std::ostringstream os;
    os << "node " << node_ << ": " << event;
    for (const LogField& field : fields) {
      os << ' ' << field.name << '=';
      std::visit([&os](const auto& value) { os << value; }, field.value);
    }
    record_.Trace(os.str());
  }

 private:
  RunRecord& record_;
  const NodeIndex node_;
  const std::function<void(std::string_view)> logged_;
};

ClusterHost::ClusterHost(SimWorld& world, SimNetwork& network, RunRecord& record,
                         ClusterHostOptions options, Events events)
    : options_(std::move(options)),
      events_(std::move(events)),
      network_(network),
      record_(record),
      oracle_(
          world,
          [this](NodeId node, ShardId shard) -> std::optional<raft::RaftStatus> {
            const auto replica = ReplicaOf(MachineOf(node), shard);
            return replica.has_value() ? std::optional(replica->raft) : std::nullopt;
          },
          record),
      machines_(MakeMachines(world, network, options_.machines(), options_.machine)),
      processes_(options_.machines()) {
  oracle_.WatchOrders(
      [this](NodeIndex machine, const node::ShardOrder& order) { JudgeOrder(machine, order); });
}

// Machines end their processes, which processes_ must outlive.
ClusterHost::~ClusterHost() { machines_.clear(); }

node::NodeOptions ClusterHost::OptionsOf(NodeIndex node) const {
  node::NodeOptions options = options_.node;
  options.node = NodeOf(node);
  options.data_folder = "/data";
  options.initial_nodes = options_.founders;
  for (NodeIndex peer = 0; peer < options_.founders; ++peer) {
    options.join.push_back(PeerAddress(peer));
  }
  options.advertise_peer = PeerAddress(node);
  options.advertise_client = ClientEndpoint(node);
  return options;
}

// Who orders a change has it written down, and not that it is over.
void ClusterHost::JudgeOrder(NodeIndex sender, const node::ShardOrder& order) {
  const node::Node* const leader = node(sender);
  if (leader == nullptr || std::holds_alternative<node::HandOver>(order.what)) return;
  const auto operations = leader->Operations();
  if (!operations.ok()) return;  // it has just been deposed
  const bool recorded = std::any_of(operations->begin(), operations->end(), [&](const auto& each) {
    return ShardOf(each.record.step) == order.shard && !each.record.has_ended();
  });
  if (recorded) return record_.Mark("cluster.order_recorded");
  record_.Fail("node " + ToString(NodeOf(sender)) + " has shard " + ToString(order.shard) +
               " changed, and the directory has no record of it");
}

void ClusterHost::Start(NodeIndex node) {
  SimMachine& machine = *machines_[node];
  Process& process = processes_[node];
  machine.Start([this, node] {
    processes_[node].node.reset();
    processes_[node] = {};
    events_.died(node);
  });
  process.logger = std::make_unique<MarkingLogger>(
      record_, node, [this, node](std::string_view event) { events_.logged(node, event); });
  const auto on_fatal = [this, node](const absl::Status& why) { events_.stopped(node, why); };
  process.transport = std::make_unique<SimTransport>(network_, node, machine.clock(),
                                                     machine.executor(), MachineAt);
  process.watched_transport = oracle_.Watch(node, *process.transport);
  process.engines = oracle_.Watch(node, std::make_unique<storage::MapEngineSource>(
                                            options_.engine,
                                            storage::MapEngineWorld{.disk = machine.disk(),
                                                                    .clock = &machine.clock(),
                                                                    .executor = &machine.executor(),
                                                                    .on_fatal = on_fatal},
                                            machine.ProcessRandom().Split()));
  node::NodeEnvironment environment{.clock = machine.clock(),
                                    .executor = machine.executor(),
                                    .sequences = machine.sequences(),
                                    .disk = machine.disk(),
                                    .engines = *process.engines,
                                    .transport = *process.watched_transport,
                                    .logger = *process.logger,
                                    .authorizer = authorizer_,
                                    .seed = machine.ProcessRandom().Next(),
                                    .on_fatal = on_fatal};
  auto started = node::Node::Start(OptionsOf(node), std::move(environment));
  if (!started.ok()) return events_.stopped(node, started.status());
  process.node = *std::move(started);
  OpenFrontDoor(node);
}

void ClusterHost::OpenFrontDoor(NodeIndex node) {
  SimMachine& machine = *machines_[node];
  Process& process = processes_[node];
  process.front_door =
      std::make_unique<SimFrontDoor>(SimFrontDoor::Environment{.network = network_,
                                                               .self = node,
                                                               .clock = machine.clock(),
                                                               .executor = machine.executor(),
                                                               .logger = *process.logger,
                                                               .record = record_},
                                     *process.node, options_.node.limits);
  SimFrontDoor& door = *process.front_door;
  process.transport->Attach(
      *process.node, {.on_message = [&door](NodeIndex from, Channel,
                                            std::string_view bytes) { door.OnFrame(from, bytes); },
                      .on_peer_lost = [&door](NodeIndex peer) { door.OnPeerLost(peer); }});
}

std::optional<node::ReplicaStatus> ClusterHost::ReplicaOf(NodeIndex node, ShardId shard) const {
  if (processes_[node].node == nullptr) return std::nullopt;
  const node::NodeStatus status = processes_[node].node->Status();
  if (shard == kv::kDirectoryShard) return status.directory.replica;
  for (const node::ReplicaStatus& replica : status.replicas) {
    if (replica.shard == shard) return replica;
  }
  return std::nullopt;
}

std::optional<NodeIndex> ClusterHost::LeaderOf(ShardId shard) const {
  std::optional<NodeIndex> leader;
  Term term;
  for (NodeIndex node = 0; node < size(); ++node) {
    const std::optional<node::ReplicaStatus> replica = ReplicaOf(node, shard);
    if (!replica.has_value() || replica->raft.role != raft::Role::kLeader) continue;
    if (leader.has_value() && replica->raft.term < term) continue;
    leader = node;
    term = replica->raft.term;
  }
  return leader;
}

std::vector<sharding::ShardDescriptor> ClusterHost::Shards() const {
  std::vector<sharding::ShardDescriptor> shards;
  for (const Process& process : processes_) {
    if (process.node == nullptr) continue;
    const auto map = process.node->ShardMap();
    if (map.size() < options_.node.initial_shards) continue;
    for (const auto& [descriptor, route] : map) shards.push_back(descriptor);
    break;
  }
  return shards;
}

}  // namespace flotilla::simulation
