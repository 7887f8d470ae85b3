#include "tests/sharding/shard_history.h"

#include <iterator>

namespace flotilla::sharding {

namespace {

ConfigurationClaim MembersAt(uint64_t index, uint64_t first_node) {
  ConfigurationClaim members{.index = LogIndex(index), .joint = false, .replicas = {}};
  for (uint64_t node = first_node; node < first_node + 3; ++node) {
    members.replicas.push_back({NodeId(node), ReplicaId(index + node), ReplicaRole::kVoter});
  }
  return members;
}

}  // namespace

ShardClaim ClaimOf(uint64_t shard, uint16_t first, uint16_t last, uint64_t version) {
  return {.descriptor = {ShardId(shard), {Slot{first}, Slot{last}}, version},
          .configuration = MembersAt(1, 1),
          .leader = {Term(1), NodeId(1)},
          .counters = {}};
}

Report FoundingReport(uint32_t count) {
  Report report;
  for (uint32_t i = 0; i < count; ++i) {
    const auto first = static_cast<uint16_t>(i * kSlotCount / count);
    const auto last = static_cast<uint16_t>((i + 1) * kSlotCount / count - 1);
    report.push_back(ClaimOf(i + 1, first, last, 1));
  }
  return report;
}

ShardHistory::ShardHistory(Random random, uint32_t founding_shards) : random_(random) {
  reports_.push_back(FoundingReport(founding_shards));
  for (const ShardClaim& claim : reports_.front()) now_[claim.descriptor.shard] = claim;
}

void ShardHistory::Step() {
  ShardClaim& shard =
      std::next(now_.begin(), static_cast<ptrdiff_t>(random_.Below(now_.size())))->second;
  switch (random_.Below(4)) {
    case 0:
    case 1:
      return Split(shard);
    case 2:
      shard.configuration = MembersAt(shard.configuration.index.value() + random_.Between(1, 5),
                                      random_.Between(1, 9));
      break;
    default:
      shard.leader = {shard.leader.term.next(), NodeId(random_.Between(1, 9))};
      shard.counters = {.bytes = random_.Below(1000), .load = random_.Below(100), .report = 1};
      break;
  }
  reports_.push_back({shard});
}

void ShardHistory::Split(ShardClaim& parent) {
  const Arc arc = parent.descriptor.arc;
  if (arc.first == arc.last) return;
  const Slot at{static_cast<uint16_t>(random_.Between(arc.first.value + 1U, arc.last.value))};
  ++parent.descriptor.version;
  parent.descriptor.arc.last = Slot{static_cast<uint16_t>(at.value - 1)};
  parent.counters = {};
  ShardClaim child = parent;
  child.descriptor.shard = ShardId(now_.rbegin()->first.value() + 1);
  child.descriptor.arc = {at, arc.last};
  child.leader = {};
  reports_.push_back({parent, child});
  now_[child.descriptor.shard] = child;
}

}  // namespace flotilla::sharding
