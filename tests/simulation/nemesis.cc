#include "tests/simulation/nemesis.h"

#include <initializer_list>
#include <iterator>
#include <utility>

namespace flotilla::simulation {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// None in every second run; else something between constantly and now and then.
Duration DrawInterval(Random& random) {
  if (random.Chance(1, 2)) return {};
  return milliseconds(random.Between(500, 15'000));
}

std::string Name(std::string_view what, NodeIndex node) {
  return std::string(what) + " " + std::to_string(node);
}

void MarkSeen(std::initializer_list<std::pair<std::string_view, uint64_t>> seen,
              RunRecord& record) {
  for (const auto& [mark, count] : seen) {
    if (count > 0) record.Mark(mark);
  }
}

}  // namespace

NemesisOptions NemesisOptions::Draw(Random& random) {
  NemesisOptions options;
  options.power_off = DrawInterval(random);
  options.kill = DrawInterval(random);
  options.die_at_disk_call = DrawInterval(random);
  options.die_at_network_call = DrawInterval(random);
  options.partition = DrawInterval(random);
  if (random.Chance(1, 3)) options.swizzle = milliseconds(random.Between(2'000, 15'000));
  options.clog = DrawInterval(random);
  options.break_connection = DrawInterval(random);
  options.stall = DrawInterval(random);
  options.clock = DrawInterval(random);
  options.downtime_mean = milliseconds(random.Between(50, 4'000));
  options.partition_mean = milliseconds(random.Between(200, 8'000));
  options.clog_mean = milliseconds(random.Between(50, 4'000));
  options.stall_mean = milliseconds(random.Between(50, 4'000));
  options.disk_fault_mean = milliseconds(random.Between(50, 4'000));
  options.clock_error_ppm = static_cast<int64_t>(random.Between(1, 200'000));
  options.crash = {.keep_old = static_cast<uint32_t>(random.Between(1, 4)),
                   .keep_new = static_cast<uint32_t>(random.Between(0, 4)),
                   .zero = static_cast<uint32_t>(random.Between(0, 2)),
                   .garbage = static_cast<uint32_t>(random.Between(0, 2)),
                   .keep_name = static_cast<uint32_t>(random.Between(0, 1000))};
  return options;
}

Nemesis::Nemesis(World world, const NemesisOptions& options)
    : world_(std::move(world)), options_(options) {
  AddFault("power off", options.power_off, &Nemesis::PowerOff);
  AddFault("kill", options.kill, &Nemesis::Kill);
  AddFault("die at disk call", options.die_at_disk_call, &Nemesis::DieAtDiskCall);
  AddFault("die at network call", options.die_at_network_call, &Nemesis::DieAtNetworkCall);
  AddFault("partition", options.partition, &Nemesis::Partition);
  AddFault("swizzle", options.swizzle, &Nemesis::Swizzle);
  AddFault("clog", options.clog, &Nemesis::Clog);
  AddFault("break connection", options.break_connection, &Nemesis::BreakConnection);
  AddFault("stall", options.stall, &Nemesis::Stall);
  AddFault("clock", options.clock, &Nemesis::SetClock);
  AddFault("disk errors", options.disk_errors, &Nemesis::DiskErrors);
  AddFault("disk full", options.disk_full, &Nemesis::DiskFull);
}

void Nemesis::AddFault(std::string_view name, Duration mean, Fault fault) {
  world_.faults.Add(name, mean, [this, fault](Random& random) { (this->*fault)(random); });
}

void Nemesis::Stop() {
  world_.faults.Stop();
  EndCuts();
  ++cuts_;
  MarkMessages();
  MarkDisks();
}

void Nemesis::MarkMessages() {
  const NetworkCounts& counts = world_.network.counts();
  MarkSeen({{"network.lost", counts.lost},
            {"network.blocked", counts.blocked},
            {"network.over_capacity", counts.over_capacity},
            {"network.connection_gone", counts.connection_gone},
            {"network.duplicated", counts.duplicated},
            {"network.replayed", counts.replayed},
            {"network.overtaken", counts.overtaken},
            {"network.held", counts.held}},
           world_.record);
}

void Nemesis::MarkDisks() {
  for (const auto& machine : world_.machines) {
    const DiskCounts& counts = machine->disk().counts();
    MarkSeen({{"disk.read_error", counts.read_errors},
              {"disk.short_write", counts.write_errors},
              {"disk.sync_failed", counts.sync_errors},
              {"disk.no_space", counts.no_space},
              {"disk.latent_error", counts.unreadable},
              {"disk.changed_read", counts.changed},
              {"disk.misdirected", counts.misdirected},
              {"disk.unsynced_lost", counts.lost.sectors},
              {"disk.torn", counts.lost.torn_files},
              {"disk.name_lost", counts.lost.names}},
             world_.record);
  }
}

void Nemesis::Crash(NodeIndex node, bool power_off) {
  SimMachine& machine = *world_.machines[node];
  if (!machine.running()) return;
  if (world_.record.tracing()) {
    world_.record.Trace("nemesis: " + Name(power_off ? "power off" : "kill", node));
  }
  world_.record.Mark(power_off ? "nemesis.power_off" : "nemesis.kill");
  if (power_off) {
    machine.PowerOff(options_.crash);
  } else {
    machine.Kill();
  }
}

void Nemesis::PowerOff(Random& random) {
  const NodeIndex node = AnyMachine(random);
  // Now and then the whole room goes dark.
  const bool all = random.Chance(1, 10);
  if (!world_.faults.Begin(all ? "power off all" : Name("power off", node))) return;
  for (NodeIndex each = 0; each < world_.machines.size(); ++each) {
    if (all || each == node) Crash(each, true);
  }
}

void Nemesis::Kill(Random& random) {
  const NodeIndex node = AnyMachine(random);
  if (world_.faults.Begin(Name("kill", node))) Crash(node, false);
}

void Nemesis::DieAtDiskCall(Random& random) {
  const NodeIndex node = AnyMachine(random);
  const uint64_t calls = random.Between(1, 60);
  // One third each: at any call; with a write not synced yet, so that it may be torn; between steps
  // that are rare and belong together, as a name and what it names.
  constexpr DiskCall kRare[] = {DiskCall::kName, DiskCall::kRemove, DiskCall::kRemoveTree,
                                DiskCall::kSyncFolder};
  const uint64_t where = random.Below(3);
  const DiskCall kind = kRare[random.Below(std::size(kRare))];
  const uint64_t more = random.Below(4);
  if (!world_.faults.Begin(Name("die at a disk call:", node)) ||
      !world_.machines[node]->running()) {
    return;
  }
  SimMachine& machine = *world_.machines[node];
  if (where == 1) {
    machine.PowerOffAfterDiskCall(DiskCall::kWrite, 1 + calls / 4, 0, options_.crash);
  } else if (where == 2) {
    machine.PowerOffAfterDiskCall(kind, 1 + calls % 3, more, options_.crash);
  } else {
    machine.PowerOffAtDiskCall(calls, options_.crash);
  }
}

void Nemesis::DieAtNetworkCall(Random& random) {
  const NodeIndex node = AnyMachine(random);
  const uint64_t calls = random.Between(1, 60);
  if (!world_.faults.Begin(Name("die at a network call:", node)) ||
      !world_.machines[node]->running()) {
    return;
  }
  world_.machines[node]->PowerOffAtNetworkCall(calls, options_.crash);
}

void Nemesis::OnDeath(NodeIndex node) {
  const SimMachine& machine = *world_.machines[node];
  if (!machine.died_at().empty()) {
    world_.record.Mark("nemesis.died_at_" + std::string(machine.died_at()));
  }
  Random random = world_.world.Stream("downtime", uint64_t{node} << 32 | machine.life());
  world_.world.After(random.Exponential(options_.downtime_mean), EventKind::kWorld, kWorldNode,
                     [this, node] {
                       if (world_.faults.stopped() || world_.machines[node]->running()) return;
                       if (world_.record.tracing()) {
                         world_.record.Trace("nemesis: " + Name("restart", node));
                       }
                       world_.restart(node);
                     });
}

void Nemesis::Partition(Random& random) {
  const PartitionGround ground = {.machines = world_.machines.size(),
                                  .clients = world_.network.size() - world_.machines.size(),
                                  .leaders = world_.leaders()};
  const PartitionShape shape = DrawShape(ground, random);
  const Cuts cuts = DrawCuts(shape, ground, random);
  const Duration time = random.Exponential(options_.partition_mean);
  if (!world_.faults.Begin("partition: " + std::string(ToString(shape)))) return;
  const uint64_t number = BeginCuts(std::string(ToString(shape)));
  Apply(cuts, world_.network);
  LaterInCuts(number, time, [this] { EndPartition(); });
}

// Some machines lose their links one after the other and get them back in another order: what
// FoundationDB calls swizzle-clogging, its best finder of bugs in recovery.
void Nemesis::Swizzle(Random& random) {
  const size_t nodes = world_.network.size();
  std::vector<NodeIndex> victims;
  for (NodeIndex node = 0; node < nodes; ++node) {
    if (random.Chance(1, 2)) victims.push_back(node);
  }
  random.Shuffle(victims);
  std::vector<NodeIndex> back = victims;
  random.Shuffle(back);
  std::vector<Duration> pauses;
  for (size_t i = 0; i < 2 * victims.size(); ++i) {
    pauses.push_back(random.Exponential(options_.partition_mean / 2));
  }
  if (!world_.faults.Begin("swizzle " + std::to_string(victims.size())) || victims.empty()) return;
  const uint64_t number = BeginCuts("swizzle");
  Duration when{};
  for (size_t i = 0; i < victims.size(); ++i) {
    LaterInCuts(number, when, [this, node = victims[i]] { SetIsolated(node, true); });
    when += pauses[i];
  }
  for (size_t i = 0; i < back.size(); ++i) {
    when += pauses[victims.size() + i];
    LaterInCuts(number, when, [this, node = back[i]] { SetIsolated(node, false); });
  }
  LaterInCuts(number, when, [this] { EndPartition(); });
}

void Nemesis::SetIsolated(NodeIndex node, bool isolated) {
  if (isolated) {
    isolated_.insert(node);
  } else {
    isolated_.erase(node);
  }
  Apply(CutsAround(isolated_, world_.network.size()), world_.network);
}

uint64_t Nemesis::BeginCuts(const std::string& name) {
  EndPartition();
  cuts_name_ = name;
  blocked_before_cuts_ = world_.network.counts().blocked;
  return ++cuts_;
}

void Nemesis::EndCuts() {
  if (cuts_name_.empty()) return;
  if (world_.network.counts().blocked > blocked_before_cuts_) {
    world_.record.Mark("nemesis.partition");
    world_.record.Mark("nemesis.partition." + cuts_name_);
  }
  cuts_name_.clear();
}

void Nemesis::LaterInCuts(uint64_t number, Duration delay, std::function<void()> task) {
  world_.world.After(delay, EventKind::kWorld, kWorldNode, [this, number, task = std::move(task)] {
    if (!world_.faults.stopped() && number == cuts_) task();
  });
}

void Nemesis::EndPartition() {
  EndCuts();
  isolated_.clear();
  world_.network.UnblockAll();
  if (world_.network.AnyBlocked())
    world_.record.Fail("a link is still blocked after it was healed");
}

void Nemesis::HealNetwork() {
  EndPartition();
  world_.network.UnclogAll();
}

void Nemesis::Clog(Random& random) {
  const NodeIndex from = AnyMachine(random);
  const NodeIndex to = AnyMachine(random);
  const Duration time = random.Exponential(options_.clog_mean);
  if (!world_.faults.Begin("clog " + std::to_string(from) + " to " + std::to_string(to))) return;
  world_.network.Clog(from, to, world_.world.now() + time);
}

void Nemesis::BreakConnection(Random& random) {
  const NodeIndex a = AnyMachine(random);
  const NodeIndex b = AnyMachine(random);
  const bool begun = world_.faults.Begin(Name(Name("break connection", a) + " -", b));
  if (begun && a != b) world_.network.BreakConnection(a, b);
}

void Nemesis::Stall(Random& random) {
  const NodeIndex node = AnyMachine(random);
  const Duration time = random.Exponential(options_.stall_mean);
  SimMachine& machine = *world_.machines[node];
  if (!world_.faults.Begin(Name("stall", node)) || !machine.running()) return;
  const uint64_t held_before = machine.executor().held_back();
  machine.executor().Stall(world_.world.now() + time);
  world_.world.After(time, EventKind::kWorld, kWorldNode,
                     [this, &machine, held_before, life = machine.life()] {
                       const bool same = machine.running() && machine.life() == life;
                       if (same && machine.executor().held_back() > held_before) {
                         world_.record.Mark("nemesis.stall");
                       }
                     });
}

void Nemesis::SetClock(Random& random) {
  const NodeIndex node = AnyMachine(random);
  const auto error = static_cast<uint64_t>(options_.clock_error_ppm);
  const int64_t rate =
      1'000'000 + static_cast<int64_t>(random.Between(0, 2 * error)) - options_.clock_error_ppm;
  const Duration jump = random.Exponential(std::chrono::minutes(1));
  const bool forward = random.Chance(1, 2);
  if (!world_.faults.Begin(Name("clock of", node))) return;
  SimClock& clock = world_.machines[node]->clock();
  const WallTime before = clock.WallNow();
  clock.SetRate(rate);
  clock.JumpWall(forward ? jump : -jump);
  if (clock.WallNow() != before) world_.record.Mark("nemesis.clock");
}

void Nemesis::DiskErrors(Random& random) {
  const NodeIndex node = AnyMachine(random);
  const Duration time = random.Exponential(options_.disk_fault_mean);
  // From now and then to nearly always.
  const auto chance = [&random](uint32_t rarest) {
    return random.Chance(1, 2) ? 0 : rarest << random.Below(10);
  };
  // Little is read but at a start.
  const uint32_t read_error = chance(1'500);
  const uint32_t write_error = chance(500);
  const uint32_t sync_error = chance(500);
  if (!world_.faults.Begin(Name("disk errors on", node))) return;
  SimDisk& disk = world_.machines[node]->disk();
  disk.SetErrors(read_error, write_error, sync_error);
  world_.world.After(time, EventKind::kWorld, kWorldNode, [&disk] { disk.SetErrors(0, 0, 0); });
}

void Nemesis::DiskFull(Random& random) {
  const NodeIndex node = AnyMachine(random);
  const Duration time = random.Exponential(options_.disk_fault_mean);
  const uint64_t room = random.Below(100'000);
  if (!world_.faults.Begin(Name("disk full on", node))) return;
  SimDisk& disk = world_.machines[node]->disk();
  disk.SetCapacity(disk.UsedBytes() + room);
  world_.world.After(time, EventKind::kWorld, kWorldNode,
                     [&disk] { disk.SetCapacity(UINT64_MAX); });
}

NodeIndex Nemesis::AnyMachine(Random& random) const {
  return static_cast<NodeIndex>(random.Below(world_.machines.size()));
}

}  // namespace flotilla::simulation
