// What the shards of the fake cluster do with ranges and many keys, and how they split.
#include <algorithm>

#include "sharding/slot.h"
#include "tests/client/fake_cluster.h"

namespace flotilla::client {

namespace {

bool InRange(const KeyRange& range, const std::string& key) {
  return key >= range.from && (range.to.empty() || key < range.to);
}

}  // namespace

void FakeCluster::Split(ShardId shard, sharding::Slot at, ShardId child) {
  for (ShardRoute& route : shards) {
    sharding::ShardDescriptor& parent = route.descriptor;
    if (parent.shard != shard) continue;
    ++parent.version;
    const ShardRoute half{{child, {at, parent.arc.last}, parent.version}, route.leader_endpoint};
    parent.arc.last = sharding::Slot{static_cast<uint16_t>(at.value - 1)};
    shards.push_back(half);
    return;
  }
}

const sharding::Arc& FakeCluster::ArcOf(ShardId shard) const {
  for (const ShardRoute& route : shards) {
    if (route.descriptor.shard == shard) return route.descriptor.arc;
  }
  return shards.front().descriptor.arc;
}

bool FakeCluster::Owns(const ShardRoute& route, const Received& received) const {
  const sharding::Arc& arc = route.descriptor.arc;
  const auto owns = [&arc](const std::string& key) { return arc.Contains(sharding::SlotOf(key)); };
  if (const auto* scan = std::get_if<Scan>(&received.operation)) {
    return !scan->slots.has_value() || arc.Contains(scan->slots->first);
  }
  if (const auto* get = std::get_if<BatchGet>(&received.operation)) {
    return std::all_of(get->keys.begin(), get->keys.end(), owns);
  }
  if (std::holds_alternative<DeleteRange>(received.operation)) {
    return received.shard_version == route.descriptor.version;
  }
  const std::string* key = RoutingKey(received.operation);
  return key == nullptr || owns(*key);
}

BatchGetResult FakeCluster::ExecuteBatchGet(const BatchGet& get) const {
  BatchGetResult result;
  for (const std::string& key : get.keys) {
    const auto found = rows_.find(key);
    std::optional<Entry>& entry = result.entries.emplace_back();
    if (found != rows_.end()) entry = Entry{key, found->second, revision_, revision_};
  }
  return result;
}

ShardPage FakeCluster::ExecuteScan(const Scan& scan, const sharding::Arc& arc) const {
  std::vector<std::string> keys;
  for (const auto& [key, value] : rows_) {
    const sharding::Slot slot = sharding::SlotOf(key);
    const bool wanted = !scan.slots.has_value() || scan.slots->Contains(slot);
    if (InRange(scan.range, key) && arc.Contains(slot) && wanted) keys.push_back(key);
  }
  if (scan.reverse) std::reverse(keys.begin(), keys.end());
  ShardPage page;
  page.arc = arc;
  size_t most = max_page_rows;
  if (scan.page_size != 0 && !scan.count_only) most = std::min<size_t>(most, scan.page_size);
  if (keys.size() > most) {
    page.resume_key = scan.reverse ? keys[most - 1] : keys[most];
    keys.resize(most);
  }
  page.count = scan.count_only ? keys.size() : 0;
  if (scan.count_only) return page;
  for (const std::string& key : keys) {
    page.entries.push_back({key, rows_.at(key), revision_, revision_});
  }
  return page;
}

ShardDeletion FakeCluster::ExecuteDeleteRange(const DeleteRange& range, const sharding::Arc& arc) {
  ShardDeletion deletion;
  deletion.arc = arc;
  const size_t most = range.page_size == 0 ? max_page_rows : range.page_size;
  for (auto row = rows_.begin(); row != rows_.end();) {
    if (!InRange(range.range, row->first) || !arc.Contains(sharding::SlotOf(row->first))) {
      ++row;
      continue;
    }
    if (deletion.deleted == most) {
      deletion.resume_key = row->first;
      break;
    }
    row = rows_.erase(row);
    ++deletion.deleted;
  }
  return deletion;
}

}  // namespace flotilla::client
