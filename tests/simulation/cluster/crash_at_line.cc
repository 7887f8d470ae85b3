#include "tests/simulation/cluster/crash_at_line.h"

#include <iterator>
#include <string>

namespace flotilla::simulation {

namespace {

constexpr std::string_view kLines[] = {
    "cluster_joined",           "log_recovered",         "replica_failed",     "replica_removed",
    "replica_started",          "role_changed",          "snapshot_installed", "snapshot_installed",
    "snapshot_receive_started", "snapshot_send_started",
};

}  // namespace

CrashAtLine::CrashAtLine(World world, const CrashAtLineOptions& options)
    : world_(world), options_(options) {
  world_.faults.Add("crash at line", options.interval, [this](Random& random) { Await(random); });
}

void CrashAtLine::Await(Random& random) {
  const auto node = static_cast<NodeIndex>(random.Below(world_.machines.size()));
  const std::string_view event = kLines[random.Below(std::size(kLines))];
  const Duration delay = random.Exponential(options_.delay_mean);
  const std::string what = "power off " + std::to_string(node) + " at " + std::string(event);
  if (world_.faults.Begin(what)) awaited_[node] = {.event = event, .delay = delay};
}

void CrashAtLine::OnLine(NodeIndex node, std::string_view event) {
  const auto awaited = awaited_.find(node);
  if (awaited == awaited_.end() || awaited->second.event != event) return;
  const Duration delay = awaited->second.delay;
  awaited_.erase(awaited);
  world_.world.After(delay, EventKind::kWorld, kWorldNode,
                     [this, node, life = world_.machines[node]->life()] {
                       const SimMachine& machine = *world_.machines[node];
                       const bool same = machine.running() && machine.life() == life;
                       if (!same || world_.faults.stopped()) return;
                       world_.record.Mark("nemesis.crash_at_line");
                       world_.nemesis.Crash(node, true);
                     });
}

}  // namespace flotilla::simulation
