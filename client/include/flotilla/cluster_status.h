// A cluster as its nodes describe it.
#ifndef FLOTILLA_CLIENT_INCLUDE_FLOTILLA_CLUSTER_STATUS_H_
#define FLOTILLA_CLIENT_INCLUDE_FLOTILLA_CLUSTER_STATUS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "flotilla/export.h"
#include "flotilla/status.h"

namespace flotilla {
inline namespace client_v1 {

// What a shard's leader knows of one of its members.
struct MemberProgress {
  uint64_t node_id = 0;
  bool voter = false;
  uint64_t match_index = 0;       // how much of the leader's log it is known to hold
  bool active = false;            // it was heard of lately
  bool snapshot_pending = false;  // it is being sent a snapshot
};

// A replica of a shard on one node.
struct ReplicaStatus {
  uint64_t shard_id = 0;
  // As of what the replica has applied; version 0: it waits for its first snapshot.
  uint64_t shard_version = 0;
  uint32_t first_slot = 0;
  uint32_t last_slot = 0;
  uint64_t replica_id = 0;
  std::string role;             // "leader", "follower", "candidate" or "learner"
  uint64_t leader_node_id = 0;  // 0: none known
  uint64_t term = 0;
  uint64_t commit_index = 0;
  uint64_t applied_index = 0;
  uint64_t last_log_index = 0;
  uint64_t engine_bytes = 0;
  uint64_t pending_requests = 0;
  double requests_per_second = 0;       // that it has served itself, over the last seconds
  std::vector<uint64_t> voters;         // node ids
  std::vector<uint64_t> learners;       // node ids
  std::vector<MemberProgress> members;  // all of them; only the leader knows how far they are
  std::string failure;                  // why it stopped itself; empty while it is well
};

// A node as the directory lists it.
struct ListedNode {
  uint64_t node_id = 0;
  std::string client_address;
  std::string peer_address;
  std::string zone;     // empty: a zone of its own
  uint32_t weight = 0;  // capacity, relative to others'
  std::string duty;     // "serve", "drain" (to be emptied) or "leave" (to be emptied and forgotten)
  // Since when the directory's leader has heard nothing of it. None: another node was asked.
  std::optional<double> silent_seconds;
};

// How far a replica that is being filled has come.
struct TransferProgress {
  uint64_t bytes_done = 0;
  uint64_t bytes_total = 0;  // 0: not known, or there is nothing to fill
  uint64_t entries_behind = 0;
  // Until all bytes are there, at the rate seen so far.
  std::optional<double> seconds_left;
};

// What the balancer is having moved or split.
struct StepUnderWay {
  std::string what;       // "move shard 3 from node 1 to node 4"
  uint64_t shard_id = 0;  // 0: the directory itself
  double seconds = 0;
  uint64_t operation_id = 0;  // 0: a hand-over of leadership, which leaves no record
  TransferProgress progress;
};

// A move, an addition or removal of a replica, or a split, as the directory records it.
struct ClusterOperation {
  uint64_t operation_id = 0;  // grows; never reused
  std::string what;           // "move shard 3 from node 1 to node 4"
  uint64_t shard_id = 0;      // 0: the directory itself
  std::string cause;
  std::string state;   // "running", "cancelling", "succeeded", "failed" or "cancelled"
  std::string reason;  // why it failed, or what is to be said of how it ended
  int64_t begin_unix_ms = 0;
  double seconds = 0;  // since it began; if it has ended, how long it took
  TransferProgress progress;

  bool has_ended() const { return state != "running" && state != "cancelling"; }
};

// The directory of nodes and shards, as one node knows it.
struct DirectoryStatus {
  uint64_t leader_node_id = 0;  // 0: none known
  uint64_t map_version = 0;
  uint32_t replicas_wanted = 0;  // of every shard, where there are nodes for them
  std::vector<ListedNode> nodes;
  // Whether its leader says so: nobody else knows who is silent, and what is under way.
  bool from_leader = false;
  std::vector<StepUnderWay> steps;
  // That node's replica of the directory's own group, where it has one.
  std::optional<ReplicaStatus> replica;
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
  DirectoryStatus directory;
};

// A replica as its shard's leader and its own node describe it.
struct ShardReplica {
  uint64_t node_id = 0;
  std::string role;   // "leader", "voter" or "learner"
  std::string state;  // "ok", "snapshot" (being sent one), "silent" or "failed"
  // How many entries it is behind the leader. None: there is no leader who could tell.
  std::optional<uint64_t> lag;
  uint64_t bytes = 0;  // 0 unless its node answers
};

// A shard, merged from what all nodes say.
struct ShardStatus {
  uint64_t shard_id = 0;
  uint64_t shard_version = 0;
  uint32_t first_slot = 0;  // both ends belong to it
  uint32_t last_slot = 0;
  uint64_t leader_node_id = 0;         // 0: none, as far as the nodes know that answer
  std::vector<ShardReplica> replicas;  // by node id
  uint64_t bytes = 0;                  // of its largest replica
  // Of all replicas together.
  uint64_t pending_requests = 0;
  double requests_per_second = 0;
};

// A node of the cluster, merged from the directory, its own answer and what the shards' leaders
// say.
struct ClusterNode {
  uint64_t node_id = 0;
  std::string client_address;
  std::string peer_address;
  std::string zone;
  uint32_t weight = 0;
  std::string duty;  // as of the directory; empty when that does not list the node
  // "up"; "draining" or "leaving", done or not; "down"; "unreachable": others are connected to it,
  // but it does not answer here; otherwise the phase of a node that is not of the cluster yet.
  std::string state;
  std::optional<double> down_seconds;  // only of one that is down, and where somebody can tell
  uint64_t replicas = 0;               // of shards
  uint64_t leaders = 0;                // shards that it leads
  std::string directory_role;          // "leader", "voter", "learner" or empty
};

struct HealthProblem {
  // "no_answer", "shard_without_leader", "shard_without_quorum", "shard_short_of_voters",
  // "replica_lagging", "replica_failed", "node_down", "node_unreachable", "node_not_listed",
  // "node_not_ready", "node_draining", "disk_full", "directory_unknown" or "slots_unknown".
  std::string kind;
  std::string text;              // a sentence
  std::vector<uint64_t> shards;  // that it is about; 0: the directory
  uint64_t node_id = 0;          // that it is about, if any

  friend bool operator==(const HealthProblem& a, const HealthProblem& b) {
    return a.kind == b.kind && a.shards == b.shards && a.node_id == b.node_id;
  }
};

struct ClusterHealth {
  // "healthy"; "degraded": all is served, but something needs to be looked at; "unavailable": some
  // shard is not served.
  std::string state;
  std::vector<HealthProblem> problems;
  // So many further nodes may fail, whichever they are, and every shard and the directory still
  // have a majority of their voters.
  uint64_t failures_tolerated = 0;
  std::vector<StepUnderWay> steps;
};

struct ClusterStatus {
  std::vector<NodeStatus> nodes;  // by node id; those that did not answer come last

  // Whether all nodes that some shard counts on answer, those that answer are ready, and every
  // shard has a leader.
  FLOTILLA_EXPORT bool healthy() const;
  // What is wrong, one sentence each; empty when healthy.
  FLOTILLA_EXPORT std::vector<std::string> problems() const;
  // All shards that the nodes speak of, by their slots.
  FLOTILLA_EXPORT std::vector<ShardStatus> shards() const;

  // Every slot belongs to exactly one shard: whether there is no other than shards() has.
  FLOTILLA_EXPORT bool knows_all_shards() const;

  // The directory, from whoever knows it best.
  FLOTILLA_EXPORT DirectoryStatus directory() const;
  // Its own group, as shard 0. None when no node that answers has a replica.
  FLOTILLA_EXPORT std::optional<ShardStatus> directory_shard() const;
  // All nodes that the directory lists, and those that answer, by node id.
  FLOTILLA_EXPORT std::vector<ClusterNode> members() const;
  FLOTILLA_EXPORT ClusterHealth health() const;
};

}  // namespace client_v1
}  // namespace flotilla

#endif  // FLOTILLA_CLIENT_INCLUDE_FLOTILLA_CLUSTER_STATUS_H_
