// What a node *is*: it hosts any number of Raft groups over one log, one transport and one tick,
// joins or forms a cluster, and serves reads and writes. Every dependency is injected, so that the
// server hosts it on threads, gRPC and a real disk, and the simulator hosts the same code on a
// seed.
//
// Everything happens on one executor. All methods are to be called on it; all callbacks run on it.
#ifndef FLOTILLA_NODE_NODE_H_
#define FLOTILLA_NODE_NODE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/disk.h"
#include "base/executor.h"
#include "base/ids.h"
#include "base/logger.h"
#include "base/metrics.h"
#include "kv/command.h"
#include "kv/operation_record.h"
#include "kv/state_machine.h"
#include "node/authorizer.h"
#include "node/peer_transport.h"
#include "node/plan_preview.h"
#include "node/request.h"
#include "node/stage_observer.h"
#include "node/transfer_meter.h"
#include "raft/raft_core.h"
#include "sharding/node_record.h"
#include "storage/engine.h"
#include "storage/log.h"

namespace flotilla::node {

struct NodeOptions {
  NodeId node;
  std::string data_folder;
  std::vector<std::string> join;  // peer addresses, our own may be among them
  uint32_t initial_nodes = 1;
  std::string advertise_peer;
  std::string advertise_client;
  // Nodes of one zone fail together. Empty: a zone of its own.
  std::string zone;
  // Capacity, relative to other nodes; with 0 it is given no replicas.
  uint32_t weight = 1;

  // Groups of a new cluster; each owns an equal arc. One until resharding exists.
  uint32_t initial_shards = 1;

  raft::RaftOptions raft;
  Duration tick = std::chrono::milliseconds(50);

  // Replicas of every shard of a new cluster; with fewer nodes, fewer. 0: one on every founder.
  uint32_t replicas = 0;
  // Whether this node, when it leads the directory, moves replicas and leaders and splits shards.
  bool balance = false;
  // What a node holds is replaced when it has been silent for so long.
  Duration dead_after = std::chrono::minutes(10);
  // A node that left, holds nothing and has been silent for so long is forgotten.
  Duration gone_after = std::chrono::seconds(15);
  // What a replica keeps of what it applies while it makes the draft of a split's child. Where that
  // is not enough, the child is made when the split has come. 0: always so.
  uint64_t child_draft_bytes = 16 << 20;
  // Shards above either are split, until there are so many; 0: never.
  uint64_t split_bytes = 0;
  uint64_t split_load = 0;
  uint32_t max_shards = 4096;
  // Load is averaged over so long before a shard is split by it, over some of these before leaders
  // are moved; and never for fewer requests per second than these.
  Duration load_span = std::chrono::seconds(30);
  uint64_t least_load = 50;

  storage::LogOptions log;  // folder, node and incarnation are filled in by the node
  kv::Limits limits;
  kv::SessionLimits session_limits;

