#include "sharding/slot_ring.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

namespace flotilla::sharding {

namespace {

using Holdings = std::vector<Holding>;

// Slots as plain numbers: the end of an arc may be one beyond the ring.
uint32_t Begin(const Arc& arc) { return arc.first.value; }
uint32_t End(const Arc& arc) { return arc.last.value + 1U; }
Arc ArcOf(uint32_t begin, uint32_t end) {
  return {Slot{static_cast<uint16_t>(begin)}, Slot{static_cast<uint16_t>(end - 1)}};
}

bool Overlap(const Arc& a, const Arc& b) { return a.first <= b.last && b.first <= a.last; }

bool ByFirstSlot(const Holding& a, const Holding& b) { return a.arc.first < b.arc.first; }

absl::Status Contradiction(const Holding& held, const ShardDescriptor& claim) {
  return absl::FailedPreconditionError("shards " + ToString(held.shard) + " and " +
                                       ToString(claim.shard) + " both claim slots at version " +
                                       std::to_string(claim.version));
}

// What stays of a holding when the slots of `taken` go.
void KeepOutside(const Holding& held, const Arc& taken, Holdings& kept) {
  const uint32_t left_end = std::min(End(held.arc), Begin(taken));
  if (Begin(held.arc) < left_end) {
    kept.push_back({ArcOf(Begin(held.arc), left_end), held.shard, held.version});
  }
  const uint32_t right_begin = std::max(Begin(held.arc), End(taken));
  if (right_begin < End(held.arc)) {
    kept.push_back({ArcOf(right_begin, End(held.arc)), held.shard, held.version});
  }
}

// Gives what nobody holds inside the claim's arc to the claim. `holdings` ascends.
void FillGaps(const ShardDescriptor& claim, Holdings& holdings) {
  Holdings taken;
  uint32_t next = Begin(claim.arc);
  for (const Holding& held : holdings) {
    if (!Overlap(held.arc, claim.arc)) continue;
    if (next < Begin(held.arc)) {
      taken.push_back({ArcOf(next, Begin(held.arc)), claim.shard, claim.version});
    }
    next = End(held.arc);
  }
  if (next < End(claim.arc)) {
    taken.push_back({ArcOf(next, End(claim.arc)), claim.shard, claim.version});
  }
  holdings.insert(holdings.end(), taken.begin(), taken.end());
  std::sort(holdings.begin(), holdings.end(), ByFirstSlot);
}

// One holding for each run of slots that were claimed alike, so that equal rings compare equal.
Holdings Joined(const Holdings& holdings) {
  Holdings joined;
  for (const Holding& held : holdings) {
    const bool continues = !joined.empty() && joined.back().shard == held.shard &&
                           joined.back().version == held.version &&
                           End(joined.back().arc) == Begin(held.arc);
    if (continues) {
      joined.back().arc.last = held.arc.last;
    } else {
      joined.push_back(held);
    }
  }
  return joined;
}

}  // namespace

absl::StatusOr<SlotRing> SlotRing::Of(std::vector<Holding> holdings) {
  std::sort(holdings.begin(), holdings.end(), ByFirstSlot);
  uint32_t next = 0;
  for (const Holding& held : holdings) {
    if (End(held.arc) <= Begin(held.arc) || End(held.arc) > kSlotCount) {
      return absl::DataLossError("shard " + ToString(held.shard) + " holds what is no arc");
    }
    if (Begin(held.arc) < next) {
      return absl::DataLossError("slot " + std::to_string(Begin(held.arc)) + " is held twice");
    }
    next = End(held.arc);
  }
  SlotRing ring;
  ring.holdings_ = Joined(holdings);
  return ring;
}

absl::StatusOr<std::vector<ShardId>> SlotRing::Claim(const ShardDescriptor& claim) {
  std::set<ShardId> changed;
  Holdings next;
  for (const Holding& held : holdings_) {
    if (!Overlap(held.arc, claim.arc) || held.version > claim.version) {
      next.push_back(held);
    } else if (held.version == claim.version) {
      if (held.shard != claim.shard) return Contradiction(held, claim);
      next.push_back(held);
    } else {
      KeepOutside(held, claim.arc, next);
      changed.insert(held.shard);
    }
  }
  const size_t before = next.size();
  FillGaps(claim, next);
  if (next.size() == before) return std::vector<ShardId>{};
  changed.insert(claim.shard);
  holdings_ = Joined(next);
  return std::vector<ShardId>(changed.begin(), changed.end());
}

const Holding* SlotRing::Find(Slot slot) const {
  const auto behind =
      std::upper_bound(holdings_.begin(), holdings_.end(), slot,
                       [](Slot s, const Holding& held) { return s < held.arc.first; });
  if (behind == holdings_.begin()) return nullptr;
  const Holding& candidate = *std::prev(behind);
  return candidate.arc.Contains(slot) ? &candidate : nullptr;
}

bool SlotRing::IsCovered() const {
  uint32_t next = 0;
  for (const Holding& held : holdings_) {
    if (Begin(held.arc) != next) return false;
    next = End(held.arc);
  }
  return next == kSlotCount;
}

}  // namespace flotilla::sharding
