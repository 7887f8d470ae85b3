#include "sharding/shard_map_codec.h"

#include <cstdint>
#include <utility>

#include "base/status_macros.h"

namespace flotilla::sharding {

namespace {

constexpr uint8_t kDeltaKind = 'D';
constexpr uint8_t kNewestVersion = 1;

void PutArc(std::string& out, const Arc& arc) {
  PutFixed16(out, arc.first.value);
  PutFixed16(out, arc.last.value);
}
Arc TakeArc(Decoder& in) {
  const Slot first{in.Fixed16()};
  return {first, Slot{in.Fixed16()}};
}

void PutConfiguration(std::string& out, const ConfigurationClaim& configuration) {
  PutVarint(out, configuration.index.value());
  PutFixed8(out, configuration.joint ? 1 : 0);
  PutVarint(out, configuration.replicas.size());
  for (const ReplicaPlace& place : configuration.replicas) {
    PutVarint(out, place.node.value());
    PutVarint(out, place.replica.value());
    PutFixed8(out, static_cast<uint8_t>(place.role));
  }
}
ConfigurationClaim TakeConfiguration(Decoder& in) {
  ConfigurationClaim configuration;
  configuration.index = LogIndex(in.Varint());
  configuration.joint = in.Bool();
  // A count that the bytes cannot hold ends the loop, not the memory.
  for (uint64_t left = in.Varint(); left > 0 && in.ok(); --left) {
    ReplicaPlace& place = configuration.replicas.emplace_back();
    place.node = NodeId(in.Varint());
    place.replica = ReplicaId(in.Varint());
    place.role = static_cast<ReplicaRole>(in.Fixed8());
  }
  return configuration;
}

void PutItem(std::string& out, const ShardMapDelta::Item& item) {
  PutShardClaim(out, item.shard.claim);
  PutVarint(out, item.shard.counters_stamp.version);
  PutVarint(out, item.shard.counters_stamp.term.value());
  PutVarint(out, item.shard.changed);
  PutVarint(out, item.holdings.size());
  for (const Holding& held : item.holdings) {
    PutArc(out, held.arc);
    PutVarint(out, held.version);
  }
}
ShardMapDelta::Item TakeItem(Decoder& in) {
  ShardMapDelta::Item item;
  item.shard.claim = TakeShardClaim(in);
  item.shard.counters_stamp.version = in.Varint();
  item.shard.counters_stamp.term = Term(in.Varint());
  item.shard.counters_stamp.report = item.shard.claim.counters.report;
  item.shard.changed = in.Varint();
  for (uint64_t left = in.Varint(); left > 0 && in.ok(); --left) {
    Holding& held = item.holdings.emplace_back();
    held.arc = TakeArc(in);
    held.shard = item.shard.claim.descriptor.shard;
    held.version = in.Varint();
  }
  return item;
}

}  // namespace

void PutShardClaim(std::string& out, const ShardClaim& claim) {
  PutVarint(out, claim.descriptor.shard.value());
  PutArc(out, claim.descriptor.arc);
  PutVarint(out, claim.descriptor.version);
  PutConfiguration(out, claim.configuration);
  PutVarint(out, claim.leader.term.value());
  PutVarint(out, claim.leader.node.value());
  PutVarint(out, claim.counters.bytes);
  PutVarint(out, claim.counters.load);
  PutVarint(out, claim.counters.report);
}

ShardClaim TakeShardClaim(Decoder& in) {
  ShardClaim claim;
  claim.descriptor.shard = ShardId(in.Varint());
  claim.descriptor.arc = TakeArc(in);
  claim.descriptor.version = in.Varint();
  claim.configuration = TakeConfiguration(in);
  claim.leader.term = Term(in.Varint());
  claim.leader.node = NodeId(in.Varint());
  claim.counters.bytes = in.Varint();
  claim.counters.load = in.Varint();
  claim.counters.report = in.Varint();
  return claim;
}

std::string EncodeShardMapDelta(const ShardMapDelta& delta) {
  std::string out;
  PutFormatHeader(out, kDeltaKind, kNewestVersion);
  PutVarint(out, delta.since);
  PutVarint(out, delta.version);
  PutVarint(out, delta.items.size());
  for (const ShardMapDelta::Item& item : delta.items) PutItem(out, item);
  return out;
}

absl::StatusOr<ShardMapDelta> DecodeShardMapDelta(std::string_view bytes) {
  Decoder in(bytes);
  FLOTILLA_RETURN_IF_ERROR(ReadFormatHeader(in, kDeltaKind, kNewestVersion, "shard map"));
  ShardMapDelta delta;
  delta.since = in.Varint();
  delta.version = in.Varint();
  for (uint64_t left = in.Varint(); left > 0 && in.ok(); --left)
    delta.items.push_back(TakeItem(in));
  FLOTILLA_RETURN_IF_ERROR(in.Finish("shard map"));
  return delta;
}

absl::StatusOr<ShardMap> DecodeShardMap(std::string_view bytes) {
  FLOTILLA_ASSIGN_OR_RETURN(const ShardMapDelta delta, DecodeShardMapDelta(bytes));
  if (delta.since != 0) return absl::DataLossError("shard map: a delta stands for the whole");
  ShardMap map;
  FLOTILLA_RETURN_IF_ERROR(map.Apply(delta));
  return map;
}

}  // namespace flotilla::sharding