  // Requests accepted and not yet answered, all shards and forwarded ones together. The bytes are
  // of commands and keys.
  size_t max_pending_requests = 100'000;
  size_t max_pending_bytes = 256 << 20;
  // Client commands in one log entry.
  size_t max_entry_bytes = 1 << 20;
  // While more than a few writes are in flight, entries are proposed no more often than this:
  // larger batches, fewer syncs. A lone caller never waits for it.
  Duration round_spacing = std::chrono::microseconds(500);
  // A flush of the engine is asked for when the log beyond its durable index holds more than this.
  uint64_t flush_log_bytes = 64 << 20;
  uint64_t flush_log_entries = 200'000;
  // A replica to which nothing was written for so long gives the memory back that its entries took:
  // those in the log's cache, and those in its engine if they are worth a flush.
  Duration rest_after = std::chrono::seconds(10);
  uint64_t rest_flush_bytes = 1 << 20;
  // The log of a group is compacted when at least this many entries can go at once.
  uint64_t compact_log_entries = 10'000;
  // With less free than this, writes are refused and nothing more is applied: what the engines have
  // in memory must still find room. They go on by themselves when space returns.
  uint64_t disk_reserve_bytes = 64 << 20;
  size_t snapshot_chunk_bytes = 256 << 10;
  size_t snapshot_window_chunks = 8;
  // Of all snapshots that this node sends; 0: no limit.
  uint64_t snapshot_bytes_per_second = 128 << 20;
  // Snapshots under way at once; others wait for them. 0: no limit.
  size_t snapshot_max_sends = 2;
  size_t snapshot_max_receives = 2;
  // How long what an interrupted snapshot has brought so far, and the checkpoint that it is of, are
  // kept for when it goes on.
  Duration snapshot_keep = std::chrono::minutes(1);
};

// Outlives the node.
struct NodeEnvironment {
  Clock& clock;
  Executor& executor;
  SequenceSource& sequences;
  Disk& disk;
  storage::EngineSource& engines;
  PeerTransport& transport;
  Logger& logger;
  Authorizer& authorizer;
  StageObserver* stages = nullptr;     // null: nothing is measured
  MetricsRegistry* metrics = nullptr;  // null: nobody will look
  uint64_t seed = 0;                   // for jitter, and for drawing cluster and incarnation ids
  // The node can no longer keep its promises (a failed sync, a full stop): the server logs it and
  // aborts the process, the simulator kills the node. Called at most once.
  absl::AnyInvocable<void(absl::Status)> on_fatal;
};

enum class NodePhase : uint8_t {
  kStarting,  // reading the disk
  kJoining,   // looking for its cluster
  kServing,
  kStopping,
  kFailed,
};
std::string_view ToString(NodePhase phase);

// For `cluster status`, /readyz, metrics and the simulator's invariants.
struct ReplicaStatus {
  ShardId shard;
  uint64_t shard_version = 0;
  sharding::Arc arc;
  raft::RaftStatus raft;
  LogIndex engine_durable;
  uint64_t engine_bytes = 0;
  uint64_t pending_writes = 0;
  uint64_t pending_reads = 0;
  double requests_per_second = 0;  // served by this replica, over the last seconds
  bool failed = false;
  std::string failure;
};
// Of the directory of nodes and shards, as this node knows it.
struct DirectoryStatus {
  // Its replica here, where there is one.
  std::optional<ReplicaStatus> replica;
  NodeId leader;  // none when unknown
  uint64_t map_version = 0;
  uint32_t replicas_wanted = 0;
  std::vector<sharding::NodeRecord> nodes;
  // Only where this node leads the directory: how long ago it has heard of each of them, or has led
  // without hearing of it, and what it is having moved or split.
  struct Heard {
    NodeId node;
    Duration ago{0};
  };
  std::vector<Heard> heard;
  struct StepUnderWay {
    std::string step;  // "move shard 3 from node 1 to node 4"
    ShardId shard;
    Duration since{0};
    kv::OperationId operation;  // none: it leaves no record
    TransferMeter::Reading progress;
  };
  std::vector<StepUnderWay> under_way;
};
// A piece of long work on the cluster, and while it runs how far it is.
struct OperationStatus {
  kv::OperationRecord record;
  Duration since{0};  // its begin; if it has ended, how long it took
  TransferMeter::Reading progress;
};
struct NodeStatus {
  NodeAddress self;
  ClusterId cluster;
  NodePhase phase = NodePhase::kStarting;
  std::string detail;  // what it waits for, in words
  std::vector<NodeAddress> peers;
  std::vector<NodeId> connected;
  std::vector<ReplicaStatus> replicas;  // of shards
  DirectoryStatus directory;
  storage::LogStatus log;
};

class Node : public PeerEvents {
 public:
  // Locks and reads the data folder (blocking), then goes on by itself: forms, joins or serves.
  // Errors, nothing changed: kFailedPrecondition (another node's folder, folder in use),
  // kUnimplemented (newer format), kDataLoss, and as of the disk.
  static absl::StatusOr<std::unique_ptr<Node>> Start(NodeOptions options, NodeEnvironment env);
  // Forgets everything at once, as a crash would; see Stop.
  ~Node() override = default;

