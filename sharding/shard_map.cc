#include "sharding/shard_map.h"

#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/status_macros.h"

namespace flotilla::sharding {

namespace {

using Shards = std::map<ShardId, MappedShard>;

absl::Status Contradiction(const ShardClaim& claim, std::string_view what) {
  return absl::FailedPreconditionError("shard " + ToString(claim.descriptor.shard) + " claims " +
                                       std::string(what));
}

absl::Status Broken(ShardId shard, std::string_view what) {
  return absl::DataLossError("shard map: shard " + ToString(shard) + " " + std::string(what));
}

// Each of the following takes over one part of a claim if it is newer, and returns whether it was.

absl::StatusOr<bool> MergeDescriptor(const ShardClaim& claim, ShardClaim& known) {
  if (claim.descriptor.version < known.descriptor.version) return false;
  if (claim.descriptor.version == known.descriptor.version) {
    if (claim.descriptor == known.descriptor) return false;
    return Contradiction(claim, "two arcs of one version");
  }
  known.descriptor = claim.descriptor;
  return true;
}

absl::StatusOr<bool> MergeConfiguration(const ShardClaim& claim, ShardClaim& known) {
  if (claim.configuration.index < known.configuration.index) return false;
  if (claim.configuration.index == known.configuration.index) {
    if (claim.configuration == known.configuration) return false;
    return Contradiction(claim, "two configurations of one index");
  }
  known.configuration = claim.configuration;
  return true;
}

absl::StatusOr<bool> MergeLeader(const ShardClaim& claim, ShardClaim& known) {
  if (claim.leader.term < known.leader.term || claim.leader == known.leader) return false;
  if (claim.leader.term == known.leader.term) {
    if (claim.leader.node.is_none()) return false;
    if (!known.leader.node.is_none()) return Contradiction(claim, "two leaders of one term");
  }
  known.leader = claim.leader;
  return true;
}

void MergeCounters(const ShardClaim& claim, MappedShard& known) {
  const CountersStamp stamp{claim.descriptor.version, claim.leader.term, claim.counters.report};
  if (stamp <= known.counters_stamp) return;
  known.counters_stamp = stamp;
  known.claim.counters = claim.counters;
}

absl::StatusOr<bool> MergeClaim(const ShardClaim& claim, MappedShard& known) {
  FLOTILLA_ASSIGN_OR_RETURN(const bool arc, MergeDescriptor(claim, known.claim));
  FLOTILLA_ASSIGN_OR_RETURN(const bool members, MergeConfiguration(claim, known.claim));
  FLOTILLA_ASSIGN_OR_RETURN(const bool leader, MergeLeader(claim, known.claim));
  MergeCounters(claim, known);
  return arc || members || leader;
}

// What claims make of a map, beside it, so that a contradiction in the last one undoes all.
class Merger {
 public:
  Merger(const Shards& shards, const SlotRing& ring) : shards_(shards), ring_(ring) {}

  absl::Status Add(const ShardClaim& claim) {
    FLOTILLA_RETURN_IF_ERROR(ValidateClaim(claim));
    const ShardId shard = claim.descriptor.shard;
    MappedShard& known = Touch(shard);
    if (claim.descriptor != known.claim.descriptor) {
      FLOTILLA_ASSIGN_OR_RETURN(const std::vector<ShardId> moved, ring_.Claim(claim.descriptor));
      visible_.insert(moved.begin(), moved.end());
    }
    FLOTILLA_ASSIGN_OR_RETURN(const bool visible, MergeClaim(claim, known));
    if (visible) visible_.insert(shard);
    return absl::OkStatus();
  }

  // Every shard keeps a part of what it once held, and nobody can claim that part with a higher
  // version than its own: so a shard without a slot means that a log has lied.
  absl::Status CheckEachHoldsASlot() const {
    std::set<ShardId> holders;
    for (const Holding& held : ring_.holdings()) holders.insert(held.shard);
    for (const ShardId shard : visible_) {
      if (!holders.contains(shard)) {
        return absl::FailedPreconditionError("shard " + ToString(shard) +
                                             " would be left without a slot");
      }
    }
    return absl::OkStatus();
  }

  // True if anything became visible, as of `version`.
  bool Commit(uint64_t version, Shards& shards, SlotRing& ring) && {
    for (const ShardId shard : visible_) Touch(shard).changed = version;
    for (auto& [shard, merged] : touched_) shards[shard] = std::move(merged);
    ring = std::move(ring_);
    return !visible_.empty();
  }

