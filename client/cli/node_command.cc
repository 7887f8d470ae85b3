#include "client/cli/node_command.h"

#include <string>

#include "client/cli/admin_operation.h"
#include "client/cli/json_values.h"
#include "client/cli/plan_command.h"
#include "flotilla/admin.h"
#include <nlohmann/json.hpp>

namespace flotilla::client::cli {

namespace {

using nlohmann::ordered_json;

std::string Name(uint64_t node) { return "node " + std::to_string(node); }

// "up", "draining", "down for 12 s", "leaving, down for 12 s".
std::string StateInWords(const ClusterNode& node) {
  if (node.state != "down") return node.state;
  std::string text = "down";
  if (node.down_seconds.has_value()) {
    text += " for " + std::to_string(static_cast<uint64_t>(*node.down_seconds)) + " s";
  }
  if (node.duty == "drain") return "draining, " + text;
  return node.duty == "leave" ? "leaving, " + text : text;
}

ordered_json ToJson(const ClusterNode& node) {
  ordered_json object = {{"node_id", node.node_id},
                         {"client_address", node.client_address},
                         {"peer_address", node.peer_address},
                         {"zone", node.zone},
                         {"weight", node.weight},
                         {"duty", node.duty},
                         {"state", node.state},
                         {"down_seconds", nullptr},
                         {"replicas", node.replicas},
                         {"leaders", node.leaders},
                         {"directory_role", node.directory_role}};
  if (node.down_seconds.has_value()) object["down_seconds"] = *node.down_seconds;
  return object;
}

void PrintTable(Context& context, const ClusterStatus& cluster) {
  Printer printer = context.MakePrinter();
  for (const ClusterNode& node : cluster.members()) {
    printer.Print({{"node", node.node_id, Field::Use::kKey},
                   {"client", node.client_address, Field::Use::kKey},
                   {"peer", node.peer_address, Field::Use::kKey},
                   {"zone", node.zone, Field::Use::kKey},
                   {"weight", uint64_t{node.weight}, Field::Use::kKey},
                   {"state", StateInWords(node), Field::Use::kKey},
                   {"replicas", node.replicas, Field::Use::kKey},
                   {"leaders", node.leaders, Field::Use::kKey},
                   {"directory", node.directory_role, Field::Use::kKey}});
  }
}

struct DutyCommand {
  const char* name;
  NodeDuty duty;
  const char* begun;  // behind the node's name
  const char* done;   // when it was waited for
};

ExitCode Run(Context& context, const DutyCommand& command, const NodeDutyArguments& arguments) {
  const std::string name = "node " + std::string(command.name);
  if (arguments.dry_run) return RunDryRun(context, name, {arguments.node, command.duty});
  AdminOperation operation(context, name + " " + std::to_string(arguments.node),
                           "flotilla node list shows the nodes");
  Admin* admin = operation.Connect();
  if (admin == nullptr) return kExitUsage;
  Status status = admin->SetNodeDuty(arguments.node, command.duty);
  if (!status.ok()) return operation.Report(status);
  if (arguments.wait) status = admin->AwaitEmptyNode(arguments.node);
  operation.Finish();
  if (!status.ok()) {
    return ReportError(context.environment().err, name + " " + std::to_string(arguments.node),
                       status,
                       "flotilla op list shows what is moving; flotilla node serve " +
                           std::to_string(arguments.node) + " takes it back");
  }
  if (context.WantsJson()) {
    PrintJson(context.environment().out, {{"operation", command.name},
                                          {"node_id", arguments.node},
                                          {"waited", arguments.wait},
                                          {"seconds", operation.seconds()}});
    return kExitOk;
  }
  context.environment().out << Name(arguments.node) << " "
                            << (arguments.wait ? command.done : command.begun) << " ("
                            << InSeconds(operation.seconds()) << ")\n";
  return kExitOk;
}

}  // namespace

ExitCode RunNodeList(Context& context, const NodeListArguments&) {
  const auto cluster = context.DescribeCluster();
  if (!cluster.ok()) return context.Report("node list", cluster.status());
  if (!context.WantsJson()) {
    PrintTable(context, *cluster);
    return kExitOk;
  }
  ordered_json object = {{"nodes", ordered_json::array()}};
  for (const ClusterNode& node : cluster->members()) object["nodes"].push_back(ToJson(node));
  PrintJson(context.environment().out, object);
  return kExitOk;
}

ExitCode RunNodeDrain(Context& context, const NodeDutyArguments& arguments) {
  return Run(context,
             {.name = "drain",
              .duty = NodeDuty::kDrain,
              .begun = "is being emptied",
              .done = "holds nothing any more"},
             arguments);
}

ExitCode RunNodeServe(Context& context, const NodeDutyArguments& arguments) {
  return Run(context,
             {.name = "serve", .duty = NodeDuty::kServe, .begun = "is to serve", .done = ""},
             arguments);
}

ExitCode RunNodeRemove(Context& context, const NodeDutyArguments& arguments) {
  return Run(context,
             {.name = "remove",
              .duty = NodeDuty::kLeave,
              .begun = "is leaving; let it run until it holds nothing",
              .done = "holds nothing any more and may be stopped; then it is forgotten"},
             arguments);
}

}  // namespace flotilla::client::cli
