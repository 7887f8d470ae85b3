// What a node knows of its cluster, in the public API's messages. Links no gRPC.
#ifndef FLOTILLA_SERVER_CLUSTER_CODEC_H_
#define FLOTILLA_SERVER_CLUSTER_CODEC_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "kv/command.h"
#include "node/node.h"
#include "raft/types.h"
#include "sharding/node_record.h"
#include "sharding/plan_step.h"
#include "sharding/shard_descriptor.h"

namespace flotilla::v1 {
class BeginOperationRequest;
class ChangeMembershipRequest;
class GetClusterStatusResponse;
class GetShardMapResponse;
class ListOperationsResponse;
class SplitShardRequest;
class SplitShardResponse;
enum NodeDuty : int;
}  // namespace flotilla::v1

namespace flotilla::server {

// All but the server's own version and readiness.
void EncodeStatus(const node::NodeStatus& status, v1::GetClusterStatusResponse* out);

void EncodeShardMap(const node::NodeStatus& status,
                    const std::vector<std::pair<sharding::ShardDescriptor, node::Route>>& shards,
                    v1::GetShardMapResponse* out);

void EncodeOperations(const std::vector<node::OperationStatus>& operations,
                      v1::ListOperationsResponse* out);

// kInvalidArgument when it is none that is known, the shard or a node is missing, or the slot is
// beyond the ring.
absl::StatusOr<sharding::Step> DecodeStep(const v1::BeginOperationRequest& request);

raft::ConfigurationChange DecodeChange(const v1::ChangeMembershipRequest& request);

// kInvalidArgument when it is none that is known.
absl::StatusOr<sharding::NodeDuty> DecodeDuty(v1::NodeDuty duty);

// Callers know the directory by its name, and as shard 0, not by the number of its group.
std::string DescribeStep(const std::string& step, ShardId shard);
uint64_t PublicIdOf(ShardId shard);

// Of that shard; chooses what the request leaves open. kInvalidArgument says what is wrong.
absl::StatusOr<kv::SplitShard> DecodeSplit(const v1::SplitShardRequest& request,
                                           const sharding::ShardDescriptor& shard);
// Both shards as they are now; `before` is what was split.
void EncodeSplit(const sharding::ShardDescriptor& before, const kv::SplitShard& split,
                 v1::SplitShardResponse* out);

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_CLUSTER_CODEC_H_