 private:
  MappedShard& Touch(ShardId shard) {
    const auto [touched, is_new] = touched_.try_emplace(shard);
    if (is_new) {
      const auto known = shards_.find(shard);
      if (known != shards_.end()) {
        touched->second = known->second;
      } else {
        touched->second.claim.descriptor = {.shard = shard, .arc = {}, .version = 0};
      }
    }
    return touched->second;
  }

  const Shards& shards_;
  SlotRing ring_;
  Shards touched_;
  std::set<ShardId> visible_;
};

}  // namespace

absl::StatusOr<bool> ShardMap::Merge(std::span<const ShardClaim> claims) {
  Merger merger(shards_, ring_);
  for (const ShardClaim& claim : claims) FLOTILLA_RETURN_IF_ERROR(merger.Add(claim));
  FLOTILLA_RETURN_IF_ERROR(merger.CheckEachHoldsASlot());
  const bool visible = std::move(merger).Commit(version_ + 1, shards_, ring_);
  if (visible) ++version_;
  return visible;
}

ShardMapDelta ShardMap::Since(uint64_t since) const {
  ShardMapDelta delta{.since = since, .version = version_, .items = {}};
  std::map<ShardId, size_t> item_of;
  for (const auto& [shard, mapped] : shards_) {
    if (mapped.changed <= since) continue;
    item_of[shard] = delta.items.size();
    delta.items.push_back({mapped, {}});
  }
  for (const Holding& held : ring_.holdings()) {
    const auto item = item_of.find(held.shard);
    if (item != item_of.end()) delta.items[item->second].holdings.push_back(held);
  }
  return delta;
}

absl::Status ShardMap::Apply(const ShardMapDelta& delta) {
  if (delta.version <= version_) return absl::OkStatus();
  if (delta.since > version_) {
    return absl::FailedPreconditionError("the delta begins at version " +
                                         std::to_string(delta.since) + ", the map is at " +
                                         std::to_string(version_));
  }
  ShardMap next;
  next.version_ = delta.version;
  next.shards_ = shards_;
  std::set<ShardId> replaced;
  std::vector<Holding> holdings;
  for (const ShardMapDelta::Item& item : delta.items) {
    const ShardId shard = item.shard.claim.descriptor.shard;
    next.shards_[shard] = item.shard;
    replaced.insert(shard);
    holdings.insert(holdings.end(), item.holdings.begin(), item.holdings.end());
  }
  for (const Holding& held : ring_.holdings()) {
    if (!replaced.contains(held.shard)) holdings.push_back(held);
  }
  FLOTILLA_ASSIGN_OR_RETURN(next.ring_, SlotRing::Of(std::move(holdings)));
  FLOTILLA_RETURN_IF_ERROR(next.Validate());
  if (IsFounded() && !next.IsFounded()) return absl::DataLossError("the delta leaves slots out");
  *this = std::move(next);
  return absl::OkStatus();
}

const MappedShard* ShardMap::Find(Slot slot) const {
  const Holding* held = ring_.Find(slot);
  return held == nullptr ? nullptr : FindShard(held->shard);
}

const MappedShard* ShardMap::FindShard(ShardId shard) const {
  const auto found = shards_.find(shard);
  return found == shards_.end() ? nullptr : &found->second;
}

absl::Status ShardMap::Validate() const {
  std::set<ShardId> holders;
  for (const Holding& held : ring_.holdings()) {
    const MappedShard* shard = FindShard(held.shard);
    if (shard == nullptr) return Broken(held.shard, "holds slots and is not known");
    const ShardDescriptor& newest = shard->claim.descriptor;
    if (held.version == 0 || held.version > newest.version) {
      return Broken(held.shard, "holds slots by a claim it never made");
    }
    const bool inside = newest.arc.Contains(held.arc.first) && newest.arc.Contains(held.arc.last);
    if (held.version == newest.version && !inside) {
      return Broken(held.shard, "holds slots outside its arc");
    }
    holders.insert(held.shard);
  }
  for (const auto& [id, shard] : shards_) {
    if (shard.claim.descriptor.shard != id) return Broken(id, "is filed under another's id");
    if (!ValidateClaim(shard.claim).ok()) return Broken(id, "has a claim that nobody can make");
    if (!holders.contains(id)) return Broken(id, "holds no slot");
    if (shard.changed == 0 || shard.changed > version_) {
      return Broken(id, "has changed at a version that the map never had");
    }
  }
  return absl::OkStatus();
}

}  // namespace flotilla::sharding
