#include "server/scan_stream.h"

#include <utility>
#include <vector>

#include "flotilla/v1/kv.pb.h"
#include "node/errors.h"
#include "server/error_codec.h"
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
      page_(std::make_unique<v1::ScanResponse>()) {
  if (MergedScan::Serves(request)) merged_ = std::make_unique<MergedScan>(codec.limits());
}

void ScanStream::AskForPage() {
  if (merged_ == nullptr) {
    std::vector<v1::PipelineOperation> questions(1);
    *questions.front().mutable_scan() = *request_;
    return Submit(std::move(questions));
  }
  const absl::Status begun = merged_->BeginPage(*request_);
  if (!begun.ok()) {
    v1::Error refusal;
    EncodeError(node::InvalidRequest(begun), Effect::kRead, &refusal);
    return Fail(ToGrpcStatus(refusal));
  }
  AskForMore();
}

void ScanStream::AskForMore() {
  std::vector<v1::PipelineOperation> questions = merged_->Questions();
  if (!questions.empty()) return Submit(std::move(questions));
  merged_->EndPage(page_.get());
  WritePage();
}

void ScanStream::Submit(std::vector<v1::PipelineOperation> questions) {
  call_.now = gateway_.clock().Now();
  std::vector<ClientOperation> operations;
  operations.reserve(questions.size());
  for (v1::PipelineOperation& question : questions) {
    operations.push_back(codec_.Decode(question, call_));
  }
  unanswered_ = operations.size();
  gateway_.Submit(std::move(operations), shared_from_this());
}

void ScanStream::OnAnswer(Answer answer) {
  const uint64_t id = answer.context.id;
  v1::PipelineResult result;
  EncodeAnswer(std::move(answer), &result);
  --unanswered_;
  if (failed_) return;
  if (result.has_error()) return Fail(ToGrpcStatus(result.error()));
  if (merged_ != nullptr) return TakePart(id, std::move(result));
  *page_ = std::move(*result.mutable_scan());
  WritePage();
}

void ScanStream::TakePart(uint64_t id, v1::PipelineResult result) {
  merged_->Take(id, std::move(*result.mutable_scan()));
  if (unanswered_ == 0) AskForMore();
}

void ScanStream::WritePage() {
  if (PrepareNext()) return StartWrite(page_.get());
  StartWriteAndFinish(page_.get(), grpc::WriteOptions(), grpc::Status::OK);
}

void ScanStream::Fail(const grpc::Status& why) {
  failed_ = true;
  Finish(why);
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
