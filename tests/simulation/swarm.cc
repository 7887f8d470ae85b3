#include "tests/simulation/swarm.h"

namespace flotilla::simulation {

using std::chrono::milliseconds;

Duration DrawDelay(Random& random, Duration max) {
  // Small values are as likely as large ones: a power of two below the maximum.
  if (random.Chance(1, 4)) return {};
  return max / static_cast<int64_t>(uint64_t{1} << random.Below(10));
}

LinkOptions DrawLinks(Random& random) {
  LinkOptions links;
  if (random.Chance(1, 2)) links.loss = static_cast<uint32_t>(random.Below(200));
  if (random.Chance(1, 3)) links.duplicate = static_cast<uint32_t>(random.Below(300));
  if (random.Chance(1, 3)) links.replay = static_cast<uint32_t>(random.Below(200));
  links.delay_min = DrawDelay(random, milliseconds(10));
  links.delay_mean = DrawDelay(random, milliseconds(50));
  links.ordered = random.Chance(1, 2);
  if (random.Chance(1, 5)) links.capacity = random.Between(4, 50);
  return links;
}

raft::RaftOptions DrawRaftOptions(Random& random) {
  raft::RaftOptions raft;
  raft.election_timeout_ticks = static_cast<int>(random.Between(5, 20));
  raft.heartbeat_ticks = static_cast<int>(random.Between(1, 2));
  if (random.Chance(1, 2)) {
    raft.max_message_bytes = random.Between(100, 1000);
    raft.max_inflight_bytes_per_peer = random.Between(200, 4000);
    raft.max_inflight_messages_per_peer = random.Between(1, 10);
    raft.max_apply_batch_bytes = random.Between(100, 1000);
    raft.max_unapplied_bytes = random.Between(1000, 10'000);
    raft.entry_cache_bytes = random.Below(2000);
    raft.max_uncommitted_bytes = random.Between(1000, 10'000);
    // So little that hand-overs are refused.
    raft.max_transfer_lag = raft.max_inflight_messages_per_peer;
    raft.max_transfer_unapplied = raft.max_inflight_messages_per_peer;
  }
  return raft;
}

}  // namespace flotilla::simulation
