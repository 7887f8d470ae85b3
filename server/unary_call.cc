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
  std::shared_ptr<UnaryCall> call(new UnaryCall(gateway, std::move(deliver)));
  call->self_ = call;
  std::vector<ClientOperation> operations;
  operations.push_back(codec.Decode(operation, InfoOf(context, gateway.clock())));
  gateway.Submit(std::move(operations), call);
  return call.get();
}

UnaryCall::UnaryCall(Gateway& gateway, Deliver deliver)
    : AnswerSink(gateway.budget()), deliver_(std::move(deliver)) {}

void UnaryCall::OnAnswer(Answer answer) {
  v1::PipelineResult result;
  EncodeAnswer(std::move(answer), &result);
  if (result.has_error()) return Finish(ToGrpcStatus(result.error()));
  deliver_(result);
  Finish(grpc::Status::OK);
}

void UnaryCall::OnDone() { self_.reset(); }

}  // namespace flotilla::server
