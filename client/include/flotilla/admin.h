// Operating a cluster: which nodes serve and which are to be emptied; and its shards by hand: split
// them, and choose where they are led and kept.
//
//   auto admin = flotilla::Admin::Connect("localhost:6170");
//   if (!admin.ok()) return Fail(admin.status());
//   auto split = (*admin)->SplitShard(1);
//   auto moved = (*admin)->MoveReplica(1, /*from=*/2, /*to=*/4);
#ifndef FLOTILLA_CLIENT_INCLUDE_FLOTILLA_ADMIN_H_
#define FLOTILLA_CLIENT_INCLUDE_FLOTILLA_ADMIN_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flotilla/cluster_plan.h"
#include "flotilla/cluster_status.h"
#include "flotilla/export.h"
#include "flotilla/status.h"

namespace flotilla {
inline namespace client_v1 {

// What an operation does at the moment.
struct AdminProgress {
  uint64_t shard_id = 0;  // 0: of an operation on a node
  std::string what;       // a sentence: "node 4 is 1200 entries behind"
};

struct AdminOptions {
  // An operation is given up when it has come no nearer to its end for this long: no leader, a node
  // that does not answer. A replica that is on its way may take as long as it needs.
  std::chrono::milliseconds timeout{30000};
  // Of one question to all nodes.
  std::chrono::milliseconds attempt_timeout{2000};
  // Called by the thread that called the operation, about five times a second. May be empty.
  std::function<void(const AdminProgress&)> on_progress;
};

struct SplitOptions {
  // The first slot that the new shard gets, with all behind it. None: the one that halves the
  // shard.
  std::optional<uint32_t> at;
};

// What a shard owns.
struct ShardArc {
  uint64_t shard_id = 0;
  uint64_t shard_version = 0;
  uint32_t first_slot = 0;  // both ends belong to it
  uint32_t last_slot = 0;
};
struct SplitResult {
  ShardArc shard;
  ShardArc child;
};

// Every operation finds the shard's or the directory's leader, and finds it again when it changes.
// It looks at what is there and does what is missing: one that was interrupted, wherever, is simply
// called again, and one that has nothing left to do succeeds at once.
//
// Calls block. Thread-safe, but two operations on one shard get in each other's way.
//
// Errors of all operations: NOT_FOUND (no such shard or node), UNAVAILABLE or DEADLINE_EXCEEDED (no
// leader, or no progress for `timeout`; the message says what was in the way), and what is listed
// below. Whatever fails, the cluster serves on, with the members that it had or with those that
// were asked for.
class FLOTILLA_EXPORT Admin {
 public:
  // `endpoints` as of Client::Connect; waits for no connection. INVALID_ARGUMENT for a malformed
  // endpoint or option.
  static StatusOr<std::unique_ptr<Admin>> Connect(std::string_view endpoints,
                                                  AdminOptions options = {});
  virtual ~Admin() = default;
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;

  // Asks every node of the cluster how it is, all at once.
  virtual ClusterStatus DescribeCluster() = 0;

  // Returns when the node leads the shard. FAILED_PRECONDITION: it has no vote there.
  virtual Status TransferLeadership(uint64_t shard, uint64_t node) = 0;

  // The four below succeed at once where nothing is left to be done. Else they begin an operation,
  // which the cluster carries out by itself even if the caller dies, and wait for its end. Called
  // again while it runs, they wait for the same one. DEADLINE_EXCEEDED: it came no further for
  // `timeout`, and goes on. ABORTED: it failed; the message says why. CANCELLED: somebody called it
  // off. UNAVAILABLE: another operation changed the shard all that time.

  // Cuts a shard in two; the new one has the same members, and a number from the directory. Returns
  // when it has a leader. Nothing is left to be done where `at` is the first slot of another shard
  // already; without `at`, a call after one that was interrupted may cut what is left once more.
  // INVALID_ARGUMENT: the slot does not cut the shard.
  virtual StatusOr<SplitResult> SplitShard(uint64_t shard, SplitOptions options) = 0;
  StatusOr<SplitResult> SplitShard(uint64_t shard) { return SplitShard(shard, SplitOptions()); }

  // Gives the shard one more voter: a learner is added, and promoted once it has caught up.
  // NOT_FOUND: the node does not answer. FAILED_PRECONDITION: it is to be emptied.
  virtual Status AddReplica(uint64_t shard, uint64_t node) = 0;

  // Takes the node's replica away; if it leads, another one takes over first.
  // FAILED_PRECONDITION: too few of the other voters would be up.
  virtual Status RemoveReplica(uint64_t shard, uint64_t node) = 0;

  // The same as adding one and removing the other, but the two change places in one step: the shard
  // never has a voter less or more. FAILED_PRECONDITION: `from` has no replica, `to`
  // has one, or is to be emptied. NOT_FOUND: `to` does not answer. INVALID_ARGUMENT: both are the
  // same.
  virtual Status MoveReplica(uint64_t shard, uint64_t from, uint64_t to) = 0;

  // Returns when the directory has it durably; the balancer then does what follows from it.
  virtual Status SetNodeDuty(uint64_t node, NodeDuty duty) = 0;

  // Returns when a node that is to be emptied holds nothing any more; it may be dead. At once when
  // the cluster has no such node. FAILED_PRECONDITION: it is meant to serve. DEADLINE_EXCEEDED:
  // something is left, and nothing is moving any more.
  virtual Status AwaitEmptyNode(uint64_t node) = 0;

  // What the balancer is having moved and split, and what it has lately; by id.
  virtual StatusOr<std::vector<ClusterOperation>> ListOperations() = 0;

  // Has what was done of an operation undone, and returns when that is durable. It is not begun
  // again for ten minutes. NOT_FOUND: there is none, or it has ended long ago. FAILED_PRECONDITION:
  // it has ended, or is a split that has happened.
  virtual Status CancelOperation(uint64_t operation) = 0;

  // All that the balancer would do from now on, if these nodes had other duties and nothing else
  // happened; with no changes, what it would do anyway. Changes nothing. Right after another node
  // began to lead the directory it waits some seconds, until that one has heard of all.
  // INVALID_ARGUMENT: a node is named twice. A plan that leaves something undone is no error.
  virtual StatusOr<ClusterPlan> PlanChanges(const std::vector<NodeDutyChange>& changes) = 0;

 protected:
  Admin() = default;
};

}  // namespace client_v1
}  // namespace flotilla

#endif  // FLOTILLA_CLIENT_INCLUDE_FLOTILLA_ADMIN_H_
