// One unary call of KvService: takes the path of a Pipeline's operation, alone.
#ifndef FLOTILLA_SERVER_UNARY_CALL_H_
#define FLOTILLA_SERVER_UNARY_CALL_H_

#include <functional>
#include <memory>

#include "grpcpp/support/server_callback.h"
#include "server/gateway.h"
#include "server/request_codec.h"

namespace flotilla::v1 {
class PipelineOperation;
class PipelineResult;
}  // namespace flotilla::v1

namespace flotilla::server {

class UnaryCall : public AnswerSink {
 public:
  // Takes the response of its kind out of the result.
  using Deliver = std::function<void(v1::PipelineResult& result)>;

  // Empties the operation. Answers through the context's default reactor, which it returns.
  static grpc::ServerUnaryReactor* Start(Gateway& gateway, const RequestCodec& codec,
                                         grpc::CallbackServerContext& context,
                                         v1::PipelineOperation& operation, Deliver deliver);

  void OnAnswer(Answer answer) override;

 private:
  UnaryCall(grpc::ServerUnaryReactor* reactor, Deliver deliver);

  grpc::ServerUnaryReactor* const reactor_;  // gRPC's, valid until Finish
  const Deliver deliver_;
};

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_UNARY_CALL_H_
