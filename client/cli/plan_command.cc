#include "client/cli/plan_command.h"

#include <algorithm>
#include <ostream>
#include <vector>

#include "client/cli/admin_operation.h"
#include "client/cli/json_values.h"
#include <nlohmann/json.hpp>

namespace flotilla::client::cli {

namespace {

using nlohmann::ordered_json;

// What is asked for: the plan, if a node had another duty or not.
struct Question {
  std::string name;  // of the command
  std::vector<NodeDutyChange> changes;
};

std::string Count(uint64_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

// Of the directory there is but one.
std::string NameOf(uint64_t shard) {
  return shard == 0 ? "the directory" : "shard " + std::to_string(shard);
}

std::string InWords(const std::string& obstacle) {
  if (obstacle == "no_quorum") return "too few of its voters live, so nothing of it can be changed";
  if (obstacle == "no_target") return "no node may take the replica that should be added or moved";
  return obstacle;
}

std::string Copies(uint64_t replicas, uint64_t bytes) {
  return Count(replicas, "replica") + " and " + Count(bytes, "byte");
}

// Replicas that stay on nodes that are to be emptied, although all is settled.
uint64_t LeftOn(const ClusterPlan& plan, const std::vector<NodeDutyChange>& changes) {
  uint64_t left = 0;
  for (const NodeDutyChange& change : changes) {
    if (change.duty == NodeDuty::kServe) continue;
    for (const PlannedNode& node : plan.nodes) {
      if (node.node_id == change.node_id) left += node.planned_replicas;
    }
  }
  return plan.unsettled_shards.empty() || !plan.shortfalls.empty() ? left : 0;
}

// Why not all of it can be done; OK when all can.
Status Obstacles(const ClusterPlan& plan, const std::vector<NodeDutyChange>& changes) {
  const uint64_t left = LeftOn(plan, changes);
  const std::string stay = left == 0 ? "" : Count(left, "replica") + " would stay on the node";
  std::string why;
  if (!plan.shortfalls.empty()) {
    why = stay.empty() ? Count(plan.shortfalls.size(), "shard") + " would stay as it should not be"
                       : stay;
  } else if (left > 0) {
    why = stay +
          ": what a node holds that is down is moved when it has been silent for "
          "--dead-after, or at once by flotilla node remove";
  } else if (plan.balancer_off && !plan.steps.empty()) {
    why = "the balancer is off (--balance=false): nothing of this is begun";
  } else {
    return Status();
  }
  return Status(StatusCode::kUnavailable, why);
}

void PrintSteps(Context& context, const ClusterPlan& plan) {
  Printer printer = context.MakePrinter();
  for (const PlannedStep& step : plan.steps) {
    const Field::Value bytes = step.bytes == 0 ? Field::Value(nullptr) : Field::Value(step.bytes);
    printer.Print({{"step", step.what, Field::Use::kKey},
                   {"cause", step.cause, Field::Use::kKey},
                   {"bytes", bytes, Field::Use::kKey}});
  }
}

void PrintSummary(std::ostream& out, const ClusterPlan& plan, bool possible) {
  if (plan.steps.empty()) {
    out << (possible ? "nothing to do\n" : "nothing can be done now\n");
  } else {
    out << Count(plan.steps.size(), "step") << ", "
        << Copies(plan.replicas_to_copy, plan.bytes_to_copy)
        << " to copy; perfectly even shares take at least "
        << Copies(plan.ideal_replicas_to_copy, plan.ideal_bytes_to_copy) << "\n";
  }
  if (plan.steps_under_way > 0) {
    out << Count(plan.steps_under_way, "step") << " under way counted as done: flotilla op list\n";
  }
  if (!plan.complete && plan.unsettled_shards.empty()) {
    out << "more may follow: what comes of the splits must be seen first\n";
  }
  for (const uint64_t shard : plan.unsettled_shards) {
    out << "more may follow: " << NameOf(shard) << " is being changed, and planned after that\n";
  }
  for (const PlanShortfall& shortfall : plan.shortfalls) {
    out << "undone: " << NameOf(shortfall.shard_id) << ": " << InWords(shortfall.obstacle) << "\n";
  }
}

void PrintNodes(std::ostream& out, const ClusterPlan& plan,
                const std::vector<NodeDutyChange>& changes) {
  for (const PlannedNode& node : plan.nodes) {
    const bool changed = std::any_of(changes.begin(), changes.end(), [&](const auto& change) {
      return change.node_id == node.node_id;
    });
    if (!changed) continue;
    out << "node " << node.node_id << " has " << Count(node.replicas, "replica")
        << " and would have " << node.planned_replicas << "\n";
  }
}

ordered_json ToJson(const ClusterPlan& plan, const Question& question, bool possible) {
  ordered_json object = {{"operation", question.name}, {"dry_run", true}, {"possible", possible}};
  object["steps"] = ordered_json::array();
  for (const PlannedStep& step : plan.steps) {
    object["steps"].push_back({{"step", step.what},
                               {"cause", step.cause},
                               {"shard_id", step.shard_id},
                               {"bytes", step.bytes}});
  }
  object["shortfalls"] = ordered_json::array();
  for (const PlanShortfall& shortfall : plan.shortfalls) {
    object["shortfalls"].push_back({{"shard_id", shortfall.shard_id},
                                    {"obstacle", shortfall.obstacle},
                                    {"text", InWords(shortfall.obstacle)}});
  }
  object["replicas_to_copy"] = plan.replicas_to_copy;
  object["bytes_to_copy"] = plan.bytes_to_copy;
  object["ideal_replicas_to_copy"] = plan.ideal_replicas_to_copy;
  object["ideal_bytes_to_copy"] = plan.ideal_bytes_to_copy;
  object["complete"] = plan.complete;
  object["unsettled_shard_ids"] = plan.unsettled_shards;
  object["steps_under_way"] = plan.steps_under_way;
  object["balancer_off"] = plan.balancer_off;
  object["nodes"] = ordered_json::array();
  for (const PlannedNode& node : plan.nodes) {
    object["nodes"].push_back({{"node_id", node.node_id},
                               {"replicas", node.replicas},
                               {"planned_replicas", node.planned_replicas}});
  }
  return object;
}

void Print(Context& context, const ClusterPlan& plan, const Question& question, bool possible) {
  std::ostream& out = context.environment().out;
  if (context.WantsJson()) return PrintJson(out, ToJson(plan, question, possible));
  PrintSteps(context, plan);
  if (!plan.steps.empty()) out << "\n";
  PrintSummary(out, plan, possible);
  PrintNodes(out, plan, question.changes);
  out << std::flush;
}

ExitCode Run(Context& context, const std::string& title, const Question& question) {
  AdminOperation operation(context, title, "flotilla node list shows the nodes");
  Admin* admin = operation.Connect();
  if (admin == nullptr) return kExitUsage;
  const StatusOr<ClusterPlan> plan = admin->PlanChanges(question.changes);
  if (!plan.ok()) return operation.Report(plan.status());
  operation.Finish();
  const Status obstacles = Obstacles(*plan, question.changes);
  Print(context, *plan, question, obstacles.ok());
  if (obstacles.ok()) return kExitOk;
  return ReportError(context.environment().err, title, obstacles,
                     plan->balancer_off ? "flotilla shard move moves a replica by hand"
                                        : "add a node, or bring one back; flotilla cluster health");
}

}  // namespace

ExitCode RunClusterPlan(Context& context, const ClusterPlanArguments&) {
  return Run(context, "cluster plan", {.name = "cluster plan", .changes = {}});
}

ExitCode RunDryRun(Context& context, const std::string& command, const NodeDutyChange& change) {
  return Run(context, command + " " + std::to_string(change.node_id) + " --dry-run",
             {.name = command, .changes = {change}});
}

}  // namespace flotilla::client::cli
