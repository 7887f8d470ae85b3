#include "client/route_table.h"

#include <algorithm>
#include <utility>

namespace flotilla::client {

namespace {

bool ByFirstSlot(const ShardRoute& a, const ShardRoute& b) {
  return a.descriptor.arc.first < b.descriptor.arc.first;
}

bool Overlap(const sharding::Arc& a, const sharding::Arc& b) {
  return a.first <= b.last && b.first <= a.last;
}

}  // namespace

void RouteTable::Update(const ShardMap& map) {
  std::vector<ShardRoute> fresh;
  fresh.reserve(map.shards.size());
  for (const ShardRoute& route : map.shards) {
    const ShardRoute* known = Find(route.descriptor.shard);
    const bool outdated = known != nullptr && known->descriptor.version > route.descriptor.version;
    fresh.push_back(outdated ? *known : route);
  }
  std::sort(fresh.begin(), fresh.end(), ByFirstSlot);
  // Halves of one split seen at different versions may overlap: the newer claim holds.
  std::vector<ShardRoute> disjoint;
  for (ShardRoute& route : fresh) {
    if (!disjoint.empty() && disjoint.back().descriptor.arc.last >= route.descriptor.arc.first) {
      if (disjoint.back().descriptor.version >= route.descriptor.version) continue;
      disjoint.pop_back();
    }
    disjoint.push_back(std::move(route));
  }
  const auto told = static_cast<ptrdiff_t>(disjoint.size());
  for (ShardRoute& known : shards_) {
    const bool replaced =
        std::any_of(disjoint.begin(), disjoint.begin() + told, [&known](const ShardRoute& route) {
          return Overlap(known.descriptor.arc, route.descriptor.arc) ||
                 known.descriptor.shard == route.descriptor.shard;
        });
    if (!replaced) disjoint.push_back(std::move(known));
  }
  std::sort(disjoint.begin(), disjoint.end(), ByFirstSlot);
  shards_ = std::move(disjoint);
}

bool RouteTable::Learn(const RouteHint& hint) {
  ShardRoute* route = FindShard(hint.shard);
  if (route == nullptr || route->descriptor.version > hint.shard_version) return false;
  if (hint.leader_endpoint.empty() || route->leader_endpoint == hint.leader_endpoint) return false;
  route->leader_endpoint = hint.leader_endpoint;
  return true;
}

void RouteTable::ForgetLeader(std::string_view endpoint) {
  for (ShardRoute& route : shards_) {
    if (route.leader_endpoint == endpoint) route.leader_endpoint.clear();
  }
}

const ShardRoute* RouteTable::Find(sharding::Slot slot) const {
  auto behind = std::upper_bound(
      shards_.begin(), shards_.end(), slot,
      [](sharding::Slot s, const ShardRoute& route) { return s < route.descriptor.arc.first; });
  if (behind == shards_.begin()) return nullptr;
  const ShardRoute& candidate = *std::prev(behind);
  return candidate.descriptor.arc.Contains(slot) ? &candidate : nullptr;
}

const ShardRoute* RouteTable::Find(ShardId shard) const {
  return const_cast<RouteTable*>(this)->FindShard(shard);
}

ShardRoute* RouteTable::FindShard(ShardId shard) {
  for (ShardRoute& route : shards_) {
    if (route.descriptor.shard == shard) return &route;
  }
  return nullptr;
}

}  // namespace flotilla::client
