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

// Owns itself from Start until the answer has left.
class UnaryCall : public grpc::ServerUnaryReactor,
                  public AnswerSink,
                  public std::enable_shared_from_this<UnaryCall> {
 public:
  // Takes the response of its kind out of the result.
  using Deliver = std::function<void(v1::PipelineResult& result)>;

  // Empties the operation. Returns the reactor that gRPC drives.
  static grpc::ServerUnaryReactor* Start(Gateway& gateway, const RequestCodec& codec,
                                         grpc::CallbackServerContext& context,
                                         v1::PipelineOperation& operation, Deliver deliver);

  void OnAnswer(Answer answer) override;

 private:
  UnaryCall(Gateway& gateway, Deliver deliver);

  void OnDone() override;

  const Deliver deliver_;
  std::shared_ptr<UnaryCall> self_;  // from Start to OnDone
};

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_UNARY_CALL_H_
