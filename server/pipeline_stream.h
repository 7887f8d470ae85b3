// The server's end of one Pipeline stream: thousands of callers' operations in few messages. A
// message is decoded on gRPC's thread, handed to the node in one task, and what the node answered
// within one turn of its executor is written as one message.
#ifndef FLOTILLA_SERVER_PIPELINE_STREAM_H_
#define FLOTILLA_SERVER_PIPELINE_STREAM_H_

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "google/protobuf/arena.h"
#include "grpcpp/support/server_callback.h"
#include "server/gateway.h"
#include "server/request_codec.h"

namespace flotilla::v1 {
class PipelineRequest;
class PipelineResponse;
}  // namespace flotilla::v1

namespace flotilla::server {

// Owns itself from Start until the stream is done and its last operation answered.
class PipelineStream : public grpc::ServerBidiReactor<v1::PipelineRequest, v1::PipelineResponse>,
                       public AnswerSink,
                       public std::enable_shared_from_this<PipelineStream> {
 public:
  // Beyond it nothing is read until answers have left: operations, and bytes of unsent answers.
  static constexpr size_t kMaxPendingOperations = 20'000;
  static constexpr size_t kMaxUnsentBytes = 32 << 20;
  // Of answers in one message, so that one large batch does not delay all others.
  static constexpr size_t kMessageBytes = 1 << 20;

  // The reactor that gRPC drives.
  static PipelineStream* Start(Gateway& gateway, const RequestCodec& codec, std::string principal);

  void OnAnswer(Answer answer) override;

 private:
  PipelineStream(Gateway& gateway, const RequestCodec& codec, std::string principal);

  // gRPC's events, on its threads.
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // On the executor, at the end of a turn that answered something.
  void Flush();

  // What to do next, decided under the lock and done outside: gRPC may call back from inside.
  enum class Step { kNothing, kRead, kWrite, kFinish };
  Step NextStep() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Advance();
  void WriteSome();

  Gateway& gateway_;
  const RequestCodec& codec_;
  const std::string principal_;
  std::shared_ptr<PipelineStream> self_;  // from Start to OnDone

  // Used by the one read, and the one write, under way.
  google::protobuf::Arena request_arena_;
  v1::PipelineRequest* request_ = nullptr;
  google::protobuf::Arena response_arena_;

  std::vector<Answer> turn_;  // the executor's

  Mutex mu_;
  std::deque<Answer> unsent_ ABSL_GUARDED_BY(mu_);
  size_t unsent_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  size_t pending_ ABSL_GUARDED_BY(mu_) = 0;  // operations without an answer in a finished write
  bool reading_ ABSL_GUARDED_BY(mu_) = false;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool half_closed_ ABSL_GUARDED_BY(mu_) = false;  // the client sends no more
  bool broken_ ABSL_GUARDED_BY(mu_) = false;       // nobody will read answers
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_PIPELINE_STREAM_H_
