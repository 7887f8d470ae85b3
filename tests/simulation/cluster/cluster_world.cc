#include "tests/simulation/cluster/cluster_world.h"

#include <algorithm>
#include <string>

#include "kv/directory.h"
#include "tests/simulation/swarm.h"

namespace flotilla::simulation {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Events between two looks at all nodes.
constexpr uint64_t kInspectEvery = 64;
constexpr Duration kFormLimit = seconds(60);

void DrawSnapshotOptions(Random& random, node::NodeOptions& node) {
  node.snapshot_chunk_bytes = random.Between(64, 4096);
  node.snapshot_window_chunks = random.Between(1, 8);
  node.snapshot_bytes_per_second = 0;
  if (random.Chance(2, 3)) {
    // Often so slow that a snapshot takes longer than an election.
    node.snapshot_bytes_per_second = uint64_t{2048} << random.Below(4);
    node.snapshot_chunk_bytes = random.Between(64, 512);
  }
  node.snapshot_max_sends = random.Between(1, 3);
  node.snapshot_max_receives = random.Between(1, 3);
  node.snapshot_keep = DrawDelay(random, seconds(30));
}

node::NodeOptions DrawNodeOptions(Random& random) {
  node::NodeOptions node;
  if (random.Chance(1, 2)) node.initial_shards = static_cast<uint32_t>(random.Between(2, 4));
  node.raft = DrawRaftOptions(random);
  node.tick = milliseconds(random.Between(20, 60));
  node.log.segment_bytes = random.Between(4, 64) * 4096;
  node.log.budget_bytes = node.log.segment_bytes * random.Between(4, 20);
  node.log.marker_delay = milliseconds(random.Between(1, 50));
  node.max_entry_bytes = random.Between(100, 10'000);
  node.round_spacing = DrawDelay(random, milliseconds(5));
  node.flush_log_bytes = random.Between(1'000, 100'000);
  node.flush_log_entries = random.Between(5, 200);
  node.compact_log_entries = random.Between(1, 100);
  node.rest_after = DrawDelay(random, seconds(10));
  node.rest_flush_bytes = random.Between(1, 10'000);
  DrawSnapshotOptions(random, node);
  if (random.Chance(1, 4)) {
    node.session_limits.max_sessions = static_cast<uint32_t>(random.Between(2, 8));
  }
  if (random.Chance(1, 3)) {
    node.child_draft_bytes = random.Chance(1, 2) ? 0 : random.Between(1, 1'000);
  }
  return node;
}

SimDiskOptions DrawDisk(Random& random) {
  SimDiskOptions disk;
  disk.read_latency_mean = DrawDelay(random, milliseconds(2));
  disk.write_latency_mean = DrawDelay(random, milliseconds(2));
  disk.sync_latency_mean = DrawDelay(random, milliseconds(20));
  if (random.Chance(1, 4)) {
    disk.stall = static_cast<uint32_t>(random.Below(2'000));
    disk.stall_mean = milliseconds(random.Between(100, 3'000));
  }
  return disk;
}

WorkloadOptions DrawWorkload(Random& random) {
  WorkloadOptions workload;
  const auto name_keys = [&random](std::vector<std::string>& keys, const char* prefix) {
    for (uint64_t left = random.Between(1, 4); left > 0; --left) {
      keys.push_back(prefix + std::to_string(left));
    }
  };
  name_keys(workload.registers, "r");
  name_keys(workload.counters, "c");
  name_keys(workload.lists, "l");
  for (uint64_t left = random.Between(1, 3); left > 0; --left) {
    workload.groups.push_back({.tag = "g" + std::to_string(left)});
  }
  if (random.Chance(1, 2)) workload.long_value_bytes = random.Between(500, 3'000);
  workload.think_mean = milliseconds(random.Between(1, 25));
  workload.timeout = milliseconds(random.Between(200, 10'000));
  return workload;
}

client::CoreOptions DrawCore(Random& random) {
  client::CoreOptions core;
  core.silence_limit = milliseconds(random.Between(100, 1'000));
  core.backoff.max = milliseconds(random.Between(20, 1'000));
  core.session_timeout = milliseconds(random.Between(500, 5'000));
  core.link.try_timeout = milliseconds(random.Between(500, 3'000));
  core.link.backoff = core.backoff;
  if (random.Chance(1, 2)) {
    core.link.max_batch_operations = random.Between(1, 4);
    core.link.max_unanswered = random.Between(1, 8);
    core.sessions.window = random.Between(1, 4);
    core.sessions.idle_limit = milliseconds(random.Between(100, 5'000));
  }
  return core;
}

SimClientOptions DrawClient(Random& random) {
  SimClientOptions client;
  client.workload = DrawWorkload(random);
  client.workers = static_cast<uint32_t>(random.Between(1, 4));
  client.core = DrawCore(random);
  client.machine.executor = {.post_delay_mean = DrawDelay(random, milliseconds(1)),
                             .timer_delay_mean = DrawDelay(random, milliseconds(5))};
  return client;
}

// By so little load, and after so short a time, that it happens in a run.
void DrawLoad(Random& random, ClusterWorldOptions& options) {
  options.node.load_span = milliseconds(random.Between(2'000, 4'000));
  options.node.least_load = random.Between(1, 10);
  options.steady_interval = milliseconds(random.Between(5, 40));
  if (random.Chance(1, 4)) return;
  options.node.split_load = random.Between(1, 20);
  if (options.node.split_bytes > 0) return;
  options.node.max_shards = static_cast<uint32_t>(random.Between(4, 12));
}

// The directory moves and splits by itself.
void DrawBalancer(Random& random, ClusterWorldOptions& options) {
  options.node.balance = true;
  // A machine that was wiped before it held anything is as good as any: which ones may be counted
  // on would depend on what the balancer gave to whom.
  options.atlas.wipes = false;
  options.node.dead_after = milliseconds(random.Between(1'000, 30'000));
  options.node.gone_after = milliseconds(random.Between(500, 5'000));
  if (random.Chance(1, 2)) options.spares = static_cast<uint32_t>(random.Between(1, 2));
  if (random.Chance(1, 2)) {
    options.duty_interval = milliseconds(random.Between(500, 5'000));
    // Who is to leave needs somebody to leave everything to.
    options.spares = std::max<uint32_t>(options.spares, 1);
  }
  if (random.Chance(1, 2)) {
    options.node.split_bytes = random.Between(50, 2'000);
    options.node.max_shards = static_cast<uint32_t>(random.Between(4, 12));
  }
  if (random.Chance(1, 2)) options.cancel_interval = milliseconds(random.Between(200, 5'000));
  if (random.Chance(1, 2)) options.ask_interval = milliseconds(random.Between(100, 2'000));
  if (random.Chance(2, 3)) DrawLoad(random, options);
}

}  // namespace

bool ClusterWorldOptions::HasDiskFaults() const {
  return nemesis.disk_errors + nemesis.disk_full > Duration::zero();
}

ClusterWorldOptions ClusterWorldOptions::Draw(Random& random) {
  ClusterWorldOptions options;
  options.nodes = static_cast<uint32_t>(random.Chance(1, 8) ? random.Between(1, 5) : 3);
  options.clients = static_cast<uint32_t>(random.Between(1, 6));
  options.links = DrawLinks(random);
  options.nemesis = NemesisOptions::Draw(random);
  if (random.Chance(1, 4)) options.nemesis.disk_errors = milliseconds(random.Between(500, 15'000));
  if (random.Chance(1, 6)) options.nemesis.disk_full = milliseconds(random.Between(500, 15'000));
  options.machine = {.disk = DrawDisk(random),
                     .executor = {.post_delay_mean = DrawDelay(random, milliseconds(1)),
                                  .timer_delay_mean = DrawDelay(random, milliseconds(5))},
                     .work_delay_mean = DrawDelay(random, milliseconds(5)),
                     .done_delay_mean = DrawDelay(random, milliseconds(5))};
  options.node = DrawNodeOptions(random);
  options.engine = {.flush_one_in_writes = static_cast<uint32_t>(random.Between(1, 64)),
                    .flush_delay_mean = DrawDelay(random, milliseconds(200)),
                    .report_delay_mean = DrawDelay(random, milliseconds(100))};
  if (random.Chance(1, 2)) {
    options.engine.fail_one_in_flushes = static_cast<uint32_t>(random.Between(10, 200));
  }
  options.client = DrawClient(random);
  options.client_links = DrawLinks(random);
  if (random.Chance(1, 2)) options.client_clock_error_ppm = random.Between(1, 100'000);
  if (random.Chance(2, 3)) {
    options.client_fault_interval = milliseconds(random.Between(200, 5'000));
    options.client_fault_mean = milliseconds(random.Between(50, 4'000));
  }
  if (random.Chance(1, 2)) options.transfer_interval = milliseconds(random.Between(200, 5'000));
  if (random.Chance(2, 3)) options.any_replica_interval = milliseconds(random.Between(10, 300));
  options.safety_time = seconds(random.Between(5, 30));
  if (random.Chance(1, 3)) {
    options.spares = static_cast<uint32_t>(random.Between(1, 2));
    options.membership_interval = milliseconds(random.Between(100, 3'000));
  }
  if (random.Chance(1, 2))
    options.crash_at_line.interval = milliseconds(random.Between(300, 8'000));
  options.crash_at_line.delay_mean = DrawDelay(random, milliseconds(20));
  if (random.Chance(1, 2)) {
    options.cut_at_snapshot.interval = milliseconds(random.Between(100, 1'000));
  }
  options.cut_at_snapshot.delay_mean = milliseconds(random.Between(10, 300));
  options.atlas.beyond = random.Chance(1, 20);
  options.atlas.wipes = random.Chance(1, 2);
  options.atlas.founders = options.nodes;
  if (options.atlas.beyond || random.Chance(1, 3)) {
    options.atlas.damage = milliseconds(random.Between(500, 5'000));
    // A replica that an error of another disk stopped is one too many.
    if (!options.atlas.beyond) options.nemesis.disk_errors = options.nemesis.disk_full = {};
  }
  if (random.Chance(1, 3)) options.split_interval = milliseconds(random.Between(500, 5'000));
  if (random.Chance(1, 3)) DrawBalancer(random, options);
  return options;
}

ClusterWorld::ClusterWorld(uint64_t seed, const ClusterWorldOptions& options, std::FILE* trace)
    : options_(options),
      world_(seed),
      record_(world_, trace),
      network_(world_, options.machines() + options.clients),
      random_(world_.Stream("cluster world")),
      client_random_(world_.Stream("clients")),
      faults_(world_, record_, options.skipped_faults),
      client_surroundings_{.world = world_,
                           .network = network_,
                           .record = record_,
                           .history = history_,
                           .next_process = next_process_,
                           .endpoints = {},
                           .directory = MachineAt} {
  for (NodeIndex node = 0; node < options_.machines(); ++node) {
    client_surroundings_.endpoints.push_back(ClientEndpoint(node));
  }
  host_ = std::make_unique<ClusterHost>(
      world_, network_, record_,
      ClusterHostOptions{.founders = options_.nodes,
                         .spares = options_.spares,
                         .machine = options_.machine,
                         .node = options_.node,
                         .engine = options_.engine},
      ClusterHost::Events{
          .died =
              [this](NodeIndex node) {
                nemesis_->OnDeath(node);
                StartAgainInCore(node);
              },
          .stopped = [this](NodeIndex node, const absl::Status& why) { OnFatal(node, why); },
          .logged = [this](NodeIndex node, std::string_view event) { OnLogged(node, event); }});
  network_.SetAllLinks(options_.links);
  nemesis_ = std::make_unique<Nemesis>(Nemesis::World{.world = world_,
                                                      .network = network_,
                                                      .machines = host_->machines(),
                                                      .faults = faults_,
                                                      .record = record_,
                                                      .restart =
                                                          [this](NodeIndex n) {
                                                            if (!retired_.contains(n))
                                                              host_->Start(n);
                                                          },
                                                      .leaders = [this] { return Leaders(); }},
                                       options_.nemesis);
  atlas_ = std::make_unique<FaultAtlas>(
      FaultAtlas::World{.world = world_,
                        .machines = host_->machines(),
                        .nemesis = *nemesis_,
                        .faults = faults_,
                        .record = record_,
                        .can_spare = [this](NodeIndex machine) { return CanSpare(machine); },
                        .on_wipe = [this](NodeIndex machine) { host_->OnDiskLost(machine); }},
      options_.atlas);
  crash_at_line_ = std::make_unique<CrashAtLine>(CrashAtLine::World{.world = world_,
                                                                    .machines = host_->machines(),
                                                                    .nemesis = *nemesis_,
                                                                    .faults = faults_,
                                                                    .record = record_},
                                                 options_.crash_at_line);
  cut_at_snapshot_ =
      std::make_unique<CutAtSnapshot>(CutAtSnapshot::World{.world = world_,
                                                           .network = network_,
                                                           .machines = options_.machines(),
                                                           .faults = faults_,
                                                           .record = record_},
                                      options_.cut_at_snapshot);
  faults_.Add("client", options_.client_fault_interval,
              [this](Random& random) { DisturbClient(random); });
}

ClusterWorld::~ClusterWorld() {
  nemesis_->Stop();
  safety_phase_ = false;
  clients_.clear();
  host_.reset();
}

// A node that cannot keep its promises stops; its machine is started again later.
void ClusterWorld::OnFatal(NodeIndex node, const absl::Status& why) {
  SimMachine& machine = host_->machine(node);
  if (record_.tracing()) {
    record_.Trace("node " + std::to_string(node) + " stops itself: " + why.ToString());
  }
  record_.Mark("cluster.fatal");
  if (!options_.HasDiskFaults() && !machine.disk().dead() && !atlas_->damaged(node)) {
    record_.Fail("node " + std::to_string(node) + " stopped itself: " + why.ToString());
  }
  world_.AtEndOfEvent([this, node, life = machine.life()] {
    if (host_->machine(node).life() == life) nemesis_->Crash(node, true);
  });
}

void ClusterWorld::OnLogged(NodeIndex node, std::string_view event) {
  // A disk that reports its errors loses nothing that was acknowledged.
  if (event == "log_group_suspect" && !atlas_->damaged(node)) {
    record_.Fail("persistence: node " + std::to_string(node) +
                 " lacks records that it has acknowledged");
  }
  if (event == "replica_repair_step") repaired_ = true;
  if (event == "step_begun") record_.Mark("cluster.step_begun");
  if (event == "operation_resumed") record_.Mark("cluster.operation_resumed");
  if (event == "node_forgotten") record_.Mark("cluster.node_forgotten");
  // A damaged disk apart, what arrives is what was sent: one snapshot, from its beginning to its
  // end.
  if (event == "snapshot_receive_failed" && !options_.HasDiskFaults() &&
      options_.atlas.damage == Duration::zero() && !host_->machine(node).disk().dead()) {
    record_.Fail("snapshot: node " + std::to_string(node) + " received what it cannot use");
  }
  if (crash_at_line_ != nullptr) crash_at_line_->OnLine(node, event);
  if (cut_at_snapshot_ != nullptr) cut_at_snapshot_->OnLine(node, event);
}

void ClusterWorld::After(Duration delay, std::function<void()> task) {
  world_.After(delay, EventKind::kWorld, kWorldNode, std::move(task));
}

ShardId ClusterWorld::ShardOf(const std::string& key) const {
  const sharding::Slot slot = sharding::SlotOf(key);
  for (const sharding::ShardDescriptor& shard : shards_) {
    if (shard.arc.Contains(slot)) return shard.shard;
  }
  return ShardId();
}

std::vector<ShardId> ClusterWorld::Groups() const {
  std::vector<ShardId> groups{kv::kDirectoryShard};
  for (const sharding::ShardDescriptor& shard : shards_) groups.push_back(shard.shard);
  return groups;
}

void ClusterWorld::FormCluster() {
  for (NodeIndex node = 0; node < options_.machines(); ++node) {
    // Not all at once; the late ones find the others asking.
    After(random_.Exponential(milliseconds(200)), [this, node] {
      if (!host_->machine(node).running()) host_->Start(node);
    });
  }
  while (!record_.failed() && shards_.empty()) {
    if (world_.now() > kFormLimit) return record_.Fail("liveness: no cluster is formed");
    RunUntil(world_.now() + milliseconds(100));
    shards_ = host_->Shards();
  }
}

RunResult ClusterWorld::Run() {
  FormCluster();
  if (!record_.failed()) {
    StartClients();
    faults_.Start();
    EachTime(options_.transfer_interval, [this] { OneTransfer(); });
    EachTime(options_.membership_interval, [this] { ChangeSomeMembership(); });
    EachTime(options_.any_replica_interval, [this] { AskAnyReplica(); });
    EachTime(options_.split_interval, [this] { SplitSomeShard(); });
    EachTime(options_.duty_interval, [this] { ChangeSomeDuty(); });
    EachTime(options_.cancel_interval, [this] { CancelSomeOperation(); });
    EachTime(options_.ask_interval, [this] { AskForSomeOperation(); });
    RunUntil(world_.now() + options_.safety_time);
  }
  safety_phase_ = false;
  nemesis_->Stop();
  if (!record_.failed()) HealCore();
  if (options_.atlas.beyond) {
    AwaitHaltOrRecovery();
  } else if (AwaitClients() && AwaitFinalCalls() && AwaitConvergence() && AwaitShortLogs() &&
             AwaitStandstill() && AwaitOperations()) {
    asks_steadily_ = false;
    CheckArcs();
    CompareStates();
  }
  for (const auto& client : clients_) client->Abandon();
  if (!record_.failed()) JudgeHistory();
  return Result();
}

RunResult ClusterWorld::Result() const {
  return {.seed = world_.seed(),
          .failure = record_.failure(),
          .hash = world_.hash(),
          .events = world_.events(),
          .faults = faults_.count(),
          .virtual_time = world_.now(),
          .ops = history_.calls().size(),
          .acked = Acknowledged(),
          .marks = record_.marks()};
}

void ClusterWorld::EachTime(Duration interval, std::function<void()> act) {
  if (interval == Duration::zero()) return;
  After(random_.Exponential(interval), [this, interval, act = std::move(act)] {
    if (!safety_phase_) return;
    act();
    EachTime(interval, act);
  });
}

std::vector<NodeIndex> ClusterWorld::Leaders() const {
  std::set<NodeIndex> leaders;
  for (const ShardId group : Groups()) {
    if (const auto leader = host_->LeaderOf(group)) leaders.insert(*leader);
  }
  return {leaders.begin(), leaders.end()};
}

void ClusterWorld::OneTransfer() {
  const ShardId shard = random_.Pick(Groups());
  const NodeId target(random_.Between(1, options_.machines()));
  for (NodeIndex node = 0; node < host_->size(); ++node) {
    if (host_->node(node) == nullptr) continue;
    host_->node(node)->TransferLeadership(shard, target, [this](const absl::Status& status) {
      if (status.ok()) record_.Mark("cluster.transferred");
    });
  }
}

void ClusterWorld::RunUntil(Duration time) {
  world_.At(time, EventKind::kWorld, kWorldNode, [] {});
  while (!record_.failed() && world_.now() < time && world_.Step()) {
    if (world_.events() % kInspectEvery == 0) Inspect();
  }
}

RunResult RunClusterWorld(const RunRequest& request) {
  Random random = SimWorld(request.seed).Stream("options");
  ClusterWorldOptions options = ClusterWorldOptions::Draw(random);
  options.skipped_faults = request.skipped_faults;
  ClusterWorld world(request.seed, options, request.trace);
  RunResult result = world.Run();
  if (request.history != nullptr) WriteHistory(world.history(), request.seed, request.history);
  return result;
}

}  // namespace flotilla::simulation
