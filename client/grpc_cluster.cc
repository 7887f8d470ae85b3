#include "client/grpc_cluster.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "client/grpc_connection.h"
#include "client/wire_codec.h"
#include "flotilla/v1/cluster_service.grpc.pb.h"
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_unary_call.h>

namespace flotilla::client {

namespace {

struct Question {
  std::string endpoint;
  std::unique_ptr<v1::ClusterService::Stub> stub;
  grpc::ClientContext context;
  v1::GetClusterStatusResponse response;
  grpc::Status status;
};

std::vector<std::unique_ptr<Question>> AskAtOnce(const std::vector<std::string>& endpoints,
                                                 std::chrono::milliseconds timeout) {
  grpc::CompletionQueue queue;
  std::vector<std::unique_ptr<Question>> questions;
  for (const std::string& endpoint : endpoints) {
    auto question = std::make_unique<Question>();
    question->endpoint = endpoint;
    question->stub = v1::ClusterService::NewStub(Dial(endpoint));
    question->context.set_deadline(gpr_time_add(
        gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(timeout.count(), GPR_TIMESPAN)));
    auto call = question->stub->AsyncGetClusterStatus(&question->context, {}, &queue);
    call->Finish(&question->response, &question->status, question.get());
    questions.push_back(std::move(question));
  }
  queue.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue.Next(&tag, &ok)) {
  }
  return questions;
}

// Those that answered by their number, then the others.
bool Before(const NodeStatus& a, const NodeStatus& b) {
  if (a.status.ok() != b.status.ok()) return a.status.ok();
  return a.node_id != b.node_id ? a.node_id < b.node_id : a.endpoint < b.endpoint;
}

}  // namespace

ClusterStatus AskAllNodes(const std::vector<std::string>& endpoints,
                          std::chrono::milliseconds timeout) {
  ClusterStatus cluster;
  std::set<std::string> asked(endpoints.begin(), endpoints.end());
  std::set<uint64_t> answered;
  std::vector<std::pair<uint64_t, std::string>> named;
  std::vector<std::string> round(asked.begin(), asked.end());
  while (!round.empty()) {
    for (const auto& question : AskAtOnce(round, timeout)) {
      NodeStatus node;
      if (question->status.ok()) {
        node = DecodeNodeStatus(question->response);
        // One node may have several addresses.
        if (node.node_id != 0 && !answered.insert(node.node_id).second) continue;
        for (const v1::Node& other : question->response.nodes()) {
          named.emplace_back(other.node_id(), other.client_address());
        }
        for (const ListedNode& other : node.directory.nodes) {
          named.emplace_back(other.node_id, other.client_address);
        }
      } else {
        node.status = StatusOfCall(question->status, question->endpoint);
      }
      node.endpoint = question->endpoint;
      cluster.nodes.push_back(std::move(node));
    }
    round.clear();
    for (const auto& [id, endpoint] : named) {
      if (answered.contains(id) || endpoint.empty()) continue;
      if (asked.insert(endpoint).second) round.push_back(endpoint);
    }
  }
  std::sort(cluster.nodes.begin(), cluster.nodes.end(), Before);
  return cluster;
}

}  // namespace flotilla::client
