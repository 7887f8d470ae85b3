#include "client/grpc_kv_channel.h"

#include <utility>
#include <vector>

#include "client/grpc_connection.h"
#include "client/wire_codec.h"
#include "flotilla/v1/cluster_service.grpc.pb.h"
#include "flotilla/v1/kv_service.grpc.pb.h"
#include <google/protobuf/arena.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/async_stream.h>
#include <grpcpp/support/async_unary_call.h>

namespace flotilla::client {

namespace {

// KvChannel's promise: OnOpen or OnClosed within this.
constexpr Duration kConnectLimit = std::chrono::seconds(1);

class Stream;

// One kind of completion of a stream, at most one of it under way; keeps the stream alive
// meanwhile.
class StreamEvent final : public CompletionEvent {
 public:
  using Handler = void (Stream::*)(bool ok);
  explicit StreamEvent(Handler handler) : handler_(handler) {}

  void* Arm(std::shared_ptr<Stream> stream) {
    stream_ = std::move(stream);
    return static_cast<CompletionEvent*>(this);
  }
  bool armed() const { return stream_ != nullptr; }
  void OnCompletion(bool ok) override;

 private:
  const Handler handler_;
  std::shared_ptr<Stream> stream_;
};

// A Pipeline call and a question for the shard map beside it. Shared by its connection and by the
// completions that are under way, which come even after it was cancelled.
class Stream : public std::enable_shared_from_this<Stream> {
 public:
  Stream(GrpcEventLoop& loop, const Clock& clock, std::string endpoint, KvConnectionEvents& events)
      : loop_(loop),
        clock_(clock),
        endpoint_(std::move(endpoint)),
        channel_(Dial(endpoint_)),
        kv_(v1::KvService::NewStub(channel_)),
        cluster_(v1::ClusterService::NewStub(channel_)),
        events_(&events) {}

  void Open() {
    call_ = kv_->PrepareAsyncPipeline(&context_, &loop_.queue());
    call_->StartCall(start_.Arm(shared_from_this()));
    // A connection attempt may hang for as long as TCP likes.
    open_timer_ = loop_.PostAt(clock_.Now() + kConnectLimit, [this] {
      open_timer_ = 0;
      context_.TryCancel();
    });
  }

  // No event is delivered any more, and nothing new is begun: the queue may be closing.
  void Abandon() {
    events_ = nullptr;
    loop_.Cancel(std::exchange(open_timer_, 0));
    context_.TryCancel();
    if (map_event_.armed()) map_context_->TryCancel();
  }

  void Send(std::span<const OutgoingOperation> batch) {
    // OnClosed is on its way, and gRPC wants no other operation of the stream beside Finish.
    if (broken_) return;
    request_arena_.Reset();
    auto* request = google::protobuf::Arena::CreateMessage<v1::PipelineRequest>(&request_arena_);
    EncodeBatch(batch, *request);
    call_->Write(*request, write_.Arm(shared_from_this()));
  }

  void RequestShardMap(Duration timeout) {
    map_context_ = std::make_unique<grpc::ClientContext>();
    map_context_->set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                            gpr_time_from_nanos(timeout.count(), GPR_TIMESPAN)));
    map_call_ = cluster_->AsyncGetShardMap(map_context_.get(), {}, &loop_.queue());
    map_call_->Finish(&map_, &map_status_, map_event_.Arm(shared_from_this()));
  }

 private:
  void OnStarted(bool ok) {
    if (events_ == nullptr) return;
    loop_.Cancel(std::exchange(open_timer_, 0));
    if (!ok) {
      Finish();
      return;
    }
    Read();
    events_->OnOpen();
  }

  void Read() {
    response_arena_.Reset();
    response_ = google::protobuf::Arena::CreateMessage<v1::PipelineResponse>(&response_arena_);
    call_->Read(response_, read_.Arm(shared_from_this()));
  }

  void OnRead(bool ok) {
    if (events_ == nullptr) return;
    if (!ok) {
      broken_ = true;
      if (!write_.armed()) Finish();
      return;
    }
    std::vector<Reply> replies;
    replies.reserve(static_cast<size_t>(response_->results_size()));
    for (auto& result : *response_->mutable_results()) replies.push_back(DecodeReply(result));
    Read();
    events_->OnReplies(std::move(replies));
  }

  void OnWritten(bool ok) {
    if (events_ == nullptr) return;
    if (broken_) {
      Finish();
    } else if (ok) {
      events_->OnSent();
    }
  }

  void Finish() { call_->Finish(&status_, finish_.Arm(shared_from_this())); }

  void OnFinished(bool) {
    if (events_ != nullptr) events_->OnClosed(StatusOfCall(status_, endpoint_));
  }

  void OnShardMap(bool) {
    if (events_ == nullptr) return;
    if (map_status_.ok()) {
      events_->OnShardMap(DecodeShardMap(map_));
    } else {
      events_->OnShardMap(StatusOfCall(map_status_, endpoint_));
    }
  }

  GrpcEventLoop& loop_;
  const Clock& clock_;
  const std::string endpoint_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::KvService::Stub> kv_;
  const std::unique_ptr<v1::ClusterService::Stub> cluster_;
  KvConnectionEvents* events_;  // null: abandoned

  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientAsyncReaderWriter<v1::PipelineRequest, v1::PipelineResponse>> call_;
  google::protobuf::Arena request_arena_;
  google::protobuf::Arena response_arena_;
  v1::PipelineResponse* response_ = nullptr;
  grpc::Status status_;
  TimerId open_timer_ = 0;
  bool broken_ = false;
  StreamEvent start_{&Stream::OnStarted};
  StreamEvent read_{&Stream::OnRead};
  StreamEvent write_{&Stream::OnWritten};
  StreamEvent finish_{&Stream::OnFinished};

  std::unique_ptr<grpc::ClientContext> map_context_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::GetShardMapResponse>> map_call_;
  v1::GetShardMapResponse map_;
  grpc::Status map_status_;
  StreamEvent map_event_{&Stream::OnShardMap};
};

void StreamEvent::OnCompletion(bool ok) {
  const std::shared_ptr<Stream> stream = std::move(stream_);
  ((*stream).*handler_)(ok);
}

class GrpcKvConnection final : public KvConnection {
 public:
  explicit GrpcKvConnection(std::shared_ptr<Stream> stream) : stream_(std::move(stream)) {
    stream_->Open();
  }
  ~GrpcKvConnection() override { stream_->Abandon(); }

  void Send(std::span<const OutgoingOperation> batch) override { stream_->Send(batch); }
  void RequestShardMap(Duration timeout) override { stream_->RequestShardMap(timeout); }

 private:
  const std::shared_ptr<Stream> stream_;
};

}  // namespace

std::unique_ptr<KvConnection> GrpcKvChannel::Connect(const std::string& endpoint,
                                                     KvConnectionEvents& events) {
  return std::make_unique<GrpcKvConnection>(
      std::make_shared<Stream>(loop_, clock_, endpoint, events));
}

}  // namespace flotilla::client
