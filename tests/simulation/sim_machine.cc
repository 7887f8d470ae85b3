#include "tests/simulation/sim_machine.h"

#include <utility>

#include "base/check.h"

namespace flotilla::simulation {

SimMachine::SimMachine(SimWorld& world, SimNetwork& network, NodeIndex node,
                       const SimMachineOptions& options)
    : world_(world),
      network_(network),
      node_(node),
      options_(options),
      clock_(world),
      disk_(world.Stream("disk", node).Next(), options.disk) {}

SimMachine::~SimMachine() {
  if (running()) Kill();
}

void SimMachine::Start(std::function<void()> on_death) {
  FLOTILLA_CHECK(!running());
  ++life_;
  died_at_ = {};
  on_death_ = std::move(on_death);
  Random random = world_.Stream("machine", uint64_t{node_} << 32 | life_);
  executor_ =
      std::make_unique<SimExecutor>(world_, clock_, node_, options_.executor, random.Split());
  sequences_ = std::make_unique<SimSequenceSource>(
      world_, node_,
      SimSequenceOptions{.work_delay_mean = options_.work_delay_mean,
                         .done_delay_mean = options_.done_delay_mean,
                         .take_latency = [this] { return disk_.TakeLatency(); }},
      random.Split());
}

void SimMachine::PowerOff(const CrashModel& model) {
  if (!running()) return;
  Die(false);
  disk_.Crash(model);
}

void SimMachine::Kill() {
  if (!running()) return;
  Die(true);
  disk_.KillProcess();
}

void SimMachine::PowerOffAtDiskCall(uint64_t k, const CrashModel& model) {
  disk_.DieAtCall(k, PowerOffSoon("disk_call", model));
}

void SimMachine::PowerOffAfterDiskCall(DiskCall kind, uint64_t k, uint64_t more,
                                       const CrashModel& model) {
  disk_.DieAfterCall(kind, k, more, PowerOffSoon("disk_call", model));
}

void SimMachine::PowerOffAtNetworkCall(uint64_t k, const CrashModel& model) {
  network_.DieAtSend(node_, k, PowerOffSoon("network_call", model));
}

void SimMachine::SurviveCalls() {
  disk_.DieAtCall(0);
  network_.DieAtSend(node_, 0, nullptr);
}

std::function<void()> SimMachine::PowerOffSoon(std::string_view died_at, const CrashModel& model) {
  return [this, died_at, model, life = life_] {
    world_.AtEndOfEvent([this, died_at, model, life] {
      if (life != life_ || !running()) return;
      died_at_ = died_at;
      PowerOff(model);
    });
  };
}

void SimMachine::Die(bool notify_peers) {
  executor_->Stop();
  network_.Detach(node_, notify_peers);
  std::exchange(on_death_, nullptr)();
  sequences_.reset();
  executor_.reset();
}

SimMachines MakeMachines(SimWorld& world, SimNetwork& network, NodeIndex count,
                         const SimMachineOptions& options) {
  SimMachines machines;
  for (NodeIndex node = 0; node < count; ++node) {
    machines.push_back(std::make_unique<SimMachine>(world, network, node, options));
  }
  return machines;
}

}  // namespace flotilla::simulation
