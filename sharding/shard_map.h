// The directory of shards: which shard holds a slot, where its replicas are and who leads it. The
// meta group keeps it, every node and client caches a copy. It decides nothing: it is merged from
// what the shards claim, part by part by what is newest, so that late and repeated claims do no
// harm, and copies are brought up to date with deltas.
//
// A value; not thread-safe.
#ifndef FLOTILLA_SHARDING_SHARD_MAP_H_
#define FLOTILLA_SHARDING_SHARD_MAP_H_

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "sharding/shard_claim.h"
#include "sharding/slot_ring.h"

namespace flotilla::sharding {

// Which claim the counters of a shard came from; a greater one is newer.
struct CountersStamp {
  uint64_t version = 0;  // of the arc that they were measured on
  Term term;
  uint64_t report = 0;

  friend auto operator<=>(const CountersStamp&, const CountersStamp&) = default;
};

struct MappedShard {
  // The newest that is known of each part; no single claim need have said all of it.
  ShardClaim claim;
  CountersStamp counters_stamp;
  // The map's version when this shard last changed visibly. At most the map's own.
  uint64_t changed = 0;

  // Whether the counters are of the arc as it is now, and not of before a split.
  bool IsMeasured() const {
    return claim.counters.report > 0 && counters_stamp.version == claim.descriptor.version;
  }

  friend bool operator==(const MappedShard&, const MappedShard&) = default;
};

// What a copy of the map lacks: all that changed after `since`, as it is at `version`. Since 0 it
// is the whole map.
struct ShardMapDelta {
  struct Item {
    MappedShard shard;
    std::vector<Holding> holdings;  // all of this shard

    friend bool operator==(const Item&, const Item&) = default;
  };

  uint64_t since = 0;
  uint64_t version = 0;
  std::vector<Item> items;  // ascending by shard

  friend bool operator==(const ShardMapDelta&, const ShardMapDelta&) = default;
};

class ShardMap {
 public:
  // Takes over claims that are true together, all or none: a shard's own, and after a split also
  // the child's as of the split, so that the child's slots change hands in the same step. Returns
  // whether anything visible changed; then the version has grown by one. Counters are taken over in
  // silence, or every report would outdate every copy.
  //
  // Nothing changes on kInvalidArgument (ValidateClaim) and kFailedPrecondition (a claim
  // contradicts what was claimed at the same version, index or term: somebody's log has lied).
  absl::StatusOr<bool> Merge(std::span<const ShardClaim> claims);

  // What a copy of version `since` lacks. Of counters only those of changed shards.
  ShardMapDelta Since(uint64_t since) const;
  // Brings a copy up to date; a delta that is older than the copy changes nothing. Errors, nothing
  // changed: kFailedPrecondition (the copy is older than delta.since: ask again, from its version),
  // kDataLoss (the delta does not fit together with this map).
  absl::Status Apply(const ShardMapDelta& delta);

  // Null when nobody holds the slot, which only is so before all founding shards were heard of.
  // O(log n).
  const MappedShard* Find(Slot slot) const;
  const MappedShard* FindShard(ShardId shard) const;

  // Grows with every visible change; 0: nothing is known.
  uint64_t version() const { return version_; }
  // Whether all slots are held. Once they are, they stay so.
  bool IsFounded() const { return ring_.IsCovered(); }
  const std::map<ShardId, MappedShard>& shards() const { return shards_; }
  const SlotRing& ring() const { return ring_; }

  // The map's invariants: holdings are of known shards and claimed at no higher version than the
  // shard's; what is held by a shard's newest claim is in its arc; every shard holds a slot; every
  // claim is valid; nothing has changed later than the map. kDataLoss says which one is broken.
  absl::Status Validate() const;

  friend bool operator==(const ShardMap&, const ShardMap&) = default;

 private:
  uint64_t version_ = 0;
  std::map<ShardId, MappedShard> shards_;
  SlotRing ring_;
};

}  // namespace flotilla::sharding

#endif  // FLOTILLA_SHARDING_SHARD_MAP_H_
