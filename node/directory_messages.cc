#include "node/directory_messages.h"

#include <algorithm>

#include "base/status_macros.h"
#include "sharding/shard_map_codec.h"

namespace flotilla::node {

namespace {

// A count that the bytes cannot hold ends the loop, not the memory.
template <typename TakeOne>
void TakeEach(Decoder& in, TakeOne take_one) {
  for (uint64_t left = in.Varint(); left > 0 && in.ok(); --left) take_one();
}

void PutShardReport(std::string& out, const ShardReport& shard) {
  sharding::PutShardClaim(out, shard.claim);
  PutVarint(out, shard.caught_up.size());
  for (const NodeId node : shard.caught_up) PutVarint(out, node.value());
  PutVarint(out, shard.learners.size());
  for (const LearnerProgress& learner : shard.learners) {
    PutVarint(out, learner.node.value());
    PutVarint(out, learner.bytes_done);
    PutVarint(out, learner.bytes_total);
    PutVarint(out, learner.entries_behind);
  }
}

ShardReport TakeShardReport(Decoder& in) {
  ShardReport shard;
  shard.claim = sharding::TakeShardClaim(in);
  TakeEach(in, [&] { shard.caught_up.emplace_back(in.Varint()); });
  // Designated initialisers evaluate in order.
  TakeEach(in, [&] {
    shard.learners.push_back({.node = NodeId(in.Varint()),
                              .bytes_done = in.Varint(),
                              .bytes_total = in.Varint(),
                              .entries_behind = in.Varint()});
  });
  return shard;
}

}  // namespace

void PutDirectoryReport(std::string& out, const DirectoryReport& report) {
  PutString(out, sharding::EncodeNodeRecord(report.self));
  PutVarint(out, report.map_version);
  PutVarint(out, report.shards.size());
  for (const ShardReport& shard : report.shards) PutShardReport(out, shard);
}

absl::StatusOr<DirectoryReport> TakeDirectoryReport(Decoder& in) {
  DirectoryReport report;
  FLOTILLA_ASSIGN_OR_RETURN(report.self, sharding::DecodeNodeRecord(in.String()));
  report.map_version = in.Varint();
  TakeEach(in, [&] { report.shards.push_back(TakeShardReport(in)); });
  return report;
}

bool HasLoadSamples(const DirectoryReport& report) {
  return std::any_of(report.shards.begin(), report.shards.end(),
                     [](const ShardReport& shard) { return shard.load_sample.picked > 0; });
}

void PutLoadSamples(std::string& out, const DirectoryReport& report) {
  for (const ShardReport& shard : report.shards) PutLoadSample(out, shard.load_sample);
}

void TakeLoadSamples(Decoder& in, DirectoryReport& report) {
  for (ShardReport& shard : report.shards) shard.load_sample = TakeLoadSample(in);
}

void PutDirectoryUpdate(std::string& out, const DirectoryUpdate& update) {
  PutVarint(out, update.leader.value());
  PutFixed8(out, update.news.has_value() ? 1 : 0);
  if (!update.news.has_value()) return;
  PutString(out, sharding::EncodeShardMapDelta(update.news->shards));
  PutVarint(out, update.news->nodes.size());
  for (const sharding::NodeRecord& node : update.news->nodes) {
    PutString(out, sharding::EncodeNodeRecord(node));
  }
}

absl::StatusOr<DirectoryUpdate> TakeDirectoryUpdate(Decoder& in) {
  DirectoryUpdate update;
  update.leader = NodeId(in.Varint());
  if (!in.Bool()) return update;
  DirectoryUpdate::News& news = update.news.emplace();
  FLOTILLA_ASSIGN_OR_RETURN(news.shards, sharding::DecodeShardMapDelta(in.String()));
  for (uint64_t left = in.Varint(); left > 0 && in.ok(); --left) {
    FLOTILLA_ASSIGN_OR_RETURN(sharding::NodeRecord node, sharding::DecodeNodeRecord(in.String()));
    news.nodes.push_back(std::move(node));
  }
  return update;
}

}  // namespace flotilla::node
