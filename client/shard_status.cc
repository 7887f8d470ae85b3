// Shards, merged from what the nodes say of their replicas.
#include <algorithm>
#include <map>
#include <tuple>

#include "flotilla/cluster_status.h"
#include "sharding/slot_ring.h"

namespace flotilla {
inline namespace client_v1 {

namespace {

// What one node says of its replica.
struct Word {
  uint64_t node_id = 0;
  const ReplicaStatus* replica = nullptr;

  bool leads() const { return replica->role == "leader"; }
};

// Whom to believe most: the leader of the newest term, else who has heard of the newest term. A
// leader that was deposed without knowing is of an older one.
bool TellsLess(const Word& a, const Word& b) {
  const auto weight = [](const Word& word) {
    return std::make_tuple(word.replica->shard_version != 0, word.replica->term, word.leads());
  };
  return weight(a) < weight(b);
}

ShardReplica MakeReplica(const Word& best, const MemberProgress& member) {
  ShardReplica replica;
  replica.node_id = member.node_id;
  replica.role = member.voter ? "voter" : "learner";
  replica.state = "ok";
  if (best.leads()) {
    if (member.node_id == best.node_id) replica.role = "leader";
    const uint64_t last = best.replica->last_log_index;
    replica.lag = last - std::min(last, member.match_index);
    if (!member.active) replica.state = "silent";
    if (member.snapshot_pending) replica.state = "snapshot";
  }
  return replica;
}

ShardStatus MakeShard(uint64_t shard_id, const std::vector<Word>& words) {
  const Word& best = *std::max_element(words.begin(), words.end(), TellsLess);
  ShardStatus shard;
  shard.shard_id = shard_id;
  shard.shard_version = best.replica->shard_version;
  shard.first_slot = best.replica->first_slot;
  shard.last_slot = best.replica->last_slot;
  if (best.leads()) shard.leader_node_id = best.node_id;
  std::map<uint64_t, ShardReplica> replicas;
  for (const MemberProgress& member : best.replica->members) {
    replicas[member.node_id] = MakeReplica(best, member);
  }
  for (const auto& [node_id, replica] : words) {
    shard.bytes = std::max(shard.bytes, replica->engine_bytes);
    shard.pending_requests += replica->pending_requests;
    shard.requests_per_second += replica->requests_per_second;
    const auto member = replicas.find(node_id);
    if (member == replicas.end()) continue;
    member->second.bytes = replica->engine_bytes;
    if (!replica->failure.empty()) member->second.state = "failed";
  }
  for (auto& [node_id, replica] : replicas) shard.replicas.push_back(std::move(replica));
  return shard;
}

}  // namespace

std::optional<ShardStatus> ClusterStatus::directory_shard() const {
  std::vector<Word> words;
  for (const NodeStatus& node : nodes) {
    if (!node.directory.replica.has_value()) continue;
    words.push_back({node.node_id, &*node.directory.replica});
  }
  return words.empty() ? std::nullopt : std::optional(MakeShard(0, words));
}

std::vector<ShardStatus> ClusterStatus::shards() const {
  std::map<uint64_t, std::vector<Word>> words;
  for (const NodeStatus& node : nodes) {
    for (const ReplicaStatus& replica : node.replicas) {
      words[replica.shard_id].push_back({node.node_id, &replica});
    }
  }
  std::vector<ShardStatus> shards;
  for (const auto& [shard_id, said] : words) shards.push_back(MakeShard(shard_id, said));
  std::stable_sort(shards.begin(), shards.end(), [](const ShardStatus& a, const ShardStatus& b) {
    return a.first_slot < b.first_slot;
  });
  return shards;
}

bool ClusterStatus::knows_all_shards() const {
  sharding::SlotRing ring;
  for (const ShardStatus& shard : shards()) {
    if (shard.shard_version == 0) continue;
    const sharding::Arc arc{{static_cast<uint16_t>(shard.first_slot)},
                            {static_cast<uint16_t>(shard.last_slot)}};
    // Of two claims that contradict each other the first is as good as the second here.
    (void)ring.Claim({ShardId(shard.shard_id), arc, shard.shard_version});
  }
  return ring.IsCovered();
}

}  // namespace client_v1
}  // namespace flotilla
