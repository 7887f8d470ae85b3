#include "flotilla/cluster_status.h"

#include <algorithm>
#include <map>

namespace flotilla {
inline namespace client_v1 {

namespace {

std::string NameOf(const NodeStatus& node) {
  if (node.node_id == 0) return node.endpoint;
  return "node " + std::to_string(node.node_id) + " (" + node.endpoint + ")";
}

void AddNodeProblems(const NodeStatus& node, std::vector<std::string>& problems) {
  if (!node.status.ok()) {
    problems.push_back(NameOf(node) + " does not answer: " + node.status.message());
    return;
  }
  if (!node.ready) {
    problems.push_back(NameOf(node) + " is not ready: " + node.phase +
                       (node.detail.empty() ? "" : ", " + node.detail));
  }
  if (node.disk_full) problems.push_back("the disk of " + NameOf(node) + " is full");
  for (const ReplicaStatus& replica : node.replicas) {
    if (replica.failure.empty()) continue;
    problems.push_back("the replica of shard " + std::to_string(replica.shard_id) + " on " +
                       NameOf(node) + " stopped itself: " + replica.failure);
  }
}

}  // namespace

bool ClusterStatus::healthy() const { return problems().empty(); }

std::vector<std::string> ClusterStatus::problems() const {
  std::vector<std::string> problems;
  if (nodes.empty()) problems.emplace_back("no node is known");
  std::map<uint64_t, bool> shard_is_led;
  for (const NodeStatus& node : nodes) {
    AddNodeProblems(node, problems);
    for (const ReplicaStatus& replica : node.replicas) {
      shard_is_led[replica.shard_id] |= replica.role == "leader";
    }
  }
  for (const auto& [shard, led] : shard_is_led) {
    if (!led) problems.push_back("shard " + std::to_string(shard) + " has no leader");
  }
  return problems;
}

}  // namespace client_v1
}  // namespace flotilla
