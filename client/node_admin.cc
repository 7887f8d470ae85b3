// What an operator asks of the directory: nodes are to be emptied, operations shown and cancelled,
// plans shown.
// The balancer does the rest.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "client/shard_admin.h"

namespace flotilla::client {

namespace {

// A step that was planned before the node's duty was known may still bring it something.
constexpr Duration kEmptyForGood = std::chrono::seconds(1);

std::string Name(uint64_t node) { return "node " + std::to_string(node); }

std::optional<ClusterNode> Find(const ClusterStatus& cluster, uint64_t node) {
  for (ClusterNode& known : cluster.members()) {
    if (known.node_id == node) return std::move(known);
  }
  return std::nullopt;
}

uint64_t HeldBy(const ClusterNode& node) {
  return node.replicas + (node.directory_role.empty() ? 0 : 1);
}

// Any node that answers can say who leads.
uint64_t WhomToAsk(const ClusterStatus& cluster) {
  const uint64_t leader = cluster.directory().leader_node_id;
  uint64_t any = 0;
  for (const NodeStatus& node : cluster.nodes) {
    if (!node.status.ok()) continue;
    if (node.node_id == leader) return leader;
    any = node.node_id;
  }
  return any;
}

std::string LeftOn(uint64_t node, uint64_t held) {
  return std::to_string(held) + (held == 1 ? " replica" : " replicas") + " left on " + Name(node);
}

}  // namespace

AdminReply ShardAdmin::AskDirectory(const Call& call) {
  Patience patience = NewPatience();
  while (true) {
    const ClusterStatus cluster = channel_->Describe();
    AdminReply reply = CallLeader(cluster, WhomToAsk(cluster), call);
    if (reply.status.ok() || !MayPass(reply.status)) return reply;
    patience.last_error = reply.status;
    reply.status = Rest(patience, 0, "asking the directory's leader: " + reply.status.message());
    if (!reply.status.ok()) return reply;
  }
}

Status ShardAdmin::SetNodeDuty(uint64_t node, NodeDuty duty) {
  return AskDirectory([&](const std::string& endpoint) {
           return channel_->SetNodeDuty(endpoint, node, duty);
         })
      .status;
}

StatusOr<std::vector<ClusterOperation>> ShardAdmin::ListOperations() {
  AdminReply reply =
      AskDirectory([&](const std::string& endpoint) { return channel_->ListOperations(endpoint); });
  if (!reply.status.ok()) return reply.status;
  return std::move(reply.operations);
}

Status ShardAdmin::CancelOperation(uint64_t operation) {
  return AskDirectory([&](const std::string& endpoint) {
           return channel_->CancelOperation(endpoint, operation);
         })
      .status;
}

StatusOr<ClusterPlan> ShardAdmin::PlanChanges(const std::vector<NodeDutyChange>& changes) {
  AdminReply reply = AskDirectory(
      [&](const std::string& endpoint) { return channel_->PlanChanges(endpoint, changes); });
  if (!reply.status.ok()) return reply.status;
  return std::move(reply.plan);
}

Status ShardAdmin::AwaitEmptyNode(uint64_t node) {
  Patience patience = NewPatience();
  std::optional<uint64_t> fewest;
  std::optional<MonoTime> empty_since;
  while (true) {
    const ClusterStatus cluster = channel_->Describe();
    const std::optional<ClusterNode> now = Find(cluster, node);
    const bool knows = cluster.directory().from_leader && cluster.knows_all_shards();
    std::string what = "the nodes that answer do not know all shards";
    if (!knows) {
      empty_since.reset();
    } else if (!now.has_value() || now->duty.empty()) {
      return Status();
    } else if (now->duty == "serve") {
      return Status(StatusCode::kFailedPrecondition, Name(node) + " is meant to serve");
    } else if (const uint64_t held = HeldBy(*now); held > 0) {
      empty_since.reset();
      what = LeftOn(node, held);
      const bool moving = !cluster.directory().steps.empty();
      if (moving || held < fewest.value_or(held)) Renew(patience);
      fewest = std::min(held, fewest.value_or(held));
    } else {
      if (!empty_since.has_value()) empty_since = channel_->Now();
      if (channel_->Now() - *empty_since >= kEmptyForGood) return Status();
      what = LeftOn(node, 0);
    }
    if (Rest(patience, 0, what).ok()) continue;
    return Status(StatusCode::kDeadlineExceeded,
                  "gave up: " + what +
                      (fewest.has_value() ? ", and nothing is moving: there may be no other node "
                                            "for them, or the nodes run with --balance=false"
                                          : ""));
  }
}

}  // namespace flotilla::client
