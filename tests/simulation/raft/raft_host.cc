#include "tests/simulation/raft/raft_host.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace flotilla::simulation {

namespace {

constexpr Channel kUrgent = 0;
constexpr Channel kAppend = 1;
constexpr Channel kBulk = 2;

// How long a removed replica stays to tell others.
constexpr Duration kRemovalDelay = std::chrono::seconds(1);

Channel ChannelOf(const raft::Message& message) {
  return std::holds_alternative<raft::AppendRequest>(message.body) ||
                 std::holds_alternative<raft::AppendResponse>(message.body)
             ? kAppend
             : kUrgent;
}

}  // namespace

RaftHost::RaftHost(SimMachine& machine, const RaftHostOptions& options, RaftHostWorld world)
    : machine_(machine), options_(options), world_(world), random_(machine.ProcessRandom()) {
  for (const ShardId group : log().Groups()) {
    if (const ReplicaId replica = log().Current(group).replica; !replica.is_none()) {
      Open(group, replica);
    }
  }
  world_.network.Attach(
      machine_.node(),
      {.on_message =
           [this](NodeIndex, Channel, std::string_view bytes) {
             machine_.executor().Post([this, copy = std::string(bytes)] { OnBytes(copy); });
           },
       .on_peer_lost =
           [this](NodeIndex peer) {
             machine_.executor().Post([this, peer] {
               for (const auto& [group, replica] : replicas_) {
                 replica->core().PeerLost(NodeOf(peer));
                 replica->Observe();
               }
             });
           }});
  Tick();
}

RaftHost::~RaftHost() = default;

RaftReplica* RaftHost::Find(ShardId group) {
  const auto it = replicas_.find(group);
  return it == replicas_.end() ? nullptr : it->second.get();
}

void RaftHost::LoseUnflushedState() {
  for (const auto& [group, replica] : replicas_) {
    const GroupLog* disk = log().Durable(group);
    if (disk == nullptr || disk->replica != replica->self().replica) continue;
    const LogIndex last = std::min(replica->applied(), disk->last_index());
    if (last <= disk->engine_durable) continue;
    log().FlushEngine(group, LogIndex(random_.Between(disk->engine_durable.value(), last.value())));
  }
}

void RaftHost::Open(ShardId group, ReplicaId replica) {
  replicas_[group] = std::make_unique<RaftReplica>(
      group, raft::Member{.node = NodeOf(machine_.node()), .replica = replica}, options_.replica,
      *this, world_.oracles.at(group), world_.record, random_.Split());
  WantPump(group);
}

void RaftHost::Create(ShardId group, ReplicaId replica) {
  world_.record.Mark("raft.replica_created");
  replicas_.erase(group);
  creating_.insert(group);
  WriteLog(
      group,
      [replica](GroupLog& log) {
        log = GroupLog();
        log.replica = replica;
        log.lowest_allowed = replica;
      },
      [this, group, replica] {
        creating_.erase(group);
        Open(group, replica);
      });
}

void RaftHost::Removed(ShardId group) {
  const ReplicaId removed = Find(group)->self().replica;
  machine_.executor().PostAt(machine_.clock().Now() + kRemovalDelay, [this, group, removed] {
    const RaftReplica* replica = Find(group);
    // Another may have come in its place.
    if (replica == nullptr || replica->self().replica != removed) return;
    world_.record.Mark("raft.replica_removed");
    const ReplicaId lowest_allowed(removed.value() + 1);
    replicas_.erase(group);
    WriteLog(
        group,
        [lowest_allowed](GroupLog& log) {
          log = GroupLog();
          log.lowest_allowed = lowest_allowed;
        },
        [] {});
  });
}

