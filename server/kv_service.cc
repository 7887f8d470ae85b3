#include "server/kv_service.h"

#include "flotilla/v1/kv_service.grpc.pb.h"
#include "server/call_info.h"
#include "server/pipeline_stream.h"
#include "server/scan_stream.h"
#include "server/unary_call.h"

namespace flotilla::server {
namespace {

using Context = grpc::CallbackServerContext;
using Reactor = grpc::ServerUnaryReactor;

class KvService final : public v1::KvService::CallbackService {
 public:
  KvService(Gateway& gateway, const RequestCodec& codec) : gateway_(gateway), codec_(codec) {}

  Reactor* Get(Context* context, const v1::GetRequest* request,
               v1::GetResponse* response) override {
    return Call<&Operation::mutable_get, &Result::mutable_get>(context, *request, response);
  }
  Reactor* BatchGet(Context* context, const v1::BatchGetRequest* request,
                    v1::BatchGetResponse* response) override {
    return Call<&Operation::mutable_batch_get, &Result::mutable_batch_get>(context, *request,
                                                                           response);
  }
  Reactor* Put(Context* context, const v1::PutRequest* request,
               v1::PutResponse* response) override {
    return Call<&Operation::mutable_put, &Result::mutable_put>(context, *request, response);
  }
  Reactor* Delete(Context* context, const v1::DeleteRequest* request,
                  v1::DeleteResponse* response) override {
    return Call<&Operation::mutable_delete_, &Result::mutable_delete_>(context, *request, response);
  }
  Reactor* CompareAndSwap(Context* context, const v1::CompareAndSwapRequest* request,
                          v1::CompareAndSwapResponse* response) override {
    return Call<&Operation::mutable_compare_and_swap, &Result::mutable_compare_and_swap>(
        context, *request, response);
  }
  Reactor* Increment(Context* context, const v1::IncrementRequest* request,
                     v1::IncrementResponse* response) override {
    return Call<&Operation::mutable_increment, &Result::mutable_increment>(context, *request,
                                                                           response);
  }
  Reactor* Append(Context* context, const v1::AppendRequest* request,
                  v1::AppendResponse* response) override {
    return Call<&Operation::mutable_append, &Result::mutable_append>(context, *request, response);
  }
  Reactor* DeleteRange(Context* context, const v1::DeleteRangeRequest* request,
                       v1::DeleteRangeResponse* response) override {
    return Call<&Operation::mutable_delete_range, &Result::mutable_delete_range>(context, *request,
                                                                                 response);
  }
  Reactor* Batch(Context* context, const v1::BatchRequest* request,
                 v1::BatchResponse* response) override {
    return Call<&Operation::mutable_batch, &Result::mutable_batch>(context, *request, response);
  }
  Reactor* Txn(Context* context, const v1::TxnRequest* request,
               v1::TxnResponse* response) override {
    return Call<&Operation::mutable_txn, &Result::mutable_txn>(context, *request, response);
  }
  Reactor* OpenSession(Context* context, const v1::OpenSessionRequest* request,
                       v1::OpenSessionResponse* response) override {
    return Call<&Operation::mutable_open_session, &Result::mutable_open_session>(context, *request,
                                                                                 response);
  }
  Reactor* CloseSession(Context* context, const v1::CloseSessionRequest* request,
                        v1::CloseSessionResponse* response) override {
    return Call<&Operation::mutable_close_session, &Result::mutable_close_session>(
        context, *request, response);
  }
  Reactor* KeepSessionAlive(Context* context, const v1::KeepSessionAliveRequest* request,
                            v1::KeepSessionAliveResponse* response) override {
    return Call<&Operation::mutable_keep_session_alive, &Result::mutable_keep_session_alive>(
        context, *request, response);
  }

  grpc::ServerWriteReactor<v1::ScanResponse>* Scan(Context* context,
                                                   const v1::ScanRequest* request) override {
    return ScanStream::Start(gateway_, codec_, *request, InfoOf(*context, gateway_.clock()));
  }
  grpc::ServerBidiReactor<v1::PipelineRequest, v1::PipelineResponse>* Pipeline(Context*) override {
    return PipelineStream::Start(gateway_, codec_, /*principal=*/"");
  }

 private:
  using Operation = v1::PipelineOperation;
  using Result = v1::PipelineResult;

  // The members say where the operation keeps this kind of request, and the result its response.
  template <auto kRequest, auto kResponse, typename Request, typename Response>
  Reactor* Call(Context* context, const Request& request, Response* response) {
    v1::PipelineOperation operation;
    *(operation.*kRequest)() = request;
    return UnaryCall::Start(
        gateway_, codec_, *context, operation,
        [response](v1::PipelineResult& result) { response->Swap((result.*kResponse)()); });
  }

  Gateway& gateway_;
  const RequestCodec& codec_;
};

}  // namespace

std::unique_ptr<grpc::Service> NewKvService(Gateway& gateway, const RequestCodec& codec) {
  return std::make_unique<KvService>(gateway, codec);
}

}  // namespace flotilla::server
