#include "server/pipeline_stream.h"

#include <utility>

#include "flotilla/v1/kv.pb.h"
#include "server/reply_codec.h"

namespace flotilla::server {

using google::protobuf::Arena;

PipelineStream* PipelineStream::Start(Gateway& gateway, const RequestCodec& codec,
                                      std::string principal) {
  // shared_ptr because the node's answers may come after the stream has gone.
  std::shared_ptr<PipelineStream> stream(new PipelineStream(gateway, codec, std::move(principal)));
  stream->self_ = stream;
  stream->Advance();
  return stream.get();
}

PipelineStream::PipelineStream(Gateway& gateway, const RequestCodec& codec, std::string principal)
    : gateway_(gateway), codec_(codec), principal_(std::move(principal)) {
  gateway_.metrics().streams().Add(1);
}

PipelineStream::Step PipelineStream::NextStep() {
  if (finished_) return Step::kNothing;
  if (!writing_ && !broken_ && !unsent_.empty()) {
    writing_ = true;
    return Step::kWrite;
  }
  const bool over = broken_ || (half_closed_ && pending_ == 0);
  // A read or write under way must come back first: gRPC forgets the stream with its Finish.
  if (over && !reading_ && !writing_) {
    finished_ = true;
    return Step::kFinish;
  }
  const bool full = pending_ >= kMaxPendingOperations || unsent_bytes_ >= kMaxUnsentBytes;
  if (!over && !half_closed_ && !reading_ && !full) {
    reading_ = true;
    return Step::kRead;
  }
  return Step::kNothing;
}

void PipelineStream::Advance() {
  while (true) {
    Step step;
    {
      MutexLock lock(mu_);
      step = NextStep();
    }
    switch (step) {
      case Step::kNothing:
        return;
      case Step::kRead:
        request_arena_.Reset();
        request_ = Arena::CreateMessage<v1::PipelineRequest>(&request_arena_);
        StartRead(request_);
        break;
      case Step::kWrite:
        WriteSome();
        break;
      case Step::kFinish:
        Finish(grpc::Status::OK);
        return;
    }
  }
}

void PipelineStream::OnReadDone(bool ok) {
  std::vector<ClientOperation> operations;
  if (ok) {
    CallInfo call;
    call.now = gateway_.clock().Now();
    call.principal = principal_;
    operations = codec_.Decode(*request_, call);
  }
  {
    MutexLock lock(mu_);
    reading_ = false;
    half_closed_ = half_closed_ || !ok;
    pending_ += operations.size();
  }
  if (!operations.empty()) gateway_.Submit(std::move(operations), shared_from_this());
  Advance();
}

void PipelineStream::OnAnswer(Answer answer) {
  // Everything else that the executor answers before it comes to this task goes along.
  if (turn_.empty()) gateway_.executor().Post([self = shared_from_this()] { self->Flush(); });
  turn_.push_back(std::move(answer));
}

void PipelineStream::Flush() {
  {
    MutexLock lock(mu_);
    for (Answer& answer : turn_) {
      unsent_bytes_ += ByteSize(answer);
      unsent_.push_back(std::move(answer));
    }
  }
  turn_.clear();
  Advance();
}

void PipelineStream::WriteSome() {
  response_arena_.Reset();
  auto* response = Arena::CreateMessage<v1::PipelineResponse>(&response_arena_);
  {
    MutexLock lock(mu_);
    size_t bytes = 0;
    while (!unsent_.empty() && bytes < kMessageBytes) {
      bytes += ByteSize(unsent_.front());
      EncodeAnswer(std::move(unsent_.front()), response->add_results());
      unsent_.pop_front();
      --pending_;
    }
    unsent_bytes_ -= bytes;
  }
  StartWrite(response);
}

void PipelineStream::OnWriteDone(bool ok) {
  {
    MutexLock lock(mu_);
    writing_ = false;
    broken_ = broken_ || !ok;
  }
  Advance();
}

void PipelineStream::OnCancel() {
  {
    MutexLock lock(mu_);
    broken_ = true;
  }
  Advance();
}

void PipelineStream::OnDone() {
  gateway_.metrics().streams().Add(-1);
  self_.reset();
}

}  // namespace flotilla::server
