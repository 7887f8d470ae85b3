// What the balancer would do, as the node tells that leads the directory.
#include <string>

#include "client/wire_codec.h"
#include "flotilla/v1/cluster.pb.h"

namespace flotilla::client {

namespace {

std::string NameOf(v1::PlanObstacle obstacle) {
  switch (obstacle) {
    case v1::PLAN_OBSTACLE_NO_QUORUM:
      return "no_quorum";
    case v1::PLAN_OBSTACLE_NO_TARGET:
      return "no_target";
    default:
      return "unknown";
  }
}

}  // namespace

ClusterPlan DecodePlan(const v1::PlanChangesResponse& response) {
  ClusterPlan plan;
  for (const v1::PlannedStep& step : response.steps()) {
    plan.steps.push_back({step.what(), step.cause(), step.shard_id(), step.bytes()});
  }
  for (const v1::PlanShortfall& shortfall : response.shortfalls()) {
    plan.shortfalls.push_back({shortfall.shard_id(), NameOf(shortfall.obstacle())});
  }
  plan.replicas_to_copy = response.replicas_to_copy();
  plan.bytes_to_copy = response.bytes_to_copy();
  plan.ideal_replicas_to_copy = response.ideal_replicas_to_copy();
  plan.ideal_bytes_to_copy = response.ideal_bytes_to_copy();
  plan.complete = response.complete();
  plan.unsettled_shards.assign(response.unsettled_shard_ids().begin(),
                               response.unsettled_shard_ids().end());
  plan.steps_under_way = response.steps_under_way();
  plan.balancer_off = response.balancer_off();
  for (const v1::PlannedNode& node : response.nodes()) {
    plan.nodes.push_back({node.node_id(), node.replicas(), node.planned_replicas()});
  }
  return plan;
}

}  // namespace flotilla::client
