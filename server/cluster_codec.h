// What a node knows of its cluster, in the public API's messages. Links no gRPC.
#ifndef FLOTILLA_SERVER_CLUSTER_CODEC_H_
#define FLOTILLA_SERVER_CLUSTER_CODEC_H_

#include <utility>
#include <vector>

#include "node/node.h"
#include "raft/types.h"

namespace flotilla::v1 {
class ChangeMembershipRequest;
class GetClusterStatusResponse;
class GetShardMapResponse;
}  // namespace flotilla::v1

namespace flotilla::server {

// All but the server's own version and readiness.
void EncodeStatus(const node::NodeStatus& status, v1::GetClusterStatusResponse* out);

void EncodeShardMap(const node::NodeStatus& status,
                    const std::vector<std::pair<sharding::ShardDescriptor, node::Route>>& shards,
                    v1::GetShardMapResponse* out);

raft::ConfigurationChange DecodeChange(const v1::ChangeMembershipRequest& request);

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_CLUSTER_CODEC_H_
