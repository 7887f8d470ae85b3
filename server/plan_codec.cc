#include "server/plan_codec.h"

#include <string>

#include "base/status_macros.h"
#include "flotilla/v1/cluster.pb.h"
#include "server/cluster_codec.h"

namespace flotilla::server {
namespace {

v1::PlanObstacle ObstacleOf(sharding::Obstacle obstacle) {
  switch (obstacle) {
    case sharding::Obstacle::kNoQuorum:
      return v1::PLAN_OBSTACLE_NO_QUORUM;
    case sharding::Obstacle::kNoTarget:
      return v1::PLAN_OBSTACLE_NO_TARGET;
  }
  return v1::PLAN_OBSTACLE_UNSPECIFIED;
}

}  // namespace

absl::StatusOr<std::vector<node::DutyChange>> DecodeDutyChanges(
    const v1::PlanChangesRequest& request) {
  std::vector<node::DutyChange> changes;
  for (const v1::NodeDutyChange& change : request.duty_changes()) {
    FLOTILLA_ASSIGN_OR_RETURN(const sharding::NodeDuty duty, DecodeDuty(change.duty()));
    changes.push_back({NodeId(change.node_id()), duty});
  }
  return changes;
}

void EncodePlan(const node::PlanPreview& plan, v1::PlanChangesResponse* out) {
  for (const auto& [planned, bytes] : plan.steps) {
    const ShardId shard = ShardOf(planned.step);
    v1::PlannedStep* step = out->add_steps();
    step->set_what(DescribeStep(ToString(planned.step), shard));
    step->set_cause(std::string(ToString(planned.cause)));
    step->set_shard_id(PublicIdOf(shard));
    step->set_bytes(bytes);
  }
  for (const sharding::Shortfall& shortfall : plan.shortfalls) {
    v1::PlanShortfall* one = out->add_shortfalls();
    one->set_shard_id(PublicIdOf(shortfall.shard));
    one->set_obstacle(ObstacleOf(shortfall.obstacle));
  }
  out->set_replicas_to_copy(plan.movement.replicas);
  out->set_bytes_to_copy(plan.movement.bytes);
  out->set_ideal_replicas_to_copy(plan.movement.ideal_replicas);
  out->set_ideal_bytes_to_copy(plan.movement.ideal_bytes);
  out->set_complete(plan.complete);
  for (const ShardId shard : plan.unsettled) out->add_unsettled_shard_ids(PublicIdOf(shard));
  out->set_steps_under_way(static_cast<uint32_t>(plan.under_way));
  out->set_balancer_off(!plan.begins);
  for (const node::PlanPreview::NodeTotal& total : plan.nodes) {
    v1::PlannedNode* node = out->add_nodes();
    node->set_node_id(total.node.value());
    node->set_replicas(total.replicas);
    node->set_planned_replicas(total.planned_replicas);
  }
}

}  // namespace flotilla::server
