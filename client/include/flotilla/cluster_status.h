// A cluster as its nodes describe it.
#ifndef FLOTILLA_CLIENT_INCLUDE_FLOTILLA_CLUSTER_STATUS_H_
#define FLOTILLA_CLIENT_INCLUDE_FLOTILLA_CLUSTER_STATUS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "flotilla/export.h"
#include "flotilla/status.h"

namespace flotilla {
inline namespace client_v1 {

// A replica of a shard on one node.
struct ReplicaStatus {
  uint64_t shard_id = 0;
  uint64_t replica_id = 0;
  std::string role;             // "leader", "follower", "candidate" or "learner"
  uint64_t leader_node_id = 0;  // 0: none known
  uint64_t term = 0;
  uint64_t commit_index = 0;
  uint64_t applied_index = 0;
  uint64_t last_log_index = 0;
  uint64_t engine_bytes = 0;
  std::vector<uint64_t> voters;    // node ids
  std::vector<uint64_t> learners;  // node ids
  std::string failure;             // why it stopped itself; empty while it is well
};

struct NodeStatus {
  std::string endpoint;  // that was asked
  Status status;         // of asking; the rest is empty when it failed
  uint64_t node_id = 0;
  uint64_t cluster_id = 0;
  std::string phase;   // "serving", "joining", ...
  std::string detail;  // what it waits for, in words
  bool ready = false;
  bool disk_full = false;
  std::string version;
  uint64_t log_bytes = 0;
  std::vector<uint64_t> connected;  // the nodes it is connected to
  std::vector<ReplicaStatus> replicas;
};

struct ClusterStatus {
  std::vector<NodeStatus> nodes;  // by node id; those that did not answer come last

  // Whether all nodes that some shard counts on answer, those that answer are ready, and every
  // shard has a leader.
  FLOTILLA_EXPORT bool healthy() const;
  // What is wrong, one sentence each; empty when healthy.
  FLOTILLA_EXPORT std::vector<std::string> problems() const;
};

}  // namespace client_v1
}  // namespace flotilla

#endif  // FLOTILLA_CLIENT_INCLUDE_FLOTILLA_CLUSTER_STATUS_H_
