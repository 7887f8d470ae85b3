#include "tests/simulation/cluster/cut_at_snapshot.h"

#include <string>

namespace flotilla::simulation {

CutAtSnapshot::CutAtSnapshot(World world, const CutAtSnapshotOptions& options)
    : world_(world), options_(options) {
  world_.faults.Add("cut at snapshot", options.interval, [this](Random& random) { Await(random); });
}

void CutAtSnapshot::Await(Random& random) {
  const auto node = static_cast<NodeIndex>(random.Below(world_.machines));
  const Duration delay = random.Exponential(options_.delay_mean);
  const Duration cut = random.Exponential(options_.cut_mean);
  if (world_.faults.Begin("cut off " + std::to_string(node) + " at a snapshot")) {
    awaited_[node] = {.delay = delay, .cut = cut};
  }
}

void CutAtSnapshot::OnLine(NodeIndex node, std::string_view event) {
  if (event != "snapshot_receive_started") return;
  const auto awaited = awaited_.find(node);
  if (awaited == awaited_.end()) return;
  const Awaited fault = awaited->second;
  awaited_.erase(awaited);
  world_.world.After(fault.delay, EventKind::kWorld, kWorldNode,
                     [this, node, cut = fault.cut] { Cut(node, cut); });
}

// Clogged, not blocked: that ends by itself, whatever partitions come and go meanwhile. Connections
// that are silent for so long break, and what they held is lost with them.
void CutAtSnapshot::Cut(NodeIndex node, Duration cut) {
  if (world_.faults.stopped()) return;
  world_.record.Mark("nemesis.cut_at_snapshot");
  const Duration until = world_.world.now() + cut;
  for (NodeIndex peer = 0; peer < world_.machines; ++peer) {
    if (peer == node) continue;
    world_.network.Clog(peer, node, until);
    world_.network.Clog(node, peer, until);
  }
}

}  // namespace flotilla::simulation
