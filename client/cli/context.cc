#include "client/cli/context.h"

#include <utility>

#include "client/cli/text_encoding.h"

namespace flotilla::client::cli {

KvClient* Context::Connect() {
  if (client_ != nullptr) return client_.get();
  ClientOptions client_options;
  client_options.timeout = TimeoutOr(client_options.timeout);
  auto client = environment_.connect(options.endpoints, client_options);
  if (!client.ok()) {
    (void)Report("connect", client.status());
    return nullptr;
  }
  client_ = *std::move(client);
  return client_.get();
}

StatusOr<ClusterStatus> Context::DescribeCluster() {
  auto cluster =
      environment_.describe_cluster(options.endpoints, TimeoutOr(std::chrono::seconds(2)));
  if (!cluster.ok()) return cluster;
  for (const NodeStatus& node : cluster->nodes) {
    if (node.status.ok()) return cluster;
  }
  if (cluster->nodes.empty()) return Status(StatusCode::kUnavailable, "no node is known");
  return cluster->nodes.front().status;
}

Printer Context::MakePrinter() const {
  return Printer(environment_.out, options.output, environment_.out_is_terminal);
}

std::string Quoted(std::string_view key) {
  std::string text = EscapeField(key);
  return '"' + (IsUtf8(text) ? text : "base64:" + ToBase64(key)) + '"';
}

}  // namespace flotilla::client::cli
