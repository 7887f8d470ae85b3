#include "tests/simulation/nemesis.h"

#include <utility>

#include "tests/simulation/partition.h"

namespace flotilla::simulation {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// None in every second run; else something between constantly and now and then.
Duration DrawInterval(Random& random) {
  if (random.Chance(1, 2)) return {};
  return milliseconds(random.Between(500, 15'000));
}

}  // namespace

NemesisOptions NemesisOptions::Draw(Random& random) {
  NemesisOptions options;
  options.power_off = DrawInterval(random);
  options.kill = DrawInterval(random);
  options.die_at_disk_call = DrawInterval(random);
  options.partition = DrawInterval(random);
  options.clog = DrawInterval(random);
  options.break_connection = DrawInterval(random);
  options.stall = DrawInterval(random);
  options.clock = DrawInterval(random);
  options.downtime_mean = milliseconds(random.Between(50, 4'000));
  options.partition_mean = milliseconds(random.Between(200, 8'000));
  options.clog_mean = milliseconds(random.Between(50, 4'000));
  options.stall_mean = milliseconds(random.Between(50, 4'000));
  options.clock_error_ppm = static_cast<int64_t>(random.Between(1, 200'000));
  options.crash = {.keep_old = static_cast<uint32_t>(random.Between(1, 4)),
                   .keep_new = static_cast<uint32_t>(random.Between(0, 4)),
                   .zero = static_cast<uint32_t>(random.Between(0, 2)),
                   .garbage = static_cast<uint32_t>(random.Between(0, 2)),
                   .keep_name = static_cast<uint32_t>(random.Between(0, 1000))};
  return options;
}

Nemesis::Nemesis(SimWorld& world, SimNetwork& network, const SimMachines& machines,
                 const NemesisOptions& options, RunRecord& record,
                 std::function<void(NodeIndex)> restart)
    : world_(world),
      network_(network),
      machines_(machines),
      options_(options),
      record_(record),
      restart_(std::move(restart)),
      random_(world.Stream("nemesis")) {}

void Nemesis::Start() {
  Schedule(options_.power_off, &Nemesis::PowerOff);
  Schedule(options_.kill, &Nemesis::Kill);
  Schedule(options_.die_at_disk_call, &Nemesis::DieAtDiskCall);
  Schedule(options_.partition, &Nemesis::PartitionForAWhile);
  Schedule(options_.clog, &Nemesis::Clog);
  Schedule(options_.break_connection, &Nemesis::BreakConnection);
  Schedule(options_.stall, &Nemesis::Stall);
  Schedule(options_.clock, &Nemesis::SetClock);
}

void Nemesis::Schedule(Duration mean, Fault fault) {
  if (mean == Duration::zero()) return;
  world_.After(random_.Exponential(mean), EventKind::kWorld, kWorldNode, [this, mean, fault] {
    if (stopped_) return;
    (this->*fault)();
    Schedule(mean, fault);
  });
}

void Nemesis::Crash(NodeIndex node, bool power_off) {
  SimMachine& machine = *machines_[node];
  if (!machine.running()) return;
  Trace((power_off ? "power off " : "kill ") + std::to_string(node));
  record_.Mark(power_off ? "nemesis.power_off" : "nemesis.kill");
  if (power_off) {
    machine.PowerOff(options_.crash);
  } else {
    machine.Kill();
  }
}

void Nemesis::PowerOff() {
  const NodeIndex node = AnyMachine();
  // Now and then the whole room goes dark.
  const bool all = random_.Chance(1, 10);
  for (NodeIndex each = 0; each < machines_.size(); ++each) {
    if (all || each == node) Crash(each, true);
  }
}

void Nemesis::Kill() { Crash(AnyMachine(), false); }

void Nemesis::DieAtDiskCall() {
  const NodeIndex node = AnyMachine();
  if (!machines_[node]->running()) return;
  machines_[node]->PowerOffAtDiskCall(random_.Between(1, 60), options_.crash);
}

void Nemesis::OnDeath(NodeIndex node) {
  world_.After(random_.Exponential(options_.downtime_mean), EventKind::kWorld, kWorldNode,
               [this, node] {
                 if (stopped_ || machines_[node]->running()) return;
                 Trace("restart " + std::to_string(node));
                 restart_(node);
               });
}

void Nemesis::Partition() {
  const auto shape = static_cast<PartitionShape>(random_.Below(kPartitionShapeCount));
  Trace("partition: " + std::string(ToString(shape)));
  record_.Mark("nemesis.partition");
  Apply(DrawCuts(shape, machines_.size(), random_), network_);
}

void Nemesis::PartitionForAWhile() {
  Partition();
  const uint64_t number = ++partitions_;
  world_.After(random_.Exponential(options_.partition_mean), EventKind::kWorld, kWorldNode,
               [this, number] {
                 if (stopped_ || number != partitions_) return;
                 Trace("heal");
                 network_.HealAll();
               });
}

void Nemesis::Clog() {
  network_.Clog(AnyMachine(), AnyMachine(), world_.now() + random_.Exponential(options_.clog_mean));
  record_.Mark("nemesis.clog");
}

void Nemesis::BreakConnection() {
  const NodeIndex a = AnyMachine();
  const NodeIndex b = AnyMachine();
  if (a == b) return;
  Trace("break connection " + std::to_string(a) + " - " + std::to_string(b));
  record_.Mark("nemesis.break_connection");
  network_.BreakConnection(a, b);
}

void Nemesis::Stall() {
  const NodeIndex node = AnyMachine();
  if (!machines_[node]->running()) return;
  const Duration until = world_.now() + random_.Exponential(options_.stall_mean);
  Trace("stall " + std::to_string(node));
  record_.Mark("nemesis.stall");
  machines_[node]->executor().Stall(until);
}

void Nemesis::SetClock() {
  SimClock& clock = machines_[AnyMachine()]->clock();
  const auto error = static_cast<uint64_t>(options_.clock_error_ppm);
  clock.SetRate(1'000'000 + static_cast<int64_t>(random_.Between(0, 2 * error)) -
                options_.clock_error_ppm);
  const Duration jump = random_.Exponential(std::chrono::minutes(1));
  clock.JumpWall(random_.Chance(1, 2) ? jump : -jump);
  record_.Mark("nemesis.clock");
}

NodeIndex Nemesis::AnyMachine() { return static_cast<NodeIndex>(random_.Below(machines_.size())); }

void Nemesis::Trace(const std::string& what) {
  if (record_.tracing()) record_.Trace("nemesis: " + what);
}

}  // namespace flotilla::simulation
