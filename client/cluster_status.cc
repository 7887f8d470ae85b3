#include "flotilla/cluster_status.h"

#include <algorithm>
#include <map>
#include <set>

namespace flotilla {
inline namespace client_v1 {

namespace {

std::string NameOf(const NodeStatus& node) {
  if (node.node_id == 0) return node.endpoint;
  return "node " + std::to_string(node.node_id) + " (" + node.endpoint + ")";
}

// Whether some shard counts on a node that did not say anything. Who is silent is not known by
// number: any node that was replaced and is gone for good may be among them.
bool AVoterIsMissing(const std::vector<NodeStatus>& nodes) {
  std::set<uint64_t> heard;
  std::set<uint64_t> voters;
  for (const NodeStatus& node : nodes) {
    if (node.status.ok()) heard.insert(node.node_id);
    for (const ReplicaStatus& replica : node.replicas) {
      if (replica.role == "leader") voters.insert(replica.voters.begin(), replica.voters.end());
    }
  }
  return voters.empty() || !std::includes(heard.begin(), heard.end(), voters.begin(), voters.end());
}

void AddNodeProblems(const NodeStatus& node, bool voter_is_missing,
                     std::vector<std::string>& problems) {
  if (!node.status.ok()) {
    if (voter_is_missing) {
      problems.push_back(NameOf(node) + " does not answer: " + node.status.message());
    }
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
  const bool voter_is_missing = AVoterIsMissing(nodes);
  for (const NodeStatus& node : nodes) {
    AddNodeProblems(node, voter_is_missing, problems);
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
