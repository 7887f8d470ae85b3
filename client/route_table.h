// Which shard owns a key, and which node leads it, as far as the client knows: a copy of the
// cluster's shard map, corrected by what nodes say when they refuse a call.
#ifndef FLOTILLA_CLIENT_ROUTE_TABLE_H_
#define FLOTILLA_CLIENT_ROUTE_TABLE_H_

#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "client/kv_channel.h"
#include "client/server_error.h"
#include "sharding/slot.h"

namespace flotilla::client {

class RouteTable {
 public:
  bool empty() const { return shards_.empty(); }

  // Takes over a map. Of a shard that is known in a newer version the older news is dropped. A node
  // tells of the shards that it has replicas of: what no shard of the map owns stays as it was
  // known, and where nothing was, there is a gap and no guess.
  void Update(const ShardMap& map);

  // Takes over where a shard is led. A hint about an unknown shard or an older version changes
  // nothing. Returns whether the leader is news.
  bool Learn(const RouteHint& hint);
  // Nobody leads from there any more.
  void ForgetLeader(std::string_view endpoint);

  // Null when no known shard owns the slot.
  const ShardRoute* Find(sharding::Slot slot) const;
  const ShardRoute* Find(ShardId shard) const;
  const std::vector<ShardRoute>& shards() const { return shards_; }

 private:
  ShardRoute* FindShard(ShardId shard);

  // By first slot; arcs do not overlap.
  std::vector<ShardRoute> shards_;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_ROUTE_TABLE_H_