  // A write. `done` runs exactly once, at the latest at the deadline (one tick later if another
  // node was to carry it out), unless the node dies first.
  virtual void Write(WriteRequest request, WriteDone done) = 0;
  virtual void Read(ReadRequest request, ReadDone done) = 0;

  // Membership and leadership of one shard; only its leader accepts (kFailedPrecondition, the
  // message names the leader). `done` runs when the change is committed or given up.
  virtual void ChangeMembership(ShardId shard, const raft::ConfigurationChange& change,
                                absl::AnyInvocable<void(absl::Status)> done) = 0;
  virtual void TransferLeadership(ShardId shard, NodeId target,
                                  absl::AnyInvocable<void(absl::Status)> done) = 0;

  // Cuts a shard's arc in two; only its leader accepts. See kv::SplitShard. `done` runs when the
  // split is applied here, or has not happened (kFailedPrecondition, kInvalidArgument,
  // kUnavailable), or nobody can tell (kAborted).
  virtual void SplitShard(ShardId shard, const kv::SplitShard& split,
                          absl::AnyInvocable<void(absl::Status)> done) = 0;

  // What a node is meant to do from now on: serve; be emptied and stay; be emptied and leave. Only
  // the node that leads the directory accepts (kFailedPrecondition, the message names it). `done`
  // when that is durable, or has not happened (kNotFound, kUnavailable).
  virtual void SetNodeDuty(NodeId node, sharding::NodeDuty duty,
                           absl::AnyInvocable<void(absl::Status)> done) = 0;

  // All operations that run, and the last ones that have ended, by id. Only the node that leads the
  // directory knows them, and only it cancels one (kFailedPrecondition otherwise, the message names
  // it). `done` when it is durable that what was done of the operation is to be undone, or that is
  // not so: kNotFound, kUnavailable, kFailedPrecondition for one that has ended or has happened.
  virtual absl::StatusOr<std::vector<OperationStatus>> Operations() const = 0;

  // Has a shard's replica moved, added or taken away, whether or not the balancer is on. Only the
  // node that leads the directory accepts, as above. `done` when the operation is durable: from
  // then on it is carried out whoever dies. It says which one; one that does the same and runs
  // already is the same. Or it is not begun: kNotFound, kInvalidArgument, kFailedPrecondition as of
  // CheckAsked; kUnavailable when the shard is being changed otherwise, or this node leads since a
  // moment only.
  virtual void BeginOperation(const sharding::Step& step,
                              absl::AnyInvocable<void(absl::StatusOr<kv::OperationId>)> done) = 0;

  virtual void CancelOperation(kv::OperationId operation,
                               absl::AnyInvocable<void(absl::Status)> done) = 0;

  // All that the balancer would do from now on, if the nodes had these duties and nothing else
  // happened; changes nothing. Only the node that leads the directory knows (kFailedPrecondition,
  // the message names it). kNotFound, kInvalidArgument: there is no such node, or one is named
  // twice. kUnavailable: it leads the directory since a moment only. kResourceExhausted: it is
  // making a plan already. `done` runs within seconds, unless the node dies first.
  virtual void PlanChanges(const std::vector<DutyChange>& changes,
                           absl::AnyInvocable<void(absl::StatusOr<PlanPreview>)> done) = 0;

  // Graceful: refuses new requests, hands leadership over, answers what is pending, closes the log,
  // then runs `done`. Bounded by `limit`.
  virtual void Stop(Duration limit, Task done) = 0;

  virtual NodeStatus Status() const = 0;
  // Which shard and leader this node would route a key to.
  virtual Route RouteOf(std::string_view key) const = 0;
  // All shards this node knows of, for clients' maps.
  virtual std::vector<std::pair<sharding::ShardDescriptor, Route>> ShardMap() const = 0;
  // Whether a linearizable read would be served here or by a reachable leader, for /readyz.
  virtual bool Ready() const = 0;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_NODE_H_
