#include "server/cluster_service.h"

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "base/status_macros.h"
#include "flotilla/v1/cluster_service.grpc.pb.h"
#include "server/cluster_codec.h"
#include "server/error_codec.h"
#include "server/grpc_status.h"
#include "server/plan_codec.h"

namespace flotilla::server {
namespace {

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

class ClusterService final : public v1::ClusterService::CallbackService {
 public:
  ClusterService(node::Node& node, Executor& executor, node::Authorizer& authorizer,
                 std::string server_version)
      : node_(node),
        executor_(executor),
        authorizer_(authorizer),
        server_version_(std::move(server_version)) {}

  Reactor* GetClusterStatus(Context* context, const v1::GetClusterStatusRequest*,
                            v1::GetClusterStatusResponse* response) override {
    return OnExecutor(context, [this, response](Reactor* reactor) {
      EncodeStatus(node_.Status(), response);
      response->set_ready(node_.Ready());
      response->set_server_version(server_version_);
      reactor->Finish(grpc::Status::OK);
    });
  }

  Reactor* GetShardMap(Context* context, const v1::GetShardMapRequest*,
                       v1::GetShardMapResponse* response) override {
    return OnExecutor(context, [this, response](Reactor* reactor) {
      EncodeShardMap(node_.Status(), node_.ShardMap(), response);
      reactor->Finish(grpc::Status::OK);
    });
  }

  Reactor* TransferLeadership(Context* context, const v1::TransferLeadershipRequest* request,
                              v1::TransferLeadershipResponse*) override {
    return ChangeShard(context, ShardId(request->shard_id()), [this, request](auto done) {
      node_.TransferLeadership(ShardId(request->shard_id()), NodeId(request->target_node_id()),
                               std::move(done));
    });
  }

  Reactor* ChangeMembership(Context* context, const v1::ChangeMembershipRequest* request,
                            v1::ChangeMembershipResponse*) override {
    return ChangeShard(context, ShardId(request->shard_id()), [this, request](auto done) {
      node_.ChangeMembership(ShardId(request->shard_id()), DecodeChange(*request), std::move(done));
    });
  }

  Reactor* SplitShard(Context* context, const v1::SplitShardRequest* request,
                      v1::SplitShardResponse* response) override {
    const ShardId shard(request->shard_id());
    return ChangeShard(context, shard, [this, shard, request, response](Done done) {
      const auto known = Find(shard);
      const sharding::ShardDescriptor before = known.has_value() ? known->first : Unknown(shard);
      const absl::StatusOr<kv::SplitShard> split = DecodeSplit(*request, before);
      if (!split.ok()) return done(split.status());
      node_.SplitShard(shard, *split,
                       [before, split = *split, response,
                        done = std::move(done)](const absl::Status& status) mutable {
                         if (status.ok()) EncodeSplit(before, split, response);
                         done(status);
                       });
    });
  }

  Reactor* SetNodeDuty(Context* context, const v1::SetNodeDutyRequest* request,
                       v1::SetNodeDutyResponse*) override {
    const auto change = [this, request](Done done) {
      const absl::StatusOr<sharding::NodeDuty> duty = DecodeDuty(request->duty());
      if (!duty.ok()) return done(duty.status());
      node_.SetNodeDuty(NodeId(request->node_id()), *duty, std::move(done));
    };
    return Administrate(context, change, [this](const absl::Status& status) {
      if (!absl::IsFailedPrecondition(status)) return ToGrpcStatus(status);
      node::Route route = RouteToDirectory();
      // It was elected, and has not read the directory yet.
      if (route.leader == node_.Status().self.node) route = {};
      return Misdirected(route, status);
    });
  }

  Reactor* ListOperations(Context* context, const v1::ListOperationsRequest*,
                          v1::ListOperationsResponse* response) override {
    return OnExecutor(context, [this, response](Reactor* reactor) {
      const absl::StatusOr<std::vector<node::OperationStatus>> operations = node_.Operations();
      if (operations.ok()) EncodeOperations(*operations, response);
      reactor->Finish(AnswerOfDirectory(operations.status()));
    });
  }

  Reactor* PlanChanges(Context* context, const v1::PlanChangesRequest* request,
                       v1::PlanChangesResponse* response) override {
    return OnExecutor(context, [this, request, response](Reactor* reactor) {
      const auto changes = DecodeDutyChanges(*request);
      if (!changes.ok()) return reactor->Finish(ToGrpcStatus(changes.status()));
      node_.PlanChanges(*changes,
                        [this, response, reactor](const absl::StatusOr<node::PlanPreview>& plan) {
                          if (plan.ok()) EncodePlan(*plan, response);
                          reactor->Finish(AnswerOfDirectory(plan.status()));
                        });
    });
  }

