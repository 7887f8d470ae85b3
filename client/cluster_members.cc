// The directory and the nodes that it lists, merged from what the nodes say.
#include <algorithm>
#include <map>
#include <tuple>

#include "flotilla/cluster_status.h"

namespace flotilla {
inline namespace client_v1 {

namespace {

// The balancer's own limit: whoever is silent for longer counts as down.
constexpr double kDownAfterSeconds = 5;

// Whom to believe most: who leads the directory, of several the one of the newest term, else who
// has the newest map.
auto Authority(const DirectoryStatus& directory) {
  const uint64_t term = directory.replica.has_value() ? directory.replica->term : 0;
  return std::make_tuple(directory.from_leader, directory.from_leader ? term : 0,
                         directory.map_version);
}

// What is known of a node besides the directory's word.
struct Signs {
  bool answers = false;
  bool is_connected = false;  // to one that answers
};

Signs SignsOf(uint64_t node_id, const std::vector<NodeStatus>& nodes) {
  Signs signs;
  for (const NodeStatus& node : nodes) {
    if (!node.status.ok()) continue;
    signs.answers |= node.node_id == node_id;
    signs.is_connected |= std::count(node.connected.begin(), node.connected.end(), node_id) > 0;
  }
  return signs;
}

// A directory whose leader was elected just now cannot tell who is silent; what breaks off with a
// process are its connections.
std::string StateOf(const ListedNode& listed, const Signs& signs) {
  if (listed.silent_seconds.value_or(0) > kDownAfterSeconds) return "down";
  if (!signs.answers) return signs.is_connected ? "unreachable" : "down";
  if (listed.duty == "drain") return "draining";
  return listed.duty == "leave" ? "leaving" : "up";
}

ClusterNode MakeNode(const ListedNode& listed, const Signs& signs) {
  ClusterNode node;
  node.node_id = listed.node_id;
  node.client_address = listed.client_address;
  node.peer_address = listed.peer_address;
  node.zone = listed.zone;
  node.weight = listed.weight;
  node.duty = listed.duty;
  node.state = StateOf(listed, signs);
  if (node.state == "down") node.down_seconds = listed.silent_seconds;
  return node;
}

// One that answers, and that the directory does not list, or not any more.
ClusterNode MakeUnlisted(const NodeStatus& status, bool directory_is_known) {
  ClusterNode node;
  node.node_id = status.node_id;
  node.client_address = status.endpoint;
  node.state = status.phase;
  if (status.phase == "serving") node.state = directory_is_known ? "not listed" : "up";
  return node;
}

}  // namespace

DirectoryStatus ClusterStatus::directory() const {
  const DirectoryStatus* best = nullptr;
  for (const NodeStatus& node : nodes) {
    if (!node.status.ok()) continue;
    if (best == nullptr || Authority(*best) < Authority(node.directory)) best = &node.directory;
  }
  return best == nullptr ? DirectoryStatus() : *best;
}

std::vector<ClusterNode> ClusterStatus::members() const {
  const DirectoryStatus known = directory();
  std::map<uint64_t, const NodeStatus*> answers;
  for (const NodeStatus& node : nodes) {
    if (node.status.ok()) answers[node.node_id] = &node;
  }
  std::map<uint64_t, ClusterNode> members;
  for (const ListedNode& listed : known.nodes) {
    members[listed.node_id] = MakeNode(listed, SignsOf(listed.node_id, nodes));
  }
  for (const auto& [node_id, status] : answers) {
    if (members.count(node_id) > 0) continue;
    members[node_id] = MakeUnlisted(*status, !known.nodes.empty());
  }
  for (const ShardStatus& shard : shards()) {
    for (const ShardReplica& replica : shard.replicas) {
      const auto member = members.find(replica.node_id);
      if (member == members.end()) continue;
      ++member->second.replicas;
      if (shard.leader_node_id == replica.node_id) ++member->second.leaders;
    }
  }
  if (const auto shard = directory_shard(); shard.has_value()) {
    for (const ShardReplica& replica : shard->replicas) {
      const auto member = members.find(replica.node_id);
      if (member != members.end()) member->second.directory_role = replica.role;
    }
  }
  std::vector<ClusterNode> list;
  for (auto& [node_id, member] : members) list.push_back(std::move(member));
  return list;
}

}  // namespace client_v1
}  // namespace flotilla
