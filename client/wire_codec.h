// Between the core's values and the messages of flotilla.v1. Links no gRPC: the simulator's clients
// speak the same bytes.
#ifndef FLOTILLA_CLIENT_WIRE_CODEC_H_
#define FLOTILLA_CLIENT_WIRE_CODEC_H_

#include <span>
#include <vector>

#include "client/kv_channel.h"
#include "flotilla/cluster_plan.h"
#include "flotilla/cluster_status.h"

namespace flotilla::v1 {
class GetClusterStatusResponse;
class GetShardMapResponse;
class ListOperationsResponse;
class PipelineRequest;
class PipelineResult;
class PlanChangesResponse;
}  // namespace flotilla::v1

namespace flotilla::client {

// What most operations have in common (shard, session) is written once, in the message's header.
void EncodeBatch(std::span<const OutgoingOperation> batch, v1::PipelineRequest& message);

// Takes keys and values out of `result`. Of a result of no known kind: an error that says so.
Reply DecodeReply(v1::PipelineResult& result);

ShardMap DecodeShardMap(const v1::GetShardMapResponse& response);
// All but endpoint and status.
NodeStatus DecodeNodeStatus(const v1::GetClusterStatusResponse& response);
std::vector<ClusterOperation> DecodeOperations(const v1::ListOperationsResponse& response);
ClusterPlan DecodePlan(const v1::PlanChangesResponse& response);

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_WIRE_CODEC_H_
