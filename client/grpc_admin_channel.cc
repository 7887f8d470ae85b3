#include "client/grpc_admin_channel.h"

#include <optional>
#include <thread>
#include <utility>

#include "base/posix_clock.h"
#include "client/endpoints.h"
#include "client/grpc_cluster.h"
#include "client/grpc_connection.h"
#include "client/server_error.h"
#include "client/shard_admin.h"
#include "client/wire_codec.h"
#include "flotilla/v1/cluster_service.grpc.pb.h"
#include "google/rpc/status.pb.h"
#include <grpcpp/client_context.h>

namespace flotilla::client {

namespace {

// A change waits for a majority, and a split for it to flush what it has.
constexpr std::chrono::seconds kChangeTimeout{90};

// What the server says of its own failure; none when it was the connection that failed.
std::optional<v1::Error> DetailsOf(const grpc::Status& status) {
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return std::nullopt;
  for (const auto& detail : details.details()) {
    v1::Error error;
    if (detail.UnpackTo(&error)) return error;
  }
  return std::nullopt;
}

AdminReply ReplyOf(const grpc::Status& status, const std::string& endpoint) {
  AdminReply reply;
  if (status.ok()) return reply;
  const std::optional<v1::Error> error = DetailsOf(status);
  if (error.has_value()) {
    reply.status = Status(static_cast<StatusCode>(status.error_code()), error->message(),
                          ToString(static_cast<Reason>(error->reason())));
    reply.leader_endpoint = error->route().leader_address();
  } else {
    // The server's own failures come without details, too: only the text tells them apart.
    const Status of_call = StatusOfCall(status, endpoint);
    reply.status = Status(of_call.code(), of_call.message());
  }
  return reply;
}

v1::NodeDuty Encode(NodeDuty duty) {
  switch (duty) {
    case NodeDuty::kServe:
      return v1::NODE_DUTY_SERVE;
    case NodeDuty::kDrain:
      return v1::NODE_DUTY_DRAIN;
    case NodeDuty::kLeave:
      return v1::NODE_DUTY_LEAVE;
  }
  return v1::NODE_DUTY_UNSPECIFIED;
}

class GrpcAdminChannel final : public AdminChannel {
 public:
  GrpcAdminChannel(std::vector<std::string> endpoints, std::chrono::milliseconds attempt_timeout)
      : endpoints_(std::move(endpoints)), attempt_timeout_(attempt_timeout) {}

  ClusterStatus Describe() override { return AskAllNodes(endpoints_, attempt_timeout_); }

  AdminReply TransferLeadership(const std::string& endpoint, uint64_t shard,
                                uint64_t node) override {
    v1::TransferLeadershipRequest request;
    request.set_shard_id(shard);
    request.set_target_node_id(node);
    v1::TransferLeadershipResponse response;
    Call call(endpoint);
    return call.Reply(call.stub->TransferLeadership(&call.context, request, &response));
  }

  AdminReply SetNodeDuty(const std::string& endpoint, uint64_t node, NodeDuty duty) override {
    v1::SetNodeDutyRequest request;
    request.set_node_id(node);
    request.set_duty(Encode(duty));
    v1::SetNodeDutyResponse response;
    Call call(endpoint);
    return call.Reply(call.stub->SetNodeDuty(&call.context, request, &response));
  }

  AdminReply BeginOperation(const std::string& endpoint, const ReplicaChange& change) override {
    v1::BeginOperationRequest request;
    if (change.from == 0) {
      request.mutable_add_replica()->set_shard_id(change.shard);
      request.mutable_add_replica()->set_node_id(change.to);
    } else if (change.to == 0) {
      request.mutable_remove_replica()->set_shard_id(change.shard);
      request.mutable_remove_replica()->set_node_id(change.from);
    } else {
      request.mutable_move_replica()->set_shard_id(change.shard);
      request.mutable_move_replica()->set_from_node_id(change.from);
      request.mutable_move_replica()->set_to_node_id(change.to);
    }
    return Begin(endpoint, request);
  }

