// The server's end of one Pipeline stream: thousands of callers' operations in few messages. A
// message is decoded on gRPC's thread, handed to the node in one task, and what the node answered
// within one turn of its executor is written as one message.
//
// What a read will answer is not known before, so a stream asks for few when it begins, for more
// the smaller the answers turn out to be, and for no more than there is room for until they have
// left. What was accepted beyond waits here, and the client behind it.
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
  // A message with more ends the stream.
  static constexpr int kMaxMessageOperations = 4096;
  // Beyond it nothing is read until answers have left.
  static constexpr size_t kMaxPendingOperations = 20'000;
  // Handed to the node in one task: its executor has other work as well.
  static constexpr size_t kMaxTaskOperations = 512;
  // Of answers in one message, so that one large batch does not delay all others.
  static constexpr size_t kMessageBytes = 1 << 20;
  // What a read is expected to answer while nothing is known.
  static constexpr size_t kFirstReadBytes = 1 << 20;

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
  enum class Step { kNothing, kRead, kSubmit, kWrite, kFinish };
  Step NextStep() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Advance();
  void SubmitSome();
  void WriteSome();

  // How many of the accepted operations may be submitted now.
  size_t Submittable() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void NoteAnswer(const Answer& answer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Break() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Gateway& gateway_;
  const RequestCodec& codec_;
  const std::string principal_;
  std::shared_ptr<PipelineStream> self_;  // from Start to OnDone

  // Used by the one read, and the one write, under way.
  google::protobuf::Arena request_arena_;
  v1::PipelineRequest* request_ = nullptr;
  google::protobuf::Arena response_arena_;

  size_t writing_bytes_ = 0;  // of the answers in the write under way

  std::vector<Answer> turn_;  // the executor's

  Mutex mu_;
  std::vector<ClientOperation> accepted_ ABSL_GUARDED_BY(mu_);  // of the last message
  size_t submitted_ ABSL_GUARDED_BY(mu_) = 0;                   // of them
  std::deque<Answer> unsent_ ABSL_GUARDED_BY(mu_);
  size_t pending_ ABSL_GUARDED_BY(mu_) = 0;      // operations without an answer in a finished write
  size_t asked_reads_ ABSL_GUARDED_BY(mu_) = 0;  // submitted and not answered
  size_t read_bytes_ ABSL_GUARDED_BY(mu_) = kFirstReadBytes;  // expected of each
  grpc::Status end_ ABSL_GUARDED_BY(mu_);
  bool reading_ ABSL_GUARDED_BY(mu_) = false;
  bool submitting_ ABSL_GUARDED_BY(mu_) = false;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool half_closed_ ABSL_GUARDED_BY(mu_) = false;  // the client sends no more
  bool broken_ ABSL_GUARDED_BY(mu_) = false;       // nobody will read answers
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_PIPELINE_STREAM_H_
