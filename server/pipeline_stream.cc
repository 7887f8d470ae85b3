#include "server/pipeline_stream.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
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
    : AnswerSink(gateway.budget()),
      gateway_(gateway),
      codec_(codec),
      principal_(std::move(principal)) {
  gateway_.metrics().streams().Add(1);
}

PipelineStream::Step PipelineStream::NextStep() {
  if (finished_) return Step::kNothing;
  if (!writing_ && !unsent_.empty()) {
    writing_ = true;
    return Step::kWrite;
  }
  if (!submitting_ && Submittable() > 0) {
    submitting_ = true;
    return Step::kSubmit;
  }
  const bool over = broken_ || (half_closed_ && pending_ == 0);
  // A read or write under way must come back first: gRPC forgets the stream with its Finish.
  if (over && !reading_ && !writing_) {
    finished_ = true;
    return Step::kFinish;
  }
  const bool full = pending_ >= kMaxPendingOperations || submitted_ < accepted_.size() ||
                    (account().held() > 0 && account().room() == 0);
  if (!over && !half_closed_ && !reading_ && !full) {
    reading_ = true;
    return Step::kRead;
  }
  return Step::kNothing;
}

void PipelineStream::Advance() {
  while (true) {
    Step step;
    grpc::Status end;
    {
      MutexLock lock(mu_);
      step = NextStep();
      if (step == Step::kFinish) end = end_;
    }
    switch (step) {
      case Step::kNothing:
        return;
      case Step::kRead:
        request_arena_.Reset();
        request_ = Arena::CreateMessage<v1::PipelineRequest>(&request_arena_);
        StartRead(request_);
        break;
      case Step::kSubmit:
        SubmitSome();
        break;
      case Step::kWrite:
        WriteSome();
        break;
      case Step::kFinish:
        Finish(end);
        return;
    }
  }
}

void PipelineStream::OnReadDone(bool ok) {
  const int count = ok ? request_->operations_size() : 0;
  std::vector<ClientOperation> operations;
  if (count <= kMaxMessageOperations) {
    CallInfo call;
    call.now = gateway_.clock().Now();
    call.principal = principal_;
    if (ok) operations = codec_.Decode(*request_, call);
  }
  {
    MutexLock lock(mu_);
    reading_ = false;
    half_closed_ = half_closed_ || !ok;
    if (count > kMaxMessageOperations) {
      end_ = grpc::Status(grpc::StatusCode::INVALID_ARGUMENT,
                          absl::StrCat("a message has at most ", kMaxMessageOperations,
                                       " operations, not ", count));
      Break();
    } else if (!broken_) {
      pending_ += operations.size();
      accepted_ = std::move(operations);
      submitted_ = 0;
    }
  }
  Advance();
}

size_t PipelineStream::Submittable() const {
  const size_t end = std::min(accepted_.size(), submitted_ + kMaxTaskOperations);
  // The rest is for answers that are larger than expected, and for other streams.
  const size_t room = account().room() / 2;
  if ((asked_reads_ + end - submitted_) * read_bytes_ <= room) return end - submitted_;
  const bool idle = asked_reads_ == 0 && account().held() == 0;
  size_t reads = asked_reads_;
  size_t i = submitted_;
  for (; i < end; ++i) {
    if (!IsRead(accepted_[i].answer.kind)) continue;
    ++reads;
    // One always goes when nothing is under way: there would be nothing to wait for.
    if (reads * read_bytes_ > room && !(idle && reads == 1)) break;
  }
  return i - submitted_;
}

void PipelineStream::SubmitSome() {
  std::vector<ClientOperation> operations;
  {
    MutexLock lock(mu_);
    const size_t count = Submittable();
    if (count == accepted_.size()) {
      operations = std::exchange(accepted_, {});
    } else {
      const auto first = accepted_.begin() + static_cast<ptrdiff_t>(submitted_);
      const auto last = first + static_cast<ptrdiff_t>(count);
      operations.assign(std::make_move_iterator(first), std::make_move_iterator(last));
      submitted_ += count;
      if (submitted_ == accepted_.size()) {
        accepted_ = {};
        submitted_ = 0;
      }
    }
    for (const ClientOperation& operation : operations) {
      if (IsRead(operation.answer.kind)) ++asked_reads_;
    }
  }
  if (!operations.empty()) gateway_.Submit(std::move(operations), shared_from_this());
  MutexLock lock(mu_);
  submitting_ = false;
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
      NoteAnswer(answer);
      unsent_.push_back(std::move(answer));
    }
    if (broken_) Break();
  }
  turn_.clear();
  Advance();
}

void PipelineStream::NoteAnswer(const Answer& answer) {
  if (!IsRead(answer.context.kind)) return;
  --asked_reads_;
  const auto* read = std::get_if<node::ReadReply>(&answer.reply);
  if (read == nullptr || !read->error.ok()) return;
  // A large answer counts at once, and is forgotten by and by.
  read_bytes_ = std::max(answer.bytes, read_bytes_ - read_bytes_ / 16);
}

void PipelineStream::Break() {
  broken_ = true;
  accepted_.clear();
  submitted_ = 0;
  for (const Answer& answer : unsent_) account().Release(answer.bytes);
  unsent_.clear();
}

void PipelineStream::WriteSome() {
  response_arena_.Reset();
  auto* response = Arena::CreateMessage<v1::PipelineResponse>(&response_arena_);
  writing_bytes_ = 0;
  {
    MutexLock lock(mu_);
    while (!unsent_.empty()) {
      const size_t bytes = unsent_.front().bytes;
      // A large answer goes alone: beside others it might exceed what a message may have.
      if (writing_bytes_ > 0 && writing_bytes_ + bytes > kMessageBytes) break;
      writing_bytes_ += bytes;
      EncodeAnswer(std::move(unsent_.front()), response->add_results());
      unsent_.pop_front();
      --pending_;
    }
  }
  StartWrite(response);
}

void PipelineStream::OnWriteDone(bool ok) {
  account().Release(writing_bytes_);
  {
    MutexLock lock(mu_);
    writing_ = false;
    if (!ok) Break();
  }
  Advance();
}

void PipelineStream::OnCancel() {
  {
    MutexLock lock(mu_);
    Break();
  }
  Advance();
}

void PipelineStream::OnDone() {
  gateway_.metrics().streams().Add(-1);
  self_.reset();
}

}  // namespace flotilla::server