  AdminReply BeginSplit(const std::string& endpoint, const ShardCut& cut) override {
    v1::BeginOperationRequest request;
    request.mutable_split_shard()->set_shard_id(cut.shard);
    request.mutable_split_shard()->set_at_slot(cut.at);
    return Begin(endpoint, request);
  }

  AdminReply ListOperations(const std::string& endpoint) override {
    v1::ListOperationsResponse response;
    Call call(endpoint);
    AdminReply reply = call.Reply(call.stub->ListOperations(&call.context, {}, &response));
    reply.operations = DecodeOperations(response);
    return reply;
  }

  AdminReply CancelOperation(const std::string& endpoint, uint64_t operation) override {
    v1::CancelOperationRequest request;
    request.set_operation_id(operation);
    v1::CancelOperationResponse response;
    Call call(endpoint);
    return call.Reply(call.stub->CancelOperation(&call.context, request, &response));
  }

  AdminReply PlanChanges(const std::string& endpoint,
                         const std::vector<NodeDutyChange>& changes) override {
    v1::PlanChangesRequest request;
    for (const NodeDutyChange& change : changes) {
      v1::NodeDutyChange* one = request.add_duty_changes();
      one->set_node_id(change.node_id);
      one->set_duty(Encode(change.duty));
    }
    v1::PlanChangesResponse response;
    Call call(endpoint);
    AdminReply reply = call.Reply(call.stub->PlanChanges(&call.context, request, &response));
    reply.plan = DecodePlan(response);
    return reply;
  }

  MonoTime Now() override { return clock_.Now(); }
  void Pause(Duration time) override { std::this_thread::sleep_for(time); }

 private:
  AdminReply Begin(const std::string& endpoint, const v1::BeginOperationRequest& request) {
    v1::BeginOperationResponse response;
    Call call(endpoint);
    AdminReply reply = call.Reply(call.stub->BeginOperation(&call.context, request, &response));
    reply.operation_id = response.operation_id();
    return reply;
  }

  struct Call {
    explicit Call(const std::string& to)
        : endpoint(to), stub(v1::ClusterService::NewStub(Dial(to))) {
      context.set_deadline(
          gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                       gpr_time_from_seconds(kChangeTimeout.count(), GPR_TIMESPAN)));
    }
    AdminReply Reply(const grpc::Status& status) const { return ReplyOf(status, endpoint); }

    const std::string endpoint;
    const std::unique_ptr<v1::ClusterService::Stub> stub;
    grpc::ClientContext context;
  };

  const std::vector<std::string> endpoints_;
  const std::chrono::milliseconds attempt_timeout_;
  PosixClock clock_;
};

}  // namespace

std::unique_ptr<AdminChannel> NewGrpcAdminChannel(std::vector<std::string> endpoints,
                                                  std::chrono::milliseconds attempt_timeout) {
  return std::make_unique<GrpcAdminChannel>(std::move(endpoints), attempt_timeout);
}

}  // namespace flotilla::client

namespace flotilla {
inline namespace client_v1 {

StatusOr<std::unique_ptr<Admin>> Admin::Connect(std::string_view endpoints, AdminOptions options) {
  auto parsed = client::ParseEndpoints(endpoints);
  if (!parsed.ok()) return parsed.status();
  if (options.timeout.count() <= 0 || options.attempt_timeout.count() <= 0) {
    return Status(StatusCode::kInvalidArgument, "AdminOptions: timeouts must be positive",
                  reason::kInvalidRequest);
  }
  auto channel = client::NewGrpcAdminChannel(*std::move(parsed), options.attempt_timeout);
  return std::unique_ptr<Admin>(
      std::make_unique<client::ShardAdmin>(std::move(options), std::move(channel)));
}

}  // namespace client_v1
}  // namespace flotilla
