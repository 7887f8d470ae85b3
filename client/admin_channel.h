// The port between an operator's operations and the cluster: one call, one answer. Implemented over
// gRPC, and by tests.
#ifndef FLOTILLA_CLIENT_ADMIN_CHANNEL_H_
#define FLOTILLA_CLIENT_ADMIN_CHANNEL_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "flotilla/admin.h"

namespace flotilla::client {

// A replica goes from one node to another, or, where one of them is 0, comes or goes.
struct ReplicaChange {
  uint64_t shard = 0;
  uint64_t from = 0;
  uint64_t to = 0;
};

// The new shard gets the slots from `at` on.
struct ShardCut {
  uint64_t shard = 0;
  uint32_t at = 0;
};

struct AdminReply {
  Status status;
  // Where the asked node sends the caller, when another one leads.
  std::string leader_endpoint;
  uint64_t operation_id = 0;  // of one that was begun
  std::vector<ClusterOperation> operations;
  ClusterPlan plan;
};

class AdminChannel {
 public:
  virtual ~AdminChannel() = default;

  virtual ClusterStatus Describe() = 0;
  virtual AdminReply TransferLeadership(const std::string& endpoint, uint64_t shard,
                                        uint64_t node) = 0;

  virtual AdminReply SetNodeDuty(const std::string& endpoint, uint64_t node, NodeDuty duty) = 0;
  virtual AdminReply BeginOperation(const std::string& endpoint, const ReplicaChange& change) = 0;
  virtual AdminReply BeginSplit(const std::string& endpoint, const ShardCut& cut) = 0;
  virtual AdminReply ListOperations(const std::string& endpoint) = 0;
  virtual AdminReply CancelOperation(const std::string& endpoint, uint64_t operation) = 0;
  virtual AdminReply PlanChanges(const std::string& endpoint,
                                 const std::vector<NodeDutyChange>& changes) = 0;

  virtual MonoTime Now() = 0;
  virtual void Pause(Duration time) = 0;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_ADMIN_CHANNEL_H_