  Reactor* BeginOperation(Context* context, const v1::BeginOperationRequest* request,
                          v1::BeginOperationResponse* response) override {
    const auto change = [this, request, response](Done done) {
      const absl::StatusOr<sharding::Step> step = DecodeStep(*request);
      if (!step.ok()) return done(step.status());
      node_.BeginOperation(*step, [response, done = std::move(done)](
                                      const absl::StatusOr<kv::OperationId>& begun) mutable {
        if (begun.ok()) response->set_operation_id(begun->value());
        done(begun.status());
      });
    };
    return Administrate(context, change,
                        [this](const absl::Status& status) { return AnswerOfDirectory(status); });
  }

  Reactor* CancelOperation(Context* context, const v1::CancelOperationRequest* request,
                           v1::CancelOperationResponse*) override {
    const auto change = [this, request](Done done) {
      node_.CancelOperation(kv::OperationId(request->operation_id()), std::move(done));
    };
    return Administrate(context, change,
                        [this](const absl::Status& status) { return AnswerOfDirectory(status); });
  }

 private:
  using Done = absl::AnyInvocable<void(absl::Status)>;

  Reactor* OnExecutor(Context* context, std::function<void(Reactor*)> work) {
    Reactor* const reactor = context->DefaultReactor();
    executor_.Post([reactor, work = std::move(work)] { work(reactor); });
    return reactor;
  }

  using Change = std::function<void(Done)>;
  using MakeAnswer = std::function<grpc::Status(const absl::Status&)>;

  // `change` runs on the executor, when the caller may do such things at all.
  Reactor* Administrate(Context* context, Change change, MakeAnswer answer) {
    return OnExecutor(context, [this, change = std::move(change),
                                answer = std::move(answer)](Reactor* reactor) {
      const absl::Status allowed = authorizer_.Authorize(
          /*principal=*/"", node::Action::kAdministrate, node::KeyRange{});
      if (!allowed.ok()) return reactor->Finish(ToGrpcStatus(allowed));
      change([answer, reactor](const absl::Status& status) { reactor->Finish(answer(status)); });
    });
  }
  Reactor* ChangeShard(Context* context, ShardId shard, Change change) {
    return Administrate(context, std::move(change), [this, shard](const absl::Status& status) {
      return AnswerOfShard(shard, status);
    });
  }

  grpc::Status AnswerOfShard(ShardId shard, const absl::Status& status) const {
    const auto known = Find(shard);
    const bool leads = known.has_value() && known->second.leader == node_.Status().self.node;
    if (!absl::IsFailedPrecondition(status) || !known.has_value() || leads) {
      return ToGrpcStatus(status);
    }
    return Misdirected(known->second, status);
  }
  // Its leader refuses what does not fit; others refuse whatever it is.
  grpc::Status AnswerOfDirectory(const absl::Status& status) const {
    const node::Route route = RouteToDirectory();
    const bool leads = route.leader == node_.Status().self.node;
    if (!absl::IsFailedPrecondition(status) || leads) return ToGrpcStatus(status);
    return Misdirected(route, status);
  }
  // Whoever asked the wrong node is told where to go, for programs to follow.
  static grpc::Status Misdirected(const node::Route& route, const absl::Status& status) {
    node::Error error;
    error.code = status.code();
    error.reason = route.leader.is_none() ? node::Reason::kNoLeader : node::Reason::kNotLeader;
    error.message = std::string(StdView(status.message()));
    error.route = route;
    v1::Error message;
    EncodeError(error, Effect::kWrite, &message);
    return ToGrpcStatus(message);
  }

  node::Route RouteToDirectory() const {
    const node::NodeStatus status = node_.Status();
    node::Route route;
    route.leader = status.directory.leader;
    for (const node::NodeAddress& peer : status.peers) {
      if (peer.node == route.leader) route.leader_address = peer.client_address;
    }
    for (const sharding::NodeRecord& record : status.directory.nodes) {
      if (record.node == route.leader) route.leader_address = record.client_address;
    }
    return route;
  }
  std::optional<std::pair<sharding::ShardDescriptor, node::Route>> Find(ShardId shard) const {
    for (auto& known : node_.ShardMap()) {
      if (known.first.shard == shard) return std::move(known);
    }
    return std::nullopt;
  }
  // The node says itself what is wrong with it.
  static sharding::ShardDescriptor Unknown(ShardId shard) {
    return {.shard = shard, .arc = {}, .version = 0};
  }

  node::Node& node_;
  Executor& executor_;
  node::Authorizer& authorizer_;
  const std::string server_version_;
};

}  // namespace

std::unique_ptr<grpc::Service> NewClusterService(node::Node& node, Executor& executor,
                                                 node::Authorizer& authorizer,
                                                 std::string server_version) {
  return std::make_unique<ClusterService>(node, executor, authorizer, std::move(server_version));
}

}  // namespace flotilla::server
