#include "client/cli/shard_command.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "client/cli/admin_operation.h"
#include "client/cli/json_values.h"
#include <nlohmann/json.hpp>

namespace flotilla::client::cli {

namespace {

using nlohmann::ordered_json;

std::string Slots(uint32_t first, uint32_t last) {
  return std::to_string(first) + "-" + std::to_string(last);
}

// Short, because a table cuts what is long: "1,2:7,4:learner:snapshot:50".
std::string InBrief(const ShardReplica& replica) {
  std::string text = std::to_string(replica.node_id);
  if (replica.role == "learner") text += ":learner";
  if (replica.state != "ok") text += ":" + replica.state;
  if (replica.lag.value_or(0) > 0) text += ":" + std::to_string(*replica.lag);
  return text;
}

std::string Replicas(const ShardStatus& shard) {
  std::string text;
  for (const ShardReplica& replica : shard.replicas) {
    text += (text.empty() ? "" : ",") + InBrief(replica);
  }
  return text;
}

uint64_t LargestLag(const ShardStatus& shard) {
  uint64_t largest = 0;
  for (const ShardReplica& replica : shard.replicas) {
    largest = std::max(largest, replica.lag.value_or(0));
  }
  return largest;
}

ordered_json ToJson(const ShardReplica& replica) {
  ordered_json object = {{"node_id", replica.node_id},
                         {"role", replica.role},
                         {"state", replica.state},
                         {"lag", nullptr},
                         {"bytes", replica.bytes}};
  if (replica.lag.has_value()) object["lag"] = *replica.lag;
  return object;
}

ordered_json ToJson(const ShardStatus& shard) {
  ordered_json object = {{"shard_id", shard.shard_id},
                         {"shard_version", shard.shard_version},
                         {"first_slot", shard.first_slot},
                         {"last_slot", shard.last_slot},
                         {"leader_node_id", shard.leader_node_id},
                         {"bytes", shard.bytes},
                         {"pending_requests", shard.pending_requests},
                         {"requests_per_second", shard.requests_per_second},
                         {"replicas", ordered_json::array()}};
  for (const ShardReplica& replica : shard.replicas) object["replicas"].push_back(ToJson(replica));
  return object;
}

ordered_json ToJson(const ShardArc& arc) {
  return {{"shard_id", arc.shard_id},
          {"shard_version", arc.shard_version},
          {"first_slot", arc.first_slot},
          {"last_slot", arc.last_slot}};
}

void PrintTable(Context& context, const std::vector<ShardStatus>& shards) {
  Printer printer = context.MakePrinter();
  for (const ShardStatus& shard : shards) {
    const auto load = static_cast<uint64_t>(std::llround(shard.requests_per_second));
    printer.Print({{"shard", shard.shard_id, Field::Use::kKey},
                   {"slots", Slots(shard.first_slot, shard.last_slot), Field::Use::kKey},
                   {"version", shard.shard_version, Field::Use::kKey},
                   {"leader", shard.leader_node_id, Field::Use::kKey},
                   {"replicas", Replicas(shard), Field::Use::kKey},
                   {"lag", LargestLag(shard), Field::Use::kKey},
                   {"bytes", shard.bytes, Field::Use::kKey},
                   {"pending", shard.pending_requests, Field::Use::kKey},
                   {"requests_per_s", load, Field::Use::kKey}});
  }
}

void Print(Context& context, const ShardArc& arc) {
  context.environment().out << "shard " << arc.shard_id << ": slots "
                            << Slots(arc.first_slot, arc.last_slot) << ", version "
                            << arc.shard_version << "\n";
}

// With the hint for an operation on what is not there.
AdminOperation NewOperation(Context& context, const std::string& name) {
  return {context, name, "flotilla shard list shows shards and replicas, cluster status the nodes"};
}

// `json` names the operation and what it was about.
ExitCode RunReplicaOperation(Context& context, const std::string& name, ordered_json report,
                             const std::string& done, const std::function<Status(Admin&)>& run) {
  AdminOperation operation = NewOperation(context, name);
  Admin* admin = operation.Connect();
  if (admin == nullptr) return kExitUsage;
  if (Status status = run(*admin); !status.ok()) return operation.Report(status);
  operation.Finish();
  if (context.WantsJson()) {
    report["seconds"] = operation.seconds();
    PrintJson(context.environment().out, report);
  } else {
    context.environment().out << done << " (" << InSeconds(operation.seconds()) << ")\n";
  }
  return kExitOk;
}

}  // namespace

ExitCode RunShardList(Context& context, const ShardListArguments&) {
  const auto status = context.DescribeCluster();
  if (!status.ok()) return context.Report("shard list", status.status());
  const std::vector<ShardStatus> shards = status->shards();
  if (!context.WantsJson()) {
    PrintTable(context, shards);
    return kExitOk;
  }
  ordered_json object = {{"shards", ordered_json::array()}};
  for (const ShardStatus& shard : shards) object["shards"].push_back(ToJson(shard));
  PrintJson(context.environment().out, object);
  return kExitOk;
}

ExitCode RunShardSplit(Context& context, const ShardSplitArguments& arguments) {
  AdminOperation operation =
      NewOperation(context, "shard split " + std::to_string(arguments.shard));
  Admin* admin = operation.Connect();
  if (admin == nullptr) return kExitUsage;
  const auto split = admin->SplitShard(arguments.shard, arguments.options);
  if (!split.ok()) return operation.Report(split.status());
  operation.Finish();
  if (context.WantsJson()) {
    PrintJson(context.environment().out, {{"operation", "split"},
                                          {"shard", ToJson(split->shard)},
                                          {"child", ToJson(split->child)},
                                          {"seconds", operation.seconds()}});
  } else {
    Print(context, split->shard);
    Print(context, split->child);
  }
  return kExitOk;
}

ExitCode RunShardTransfer(Context& context, const ShardReplicaArguments& arguments) {
  const std::string shard = "shard " + std::to_string(arguments.shard);
  return RunReplicaOperation(
      context, "shard transfer " + std::to_string(arguments.shard),
      {{"operation", "transfer"}, {"shard_id", arguments.shard}, {"node_id", arguments.node}},
      "node " + std::to_string(arguments.node) + " leads " + shard,
      [&](Admin& admin) { return admin.TransferLeadership(arguments.shard, arguments.node); });
}

ExitCode RunShardAddReplica(Context& context, const ShardReplicaArguments& arguments) {
  const std::string shard = "shard " + std::to_string(arguments.shard);
  return RunReplicaOperation(
      context, "shard add-replica " + std::to_string(arguments.shard),
      {{"operation", "add-replica"}, {"shard_id", arguments.shard}, {"node_id", arguments.node}},
      "node " + std::to_string(arguments.node) + " is a voter of " + shard,
      [&](Admin& admin) { return admin.AddReplica(arguments.shard, arguments.node); });
}

ExitCode RunShardRemoveReplica(Context& context, const ShardReplicaArguments& arguments) {
  const std::string shard = "shard " + std::to_string(arguments.shard);
  return RunReplicaOperation(
      context, "shard remove-replica " + std::to_string(arguments.shard),
      {{"operation", "remove-replica"}, {"shard_id", arguments.shard}, {"node_id", arguments.node}},
      "node " + std::to_string(arguments.node) + " has no replica of " + shard,
      [&](Admin& admin) { return admin.RemoveReplica(arguments.shard, arguments.node); });
}

ExitCode RunShardMove(Context& context, const ShardReplicaArguments& arguments) {
  const std::string shard = "shard " + std::to_string(arguments.shard);
  return RunReplicaOperation(context, "shard move " + std::to_string(arguments.shard),
                             {{"operation", "move"},
                              {"shard_id", arguments.shard},
                              {"from_node_id", arguments.node},
                              {"to_node_id", arguments.to}},
                             "node " + std::to_string(arguments.to) + " has the replica of " +
                                 shard + " that node " + std::to_string(arguments.node) + " had",
                             [&](Admin& admin) {
                               return admin.MoveReplica(arguments.shard, arguments.node,
                                                        arguments.to);
                             });
}

}  // namespace flotilla::client::cli
