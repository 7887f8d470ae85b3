#include "server/cluster_service.h"

#include <functional>
#include <utility>

#include "base/status_macros.h"
#include "flotilla/v1/cluster_service.grpc.pb.h"
#include "server/cluster_codec.h"
#include "server/grpc_status.h"

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
    return Administrate(context, [this, request](auto done) {
      node_.TransferLeadership(ShardId(request->shard_id()), NodeId(request->target_node_id()),
                               std::move(done));
    });
  }

  Reactor* ChangeMembership(Context* context, const v1::ChangeMembershipRequest* request,
                            v1::ChangeMembershipResponse*) override {
    return Administrate(context, [this, request](auto done) {
      node_.ChangeMembership(ShardId(request->shard_id()), DecodeChange(*request), std::move(done));
    });
  }

 private:
  using Done = absl::AnyInvocable<void(absl::Status)>;

  Reactor* OnExecutor(Context* context, std::function<void(Reactor*)> work) {
    Reactor* const reactor = context->DefaultReactor();
    executor_.Post([reactor, work = std::move(work)] { work(reactor); });
    return reactor;
  }

  // `change` runs on the executor, when the caller may do such things at all.
  Reactor* Administrate(Context* context, std::function<void(Done)> change) {
    return OnExecutor(context, [this, change = std::move(change)](Reactor* reactor) {
      const absl::Status allowed = authorizer_.Authorize(
          /*principal=*/"", node::Action::kAdministrate, node::KeyRange{});
      if (!allowed.ok()) return reactor->Finish(ToGrpcStatus(allowed));
      change([reactor](const absl::Status& status) { reactor->Finish(ToGrpcStatus(status)); });
    });
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
