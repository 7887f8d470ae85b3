#include "kv/directory.h"

#include <algorithm>
#include <utility>

#include "base/coding.h"
#include "base/status_macros.h"
#include "sharding/shard_map_codec.h"

namespace flotilla::kv {

namespace {

constexpr uint8_t kVersionKind = 'W';
constexpr uint8_t kNewestVersion = 1;

std::string RowKey(char kind) { return std::string(kDirectoryPrefix) + kind; }
std::string RowKey(char kind, uint64_t id) {
  std::string key = RowKey(kind);
  PutOrdered64(key, id);
  return key;
}

// How far the directory has come: its changes, the version of its shard map, the ids it gave away.
std::string EncodeVersionRow(uint64_t revision, uint64_t map_version, ShardId last_named) {
  std::string out;
  PutFormatHeader(out, kVersionKind, kNewestVersion);
  PutVarint(out, revision);
  PutVarint(out, map_version);
  PutVarint(out, last_named.value());
  return out;
}

absl::Status Foreign(std::string_view key) {
  return absl::DataLossError("the directory has a row that is none of its own: " +
                             std::string(key));
}

}  // namespace

std::string Directory::VersionKey() { return RowKey('v'); }

absl::StatusOr<Directory> Directory::Load(std::span<const Row> rows) {
  Directory directory;
  sharding::ShardMapDelta shards;
  for (const Row& row : rows) FLOTILLA_RETURN_IF_ERROR(directory.TakeRow(row, shards));
  FLOTILLA_RETURN_IF_ERROR(directory.shards_.Apply(shards));
  return directory;
}

absl::Status Directory::TakeRow(const Row& row, sharding::ShardMapDelta& shards) {
  if (row.key == RowKey('v')) {
    Decoder in(row.value);
    FLOTILLA_RETURN_IF_ERROR(
        ReadFormatHeader(in, kVersionKind, kNewestVersion, "version of the directory"));
    revision_ = in.Varint();
    shards.version = in.Varint();
    last_named_ = ShardId(in.Varint());
    return in.Finish("version of the directory");
  }
  const std::string_view key = row.key;
  const size_t id_at = kDirectoryPrefix.size() + 1;
  if (!key.starts_with(kDirectoryPrefix) || key.size() != id_at + 8) return Foreign(key);
  const uint64_t id = Decoder(key.substr(id_at)).Ordered64();
  if (key[id_at - 1] == 'n') {
    FLOTILLA_ASSIGN_OR_RETURN(sharding::NodeRecord record, sharding::DecodeNodeRecord(row.value));
    if (record.node.value() != id) return Foreign(key);
    nodes_[record.node] = std::move(record);
    return absl::OkStatus();
  }
  if (key[id_at - 1] == 'o') {
    FLOTILLA_ASSIGN_OR_RETURN(OperationRecord record, DecodeOperationRecord(row.value));
    if (record.id.value() != id) return Foreign(key);
    operations_[record.id] = std::move(record);
    return absl::OkStatus();
  }
  if (key[id_at - 1] != 's') return Foreign(key);
  FLOTILLA_ASSIGN_OR_RETURN(sharding::ShardMapDelta one, sharding::DecodeShardMapDelta(row.value));
  if (one.items.size() != 1 || one.items[0].shard.claim.descriptor.shard.value() != id) {
    return Foreign(key);
  }
  shards.items.push_back(std::move(one.items[0]));
  return absl::OkStatus();
}

absl::StatusOr<DirectoryChange> Directory::Claim(
    std::span<const sharding::ShardClaim> claims) const {
  sharding::ShardMap next = shards_;
  FLOTILLA_RETURN_IF_ERROR(next.Merge(claims).status());
  return DirectoryChange{.nodes = {}, .forgotten = {}, .shards = next.Since(shards_.version())};
}

absl::StatusOr<DirectoryChange> Directory::Register(const sharding::NodeRecord& record) const {
  DirectoryChange change{.nodes = {record}, .forgotten = {}, .shards = {}};
  const auto known = nodes_.find(record.node);
  if (known == nodes_.end()) return change;
  if (known->second.incarnation != record.incarnation) {
    return absl::FailedPreconditionError("node " + ToString(record.node) +
                                         " is registered with another disk: a node that lost its "
                                         "disk comes back under a new id");
  }
  change.nodes[0].duty = known->second.duty;
  if (change.nodes[0] == known->second) change.nodes.clear();
  return change;
}

Command Directory::CommandFor(const DirectoryChange& change) const {
  Txn txn;
  Condition& unchanged = txn.conditions.emplace_back();
  unchanged.key = RowKey('v');
  if (revision_ > 0) {
    unchanged.kind = Condition::Kind::kValue;
    unchanged.value = EncodeVersionRow(revision_, shards_.version(), last_named_);
  }
  for (const sharding::NodeRecord& record : change.nodes) {
    txn.then.emplace_back(
        Put{RowKey('n', record.node.value()), sharding::EncodeNodeRecord(record)});
  }
  for (const NodeId node : change.forgotten) {
    txn.then.emplace_back(Delete{RowKey('n', node.value())});
  }
  for (const OperationRecord& record : change.operations) {
    txn.then.emplace_back(Put{RowKey('o', record.id.value()), EncodeOperationRecord(record)});
  }
  for (const OperationId operation : change.dropped) {
    txn.then.emplace_back(Delete{RowKey('o', operation.value())});
  }
  for (const sharding::ShardMapDelta::Item& item : change.shards.items) {
    const sharding::ShardMapDelta one{
        .since = 0, .version = change.shards.version, .items = {item}};
    txn.then.emplace_back(Put{RowKey('s', item.shard.claim.descriptor.shard.value()),
                              sharding::EncodeShardMapDelta(one)});
  }
  const uint64_t map_version = std::max(shards_.version(), change.shards.version);
  const ShardId last_named = std::max(last_named_, change.named);
  txn.then.emplace_back(Put{RowKey('v'), EncodeVersionRow(revision_ + 1, map_version, last_named)});
  return {.keyspace = 0, .identity = {}, .operation = std::move(txn)};
}

absl::Status Directory::Apply(const DirectoryChange& change) {
  FLOTILLA_RETURN_IF_ERROR(shards_.Apply(change.shards));
  for (const sharding::NodeRecord& record : change.nodes) nodes_[record.node] = record;
  for (const NodeId node : change.forgotten) nodes_.erase(node);
  for (const OperationRecord& record : change.operations) operations_[record.id] = record;
  for (const OperationId operation : change.dropped) operations_.erase(operation);
  last_named_ = std::max(last_named_, change.named);
  ++revision_;
  return absl::OkStatus();
}

}  // namespace flotilla::kv
