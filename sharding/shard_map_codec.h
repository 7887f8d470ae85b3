// The shard map as bytes (docs/formats.md, "Shard map"): one format for a whole map, which is what
// a map has gained since version 0, and for a delta.
#ifndef FLOTILLA_SHARDING_SHARD_MAP_CODEC_H_
#define FLOTILLA_SHARDING_SHARD_MAP_CODEC_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/coding.h"
#include "sharding/shard_map.h"

namespace flotilla::sharding {

// A claim inside a larger record, without a format header.
void PutShardClaim(std::string& out, const ShardClaim& claim);
ShardClaim TakeShardClaim(Decoder& in);

std::string EncodeShardMapDelta(const ShardMapDelta& delta);
// kDataLoss for what is no delta, kUnimplemented for a newer format. Whether the items fit together
// is for ShardMap::Apply to see.
absl::StatusOr<ShardMapDelta> DecodeShardMapDelta(std::string_view bytes);

inline std::string EncodeShardMap(const ShardMap& map) { return EncodeShardMapDelta(map.Since(0)); }
// kDataLoss, also for a delta that begins later or a map that is not sound; kUnimplemented.
absl::StatusOr<ShardMap> DecodeShardMap(std::string_view bytes);

}  // namespace flotilla::sharding

#endif  // FLOTILLA_SHARDING_SHARD_MAP_CODEC_H_
