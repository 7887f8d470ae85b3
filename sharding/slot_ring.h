// Who holds each slot of the ring, merged from claims: of all claims to a slot the one with the
// highest version counts. Versions grow along the history of every slot (both sides of a split take
// the next one), so claims may come in any order, repeatedly and with gaps: the result is the same,
// no slot is held twice, and none that was held is ever given up before a newer claim takes it.
#ifndef FLOTILLA_SHARDING_SLOT_RING_H_
#define FLOTILLA_SHARDING_SLOT_RING_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "sharding/shard_descriptor.h"

namespace flotilla::sharding {

// Slots that one shard holds by one claim. While news is missing this may be less than the shard's
// arc, more, or several pieces of it.
struct Holding {
  Arc arc;
  ShardId shard;
  uint64_t version = 0;  // of the claim that took these slots

  friend bool operator==(const Holding&, const Holding&) = default;
};

class SlotRing {
 public:
  // A ring of these holdings, in any order. kDataLoss when two overlap or one is no arc.
  static absl::StatusOr<SlotRing> Of(std::vector<Holding> holdings);

  // Takes every slot of the arc that is held by a lower version or by nobody. Returns the shards
  // whose holdings changed, ascending; empty when the claim is stale or known. Nothing changes on
  // kFailedPrecondition: another shard has claimed one of the slots at the same version, which no
  // history of splits can bring about.
  absl::StatusOr<std::vector<ShardId>> Claim(const ShardDescriptor& claim);

  // Null when nobody holds the slot. O(log n).
  const Holding* Find(Slot slot) const;
  // Whether every slot is held.
  bool IsCovered() const;

  // Ascending; neighbours differ in shard or version.
  const std::vector<Holding>& holdings() const { return holdings_; }

  friend bool operator==(const SlotRing&, const SlotRing&) = default;

 private:
  std::vector<Holding> holdings_;
};

}  // namespace flotilla::sharding

#endif  // FLOTILLA_SHARDING_SLOT_RING_H_