void RaftHost::OnBytes(std::string_view bytes) {
  absl::StatusOr<Packet> packet = DecodePacket(bytes);
  if (!packet.ok()) {
    world_.record.Fail("a packet does not decode: " + packet.status().ToString());
    return;
  }
  if (auto* messages = std::get_if<std::vector<raft::Message>>(&*packet)) {
    for (raft::Message& message : *messages) {
      RaftReplica* replica = Addressee(message.group, message.to);
      if (replica != nullptr) replica->Receive(std::move(message));
    }
  } else if (const auto* offer = std::get_if<SnapshotOffer>(&*packet)) {
    RaftReplica* replica = Addressee(offer->group, offer->to);
    if (replica != nullptr) replica->OnOffer(*offer);
  } else {
    const auto& answer = std::get<SnapshotAnswer>(*packet);
    RaftReplica* replica = Addressee(answer.group, answer.to);
    if (replica != nullptr) replica->OnAnswer(answer);
  }
}

RaftReplica* RaftHost::Addressee(ShardId group, const raft::Member& to) {
  if (creating_.contains(group) || to.node != NodeOf(machine_.node())) return nullptr;
  RaftReplica* replica = Find(group);
  // Messages for another replica id are for the core to ignore, except those for a later life.
  if (replica != nullptr && to.replica <= replica->self().replica) return replica;
  if (to.replica >= log().Current(group).lowest_allowed) Create(group, to.replica);
  return nullptr;
}

void RaftHost::Tick() {
  machine_.executor().PostAt(machine_.clock().Now() + options_.tick, [this] { Tick(); });
  for (const auto& [group, replica] : replicas_) replica->Tick();
}

void RaftHost::WantPump(ShardId group) {
  want_pump_.insert(group);
  if (std::exchange(pump_posted_, true)) return;
  machine_.executor().Post([this] { PumpAll(); });
}

void RaftHost::PumpAll() {
  pump_posted_ = false;
  const std::set<ShardId> wanted = std::exchange(want_pump_, {});
  for (const ShardId group : wanted) {
    if (RaftReplica* replica = Find(group); replica != nullptr) replica->Pump();
  }
  FlushOutbox();
}

void RaftHost::Send(raft::Message message) {
  outbox_[{message.to.node, ChannelOf(message)}].push_back(std::move(message));
}

void RaftHost::FlushOutbox() {
  for (auto& [route, messages] : outbox_) {
    world_.network.Send(machine_.node(), MachineOf(route.first), route.second,
                        EncodePacket(std::move(messages)));
  }
  outbox_.clear();
}

void RaftHost::SendPacket(NodeId to, const Packet& packet) {
  world_.network.Send(machine_.node(), MachineOf(to), kBulk, EncodePacket(packet));
}

void RaftHost::Later(Duration mean, Task task) {
  const Duration delay = mean == Duration::zero() ? mean : random_.Exponential(mean);
  world_.world.After(
      delay, EventKind::kWork, machine_.node(),
      [this, due = std::move(task)]() mutable { machine_.executor().Post(std::move(due)); });
}

void RaftHost::WriteLog(ShardId group, ModelLog::Change change, Task durable) {
  log().Write(group, std::move(change), std::move(durable));
  if (!writing_) WriteNext();
}

void RaftHost::WriteNext() {
  writing_ = true;
  const Duration delay = options_.disk_delay == Duration::zero()
                             ? options_.disk_delay
                             : random_.Exponential(options_.disk_delay);
  const size_t count = random_.Between(1, log().pending());
  world_.world.After(delay, EventKind::kWork, machine_.node(), [this, count] {
    writing_ = false;
    machine_.executor().Post([reports = log().Complete(count)]() mutable {
      for (Task& report : reports) report();
    });
    if (log().HasPending()) WriteNext();
  });
}

const GroupLog* RaftHost::DiskOf(ShardId group, const raft::Member& member) {
  const GroupLog* disk = world_.logs[MachineOf(member.node)].Durable(group);
  return disk == nullptr || disk->replica != member.replica ? nullptr : disk;
}

}  // namespace flotilla::simulation
