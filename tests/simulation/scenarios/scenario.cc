#include "tests/simulation/scenarios/scenario.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <utility>

#include "tests/simulation/linearizability.h"
#include <gtest/gtest.h>

namespace flotilla::simulation {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Events between two looks at all nodes, and time between two looks of Await.
constexpr uint64_t kInspectEvery = 64;
constexpr Duration kAwaitStep = milliseconds(5);
constexpr uint64_t kJudgeStepsMax = 5'000'000;

// A tenth of the messages is lost and some come twice; delays as in the labs of MIT 6.5840.
LinkOptions UnreliableLinks() {
  return {
      .loss = 100, .duplicate = 20, .delay_min = Duration::zero(), .delay_mean = milliseconds(13)};
}

LinkOptions LinksOf(const ScenarioOptions& options, Random& random) {
  if (options.links.has_value()) return *options.links;
  if (options.unreliable) return UnreliableLinks();
  return {.delay_min = microseconds(50), .delay_mean = microseconds(random.Between(50, 3'000))};
}

ClusterHostOptions HostOptions(const ScenarioOptions& options, Random& random) {
  ClusterHostOptions host;
  host.founders = options.nodes;
  host.spares = options.spares;
  host.machine.work_delay_mean = host.machine.done_delay_mean = microseconds(50);
  host.machine.disk = {.write_latency_mean = microseconds(20),
                       .sync_latency_mean = microseconds(random.Between(100, 5'000))};
  if (options.disk.has_value()) host.machine.disk = *options.disk;
  host.engine.stall_one_in_writes = 0;
  host.node.tick = milliseconds(50);
  host.node.log.segment_bytes = 64 << 10;
  host.node.log.budget_bytes = 16 << 20;
  if (options.small_log) {
    host.node.log.segment_bytes = 16 << 10;
    host.node.log.budget_bytes = kSmallLogBudget;
    host.node.flush_log_entries = 10;
    host.node.flush_log_bytes = 2'000;
    host.node.compact_log_entries = 5;
    host.node.raft.entry_cache_bytes = 4'096;
    host.node.snapshot_chunk_bytes = 1'000;
    host.node.snapshot_window_chunks = 2;
  }
  if (options.adjust) options.adjust(host.node);
  return host;
}

}  // namespace

Scenario::Scenario(uint64_t seed, const ScenarioOptions& options)
    : seed_(seed),
      options_(options),
      world_(seed),
      record_(world_, std::getenv("FLOTILLA_SCENARIO_TRACE") != nullptr ? stdout : nullptr),
      random_(world_.Stream("scenario")),
      client_random_(world_.Stream("scenario clients")),
      network_(world_, options.nodes + options.spares + options.others),
      traffic_(network_),
      host_(world_, network_, record_, HostOptions(options, random_),
            ClusterHost::Events{
                .died = [](NodeIndex) {},
                .stopped = [this](NodeIndex node,
                                  const absl::Status& why) { OnStopped(node, why); }}) {
  network_.SetAllLinks(LinksOf(options_, random_));
}

Scenario::~Scenario() {
  for (const auto& client : clients_) client->GiveUp();
  for (const auto& write : one_writes_) {
    if (!write->answered) Record(write->operation);
  }
  Judge();
}

void Scenario::Start() {
  RestartAll();
  const auto serves = [this](NodeIndex node) {
    return host_.node(node) != nullptr &&
           host_.node(node)->Status().phase == node::NodePhase::kServing;
  };
  EXPECT_TRUE(Await(
      [&] {
        for (NodeIndex node = 0; node < host_.size(); ++node) {
          if (!serves(node)) return false;
        }
        return LeaderAmong(All()).has_value();
      },
      seconds(30)))
      << "no cluster is formed";
}

bool Scenario::Step() {
  const bool stepped = world_.Step();
  if (world_.events() % kInspectEvery == 0) Inspect();
  return stepped;
}

void Scenario::RunFor(Duration time) {
  const Duration end = world_.now() + time;
  world_.At(end, EventKind::kWorld, kWorldNode, [] {});
  while (world_.now() < end && Step()) {
  }
}

bool Scenario::RunUntil(const std::function<bool()>& condition, Duration limit) {
  const Duration end = world_.now() + limit;
  world_.At(end, EventKind::kWorld, kWorldNode, [] {});
  while (!condition()) {
    if (world_.now() >= end || !Step()) return condition();
  }
  return true;
}

bool Scenario::Await(const std::function<bool()>& condition, Duration limit) {
  const Duration end = world_.now() + limit;
  while (!condition()) {
    if (world_.now() >= end) return false;
    RunFor(kAwaitStep);
  }
  return true;
}

// ---- Who leads.

std::optional<NodeIndex> Scenario::LeaderAmong(const std::vector<NodeIndex>& nodes) const {
  std::optional<NodeIndex> leader;
  raft::RaftStatus newest;
  for (const NodeIndex node : nodes) {
    const raft::RaftStatus raft = Raft(node);
    if (raft.role != raft::Role::kLeader || raft.term < newest.term) continue;
    leader = node;
    newest = raft;
  }
  if (!leader.has_value()) return std::nullopt;
  const std::vector<raft::Member>& voters = newest.configuration.voters;
  size_t following = 0;
  for (const NodeIndex node : nodes) {
    const raft::RaftStatus raft = Raft(node);
    if (raft.term > newest.term) return std::nullopt;
    const bool votes = std::find(voters.begin(), voters.end(), raft.self) != voters.end();
    if (votes && raft.leader == newest.self) ++following;
  }
  return following > voters.size() / 2 ? leader : std::nullopt;
}

NodeIndex Scenario::AwaitLeaderAmong(const std::vector<NodeIndex>& nodes, Duration limit) {
  std::optional<NodeIndex> leader;
  EXPECT_TRUE(Await(
      [&] {
        leader = LeaderAmong(nodes);
        return leader.has_value();
      },
      limit))
      << "no leader";
  return leader.value_or(nodes.front());
}

NodeIndex Scenario::AwaitLeader() { return AwaitLeaderAmong(AllBut({})); }

std::vector<NodeIndex> Scenario::AllBut(const std::vector<NodeIndex>& nodes) const {
  std::vector<NodeIndex> rest;
  for (NodeIndex node = 0; node < host_.size(); ++node) {
    if (std::find(nodes.begin(), nodes.end(), node) == nodes.end()) rest.push_back(node);
  }
  return rest;
}

NodeIndex Scenario::AnyBut(const std::vector<NodeIndex>& nodes) {
  return random_.Pick(AllBut(nodes));
}

// ---- The network.

void Scenario::CutLink(NodeIndex a, NodeIndex b) {
  network_.Block(a, b, true);
  network_.Block(b, a, true);
}

void Scenario::HealLink(NodeIndex a, NodeIndex b) {
  network_.Block(a, b, false);
  network_.Block(b, a, false);
}

void Scenario::Heal() {
  network_.UnblockAll();
  network_.UnclogAll();
}

void Scenario::Isolate(NodeIndex node) {
  for (const NodeIndex peer : AllBut({node})) CutLink(node, peer);
}

void Scenario::Rejoin(NodeIndex node) {
  for (const NodeIndex peer : AllBut({node})) HealLink(node, peer);
}

void Scenario::Partition(const std::vector<std::vector<NodeIndex>>& groups) {
  for (NodeIndex node = 0; node < host_.size(); ++node) Isolate(node);
  for (const std::vector<NodeIndex>& group : groups) {
    for (const NodeIndex a : group) {
      for (const NodeIndex b : group) {
        if (a != b) HealLink(a, b);
      }
    }
  }
}

void Scenario::PartitionAtRandom() {
  std::vector<std::vector<NodeIndex>> sides(2);
  for (NodeIndex node = 0; node < host_.size(); ++node) sides[random_.Below(2)].push_back(node);
  Partition(sides);
}

void Scenario::SetLinksOf(NodeIndex node, const LinkOptions& links) {
  for (const NodeIndex peer : AllBut({node})) {
    network_.SetLink(node, peer, links);
    network_.SetLink(peer, node, links);
  }
}

// ---- Processes and disks.

void Scenario::PowerOff(NodeIndex node, const CrashModel& model) {
  host_.machine(node).PowerOff(model);
}

void Scenario::PowerOffAll() {
  for (NodeIndex node = 0; node < host_.size(); ++node) PowerOff(node);
}

void Scenario::Restart(NodeIndex node) {
  stopped_.erase(node);
  host_.Start(node);
}

void Scenario::RestartAll() {
  for (NodeIndex node = 0; node < host_.size(); ++node) {
    if (!running(node)) Restart(node);
  }
}

void Scenario::Wipe(NodeIndex node) {
  PowerOff(node);
  EXPECT_TRUE(host_.machine(node).disk().RemoveTree("/data").ok());
}

void Scenario::Pause(NodeIndex node, Duration time) {
  host_.machine(node).executor().Stall(world_.now() + time);
}

absl::Status Scenario::StoppedBy(NodeIndex node) const {
  const auto it = stopped_.find(node);
  return it == stopped_.end() ? absl::OkStatus() : it->second;
}

// A process whose node stopped itself ends.
void Scenario::OnStopped(NodeIndex node, const absl::Status& why) {
  SimMachine& machine = host_.machine(node);
  if (!excused_.contains(node) && !machine.disk().dead()) {
    ADD_FAILURE() << "node " << node << " stopped itself: " << why;
  }
  stopped_[node] = why;
  world_.AtEndOfEvent([this, node, life = machine.life()] {
    if (host_.machine(node).life() == life) Kill(node);
  });
}

// ---- What can be seen.

raft::RaftStatus Scenario::Raft(NodeIndex node) const {
  const std::optional<node::ReplicaStatus> replica = Replica(node);
  return replica.has_value() ? replica->raft : raft::RaftStatus();
}

Term Scenario::NewestTerm() const {
  Term newest;
  for (NodeIndex node = 0; node < host_.size(); ++node) newest = std::max(newest, TermOf(node));
  return newest;
}

uint64_t Scenario::LogBytes(NodeIndex node) const {
  return host_.node(node) == nullptr ? 0 : host_.node(node)->Status().log.bytes;
}

uint64_t Scenario::LogEntries(NodeIndex node) const {
  const raft::RaftStatus raft = Raft(node);
  return raft.last_index.next() - raft.first_index;
}

uint64_t Scenario::Seen(const std::string& event) const {
  const auto it = record_.marks().find("log." + event);
  return it == record_.marks().end() ? 0 : it->second;
}

size_t Scenario::leaders_seen() const {
  return static_cast<size_t>(
      std::count_if(leaders_.begin(), leaders_.end(),
                    [](const auto& office) { return office.first.first == kShard; }));
}

void Scenario::Inspect() {
  for (NodeIndex node = 0; node < host_.size(); ++node) {
    if (host_.node(node) == nullptr) continue;
    const node::NodeStatus status = host_.node(node)->Status();
    for (const node::ReplicaStatus& replica : status.replicas) InspectReplica(node, replica);
    if (status.directory.replica.has_value()) InspectReplica(node, *status.directory.replica);
  }
}

void Scenario::InspectReplica(NodeIndex node, const node::ReplicaStatus& replica) {
  const raft::RaftStatus& raft = replica.raft;
  const bool excused = excused_.contains(node) || host_.machine(node).disk().dead();
  EXPECT_TRUE(!replica.failed || excused)
      << "the replica of node " << node << " stopped itself: " << replica.failure;
  EXPECT_LE(raft.applied, raft.commit) << "node " << node << " applies what is not committed";
  EXPECT_TRUE(replica.failed || raft.applied <= raft.durable)
      << "node " << node << " applies what is not durable";
  if (raft.role != raft::Role::kLeader) return;
  const auto office = std::pair(replica.shard, raft.term);
  const NodeIndex leader = leaders_.try_emplace(office, node).first->second;
  EXPECT_EQ(leader, node) << "two leaders of shard " << replica.shard << " in term " << raft.term;
}

// ---- The end.

bool Scenario::Agree() const {
  const std::vector<NodeIndex> all = AllBut({});
  const std::optional<NodeIndex> leader = host_.LeaderOf(kShard);
  if (!leader.has_value()) return false;
  const raft::RaftStatus led = Raft(*leader);
  if (led.configuration.IsJoint() || !led.configuration_committed) return false;
  return std::all_of(all.begin(), all.end(), [&](NodeIndex node) {
    if (!running(node)) return true;
    const std::optional<node::ReplicaStatus> replica = Replica(node);
    const std::vector<raft::Member> members = led.configuration.AllMembers();
    const bool member = std::any_of(members.begin(), members.end(),
                                    [node](const auto& each) { return each.node == NodeOf(node); });
    if (!member || !replica.has_value()) return !member && !replica.has_value();
    return !replica->failed && replica->raft.applied == led.last_index;
  });
}

void Scenario::AwaitAgreement(Duration limit) {
  if (!Await([this] { return Agree(); }, limit)) {
    std::ostringstream where;
    for (NodeIndex node = 0; node < host_.size(); ++node) {
      const raft::RaftStatus raft = Raft(node);
      where << "\n  node " << node << ": " << ToString(raft.role) << " in term " << raft.term
            << ", log " << raft.first_index << " to " << raft.last_index << ", commit "
            << raft.commit << ", applied " << raft.applied << ", leader " << raft.leader << ", "
            << raft.configuration;
    }
    ADD_FAILURE() << "the members do not agree:" << where.str();
    return;
  }
  CompareStates(kShard);
}

// By stale scans; what two replicas hold at one applied index is the same.
void Scenario::CompareStates(ShardId shard) {
  std::map<LogIndex, std::pair<NodeIndex, kv::ReadResult>> seen;
  size_t compared = 0;
  for (NodeIndex node = 0; node < host_.size(); ++node) {
    if (!ReplicaOf(node, shard).has_value()) continue;
    std::optional<node::ReadReply> page;
    node::ReadRequest request;
    request.target.shard = shard;
    request.level = node::ReadLevel::kStale;
    request.read.operation = kv::ScanPage{.max_rows = 100'000, .max_bytes = 1 << 30};
    Read(node, std::move(request), seconds(5),
         [&page](const node::ReadReply& reply) { page = reply; });
    RunUntil([&page] { return page.has_value(); }, seconds(6));
    ASSERT_TRUE(page.has_value() && page->error.ok()) << "node " << node << ": a stale scan fails";
    ++compared;
    const auto [first, added] =
        seen.try_emplace(page->result.applied, std::pair(node, page->result));
    EXPECT_EQ(first->second.second, page->result)
        << "the states of nodes " << first->second.first << " and " << node << " differ";
  }
  EXPECT_LT(seen.size(), std::max<size_t>(compared, 2)) << "no two states could be compared";
}

void Scenario::Judge() const {
  EXPECT_FALSE(record_.failed()) << record_.failure() << "; seed " << seed_;
  for (const auto& [key, operations] : history_) {
    const Judgement values = CheckLinearizable(operations, kJudgeStepsMax);
    EXPECT_NE(values.verdict, Verdict::kUnknown) << key << ": the judge gave up; seed " << seed_;
    EXPECT_NE(values.verdict, Verdict::kInvalid)
        << key << " is not linearizable: " << values.reason << "; seed " << seed_;
    const Judgement versions = CheckVersions(operations);
    EXPECT_EQ(versions.verdict, Verdict::kValid) << key << ": " << versions.reason;
  }
}

}  // namespace flotilla::simulation
