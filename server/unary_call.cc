#include "server/unary_call.h"

#include <utility>
#include <vector>

#include "flotilla/v1/kv.pb.h"
#include "grpcpp/server_context.h"
#include "server/call_info.h"
#include "server/grpc_status.h"
#include "server/reply_codec.h"

namespace flotilla::server {

grpc::ServerUnaryReactor* UnaryCall::Start(Gateway& gateway, const RequestCodec& codec,
                                           grpc::CallbackServerContext& context,
                                           v1::PipelineOperation& operation, Deliver deliver) {
  grpc::ServerUnaryReactor* const reactor = context.DefaultReactor();
  std::vector<ClientOperation> operations;
  operations.push_back(codec.Decode(operation, InfoOf(context, gateway.clock())));
  gateway.Submit(std::move(operations),
                 std::shared_ptr<UnaryCall>(new UnaryCall(reactor, std::move(deliver))));
  return reactor;
}

UnaryCall::UnaryCall(grpc::ServerUnaryReactor* reactor, Deliver deliver)
    : reactor_(reactor), deliver_(std::move(deliver)) {}

void UnaryCall::OnAnswer(Answer answer) {
  v1::PipelineResult result;
  EncodeAnswer(std::move(answer), &result);
  if (result.has_error()) return reactor_->Finish(ToGrpcStatus(result.error()));
  deliver_(result);
  reactor_->Finish(grpc::Status::OK);
}

}  // namespace flotilla::server
