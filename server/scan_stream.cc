#include "server/scan_stream.h"

#include <utility>
#include <vector>

#include "flotilla/v1/kv.pb.h"
#include "server/grpc_status.h"
#include "server/reply_codec.h"

namespace flotilla::server {

ScanStream* ScanStream::Start(Gateway& gateway, const RequestCodec& codec,
                              const v1::ScanRequest& request, CallInfo call) {
  std::shared_ptr<ScanStream> stream(new ScanStream(gateway, codec, request, std::move(call)));
  stream->self_ = stream;
  stream->AskForPage();
  return stream.get();
}

ScanStream::ScanStream(Gateway& gateway, const RequestCodec& codec, const v1::ScanRequest& request,
                       CallInfo call)
    : AnswerSink(gateway.budget()),
      gateway_(gateway),
      codec_(codec),
      call_(std::move(call)),
      request_(std::make_unique<v1::ScanRequest>(request)),
      page_(std::make_unique<v1::ScanResponse>()) {}

void ScanStream::AskForPage() {
  v1::PipelineOperation operation;
  *operation.mutable_scan() = *request_;
  call_.now = gateway_.clock().Now();
  std::vector<ClientOperation> operations;
  operations.push_back(codec_.Decode(operation, call_));
  gateway_.Submit(std::move(operations), shared_from_this());
}

void ScanStream::OnAnswer(Answer answer) {
  v1::PipelineResult result;
  EncodeAnswer(std::move(answer), &result);
  if (result.has_error()) return Finish(ToGrpcStatus(result.error()));
  *page_ = std::move(*result.mutable_scan());
  if (PrepareNext()) return StartWrite(page_.get());
  StartWriteAndFinish(page_.get(), grpc::WriteOptions(), grpc::Status::OK);
}

bool ScanStream::PrepareNext() {
  request_->set_page_token(page_->next_page_token());
  const uint64_t rows = request_->count_only() ? page_->count() : page_->rows_size();
  if (request_->limit() != 0) {
    if (rows >= request_->limit()) return false;
    request_->set_limit(request_->limit() - rows);
  }
  return !page_->next_page_token().empty();
}

void ScanStream::OnWriteDone(bool ok) {
  account().Release(account().held());
  if (ok) return AskForPage();
  Finish(grpc::Status::CANCELLED);
}

void ScanStream::OnDone() { self_.reset(); }

}  // namespace flotilla::server
