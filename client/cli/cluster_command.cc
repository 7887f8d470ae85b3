#include "client/cli/cluster_command.h"

#include <algorithm>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace flotilla::client::cli {

namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr milliseconds kAskAgainAfter{200};

std::string Joined(const std::vector<uint64_t>& numbers) {
  std::string text;
  for (const uint64_t number : numbers) {
    if (!text.empty()) text += ",";
    text += std::to_string(number);
  }
  return text;
}

std::string StateOf(const NodeStatus& node) {
  if (!node.status.ok()) return "unreachable";
  if (node.disk_full) return "disk full";
  return node.ready ? "ready" : node.phase;
}

// An empty line behind a table.
class Gap {
 public:
  explicit Gap(Context& context) : out_(context.environment().out) {}
  ~Gap() { out_ << "\n"; }
  Gap(const Gap&) = delete;
  Gap& operator=(const Gap&) = delete;

 private:
  std::ostream& out_;
};

void PrintNodes(Context& context, const ClusterStatus& status) {
  const Gap gap(context);
  Printer printer = context.MakePrinter();
  for (const NodeStatus& node : status.nodes) {
    printer.Print({{"node", node.node_id, Field::Use::kKey},
                   {"endpoint", node.endpoint, Field::Use::kKey},
                   {"state", StateOf(node), Field::Use::kKey},
                   {"version", node.version, Field::Use::kKey},
                   {"connected_to", Joined(node.connected), Field::Use::kKey},
                   {"log_bytes", node.log_bytes, Field::Use::kKey}});
  }
}

void PrintReplicas(Context& context, const ClusterStatus& status) {
  if (std::all_of(status.nodes.begin(), status.nodes.end(),
                  [](const NodeStatus& node) { return node.replicas.empty(); })) {
    return;
  }
  const Gap gap(context);
  Printer printer = context.MakePrinter();
  for (const NodeStatus& node : status.nodes) {
    for (const ReplicaStatus& replica : node.replicas) {
      printer.Print({{"shard", replica.shard_id, Field::Use::kKey},
                     {"node", node.node_id, Field::Use::kKey},
                     {"role", replica.failure.empty() ? replica.role : "failed", Field::Use::kKey},
                     {"leader", replica.leader_node_id, Field::Use::kKey},
                     {"term", replica.term, Field::Use::kKey},
                     {"commit", replica.commit_index, Field::Use::kKey},
                     {"applied", replica.applied_index, Field::Use::kKey},
                     {"last_log", replica.last_log_index, Field::Use::kKey},
                     {"bytes", replica.engine_bytes, Field::Use::kKey},
                     {"voters", Joined(replica.voters), Field::Use::kKey}});
    }
  }
}

json ToJson(const ReplicaStatus& replica) {
  return {{"shard_id", replica.shard_id},
          {"replica_id", replica.replica_id},
          {"role", replica.role},
          {"leader_node_id", replica.leader_node_id},
          {"term", replica.term},
          {"commit_index", replica.commit_index},
          {"applied_index", replica.applied_index},
          {"last_log_index", replica.last_log_index},
          {"engine_bytes", replica.engine_bytes},
          {"voters", replica.voters},
          {"learners", replica.learners},
          {"failure", replica.failure}};
}

json ToJson(const NodeStatus& node) {
  json object = {{"endpoint", node.endpoint}, {"reachable", node.status.ok()}};
  if (!node.status.ok()) {
    object["error"] = node.status.message();
    return object;
  }
  object["node_id"] = node.node_id;
  object["cluster_id"] = node.cluster_id;
  object["phase"] = node.phase;
  object["detail"] = node.detail;
  object["ready"] = node.ready;
  object["disk_full"] = node.disk_full;
  object["version"] = node.version;
  object["log_bytes"] = node.log_bytes;
  object["connected"] = node.connected;
  object["replicas"] = json::array();
  for (const ReplicaStatus& replica : node.replicas) object["replicas"].push_back(ToJson(replica));
  return object;
}

void Print(Context& context, const ClusterStatus& status) {
  Environment& environment = context.environment();
  const std::vector<std::string> problems = status.problems();
  if (context.options.output == OutputFormat::kJson) {
    json object = {{"healthy", problems.empty()}, {"problems", problems}, {"nodes", json::array()}};
    for (const NodeStatus& node : status.nodes) object["nodes"].push_back(ToJson(node));
    environment.out << object.dump(-1, ' ', false, json::error_handler_t::replace) << "\n";
    return;
  }
  PrintNodes(context, status);
  PrintReplicas(context, status);
  environment.out << (problems.empty() ? "healthy" : "not healthy:") << "\n";
  for (const std::string& problem : problems) environment.out << "  " << problem << "\n";
}

}  // namespace

ExitCode RunClusterStatus(Context& context, const ClusterStatusArguments& arguments) {
  Environment& environment = context.environment();
  const auto deadline = environment.now() + arguments.wait.value_or(milliseconds(0));
  while (true) {
    auto status = environment.describe_cluster(context.options.endpoints,
                                               context.TimeoutOr(std::chrono::seconds(2)));
    if (!status.ok()) return context.Report("cluster status", status.status());
    const bool again = !status->healthy() && environment.now() < deadline;
    if (!again) {
      Print(context, *status);
      return status->healthy() ? kExitOk : kExitUnavailable;
    }
    std::this_thread::sleep_for(kAskAgainAfter);
  }
}

}  // namespace flotilla::client::cli
