// Shards are split, and leaders moved, by the load of the workload; and what must be true of that.
#include <algorithm>
#include <string>

#include "tests/simulation/cluster/cluster_world.h"

namespace flotilla::simulation {

// Every key in its turn, at whoever leads its shard. What becomes of it does not matter.
void ClusterWorld::AskSteadily() {
  if (!asks_steadily_) return;
  After(options_.steady_interval, [this] { AskSteadily(); });
  const std::vector<std::string> keys = options_.client.workload.AllKeys();
  const std::string& key = keys[asked_++ % keys.size()];
  const auto leader = host_->LeaderOf(ShardOf(key));
  node::Node* const node = leader.has_value() ? host_->node(*leader) : nullptr;
  if (node == nullptr) return;
  node::ReadRequest request;
  request.context.deadline = host_->machine(*leader).clock().Now() + std::chrono::seconds(1);
  request.read.operation = kv::Get{key};
  host_->machine(*leader).executor().Post(
      [node, request]() mutable { node->Read(std::move(request), [](const node::ReadReply&) {}); });
}

bool ClusterWorld::HasKeyIn(const sharding::Arc& arc) const {
  const std::vector<std::string> keys = options_.client.workload.AllKeys();
  return std::any_of(keys.begin(), keys.end(),
                     [&](const std::string& key) { return arc.Contains(sharding::SlotOf(key)); });
}

// A shard is split by load where there is load on both sides, and only by what was measured of it
// as it is: else its halves would be split by the same load again.
void ClusterWorld::CheckLoadSplit(const kv::OperationRecord& record) {
  const auto* split = std::get_if<sharding::SplitShard>(&record.step);
  if (split == nullptr || record.state != kv::OperationState::kSucceeded) return;
  if (record.cause != ToString(sharding::Cause::kLoadSplit)) return;
  const auto parent = seen_shards_.find({split->shard, record.shard_version});
  const auto child = seen_shards_.find({record.child, record.shard_version + 1});
  if (parent == seen_shards_.end() || child == seen_shards_.end()) return;
  record_.Mark("cluster.split_by_load");
  sharding::Arc left = parent->second.arc;
  left.last.value = static_cast<uint16_t>(split->at.value - 1);
  if (!HasKeyIn(left) || !HasKeyIn(child->second.arc)) {
    record_.Fail(ToString(record.step) + " was made by load, and leaves a side without any");
  }
  // Clocks may run fast: by less than this.
  const Duration least = options_.node.load_span / 4;
  if (child->second.at - parent->second.at < least) {
    record_.Fail(ToString(record.step) + " was made by load that was not measured since it is so");
  }
}

}  // namespace flotilla::simulation
