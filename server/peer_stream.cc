#include "server/peer_stream.h"

#include <utility>
#include <vector>

#include "flotilla/internal/v1/peer.grpc.pb.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "server/peer_dialer.h"

namespace flotilla::server {
namespace {

namespace wire = internal::v1;

// A hold keeps gRPC from ending the call while Send may still start a write; it is let go when the
// stream is closing and no write is under way.
class Stream : public PeerStream,
               public grpc::ClientBidiReactor<wire::StreamRequest, wire::StreamResponse> {
 public:
  Stream(PeerEnvironment& environment, const std::string& address, node::PeerChannel channel,
         std::string hello, Events events)
      : environment_(environment),
        max_queued_bytes_(environment.options.max_queued_bytes[static_cast<int>(channel)]),
        events_(std::move(events)),
        stub_(wire::PeerService::NewStub(DialPeer(environment, address))) {
    request_.set_hello(std::move(hello));
    request_.set_channel(static_cast<uint32_t>(channel));
  }

  void Start(std::shared_ptr<Stream> self) {
    environment_.outstanding.Add();
    self_ = std::move(self);
    stub_->async()->Stream(&context_, this);
    AddHold();
    StartRead(&response_);
    StartWrite(&request_);
    StartCall();
  }

  bool Send(std::string message) override {
    {
      MutexLock lock(mu_);
      if (!up_ || closing_ || queued_bytes_ + message.size() > max_queued_bytes_) return false;
      queued_bytes_ += message.size();
      queue_.push_back(std::move(message));
    }
    WriteQueued();
    return true;
  }

  void Close() override { context_.TryCancel(); }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return EndSoon();
    bool first = false;
    {
      MutexLock lock(mu_);
      first = !std::exchange(up_, true);
    }
    if (first) events_.up(NodeId(response_.node_id()));
    StartRead(&response_);
  }

  void OnWriteDone(bool ok) override {
    bool let_go = false;
    {
      MutexLock lock(mu_);
      writing_ = false;
      closing_ = closing_ || !ok;
      let_go = LetGo();
    }
    if (let_go) return RemoveHold();
    WriteQueued();
  }

  void OnDone(const grpc::Status& status) override {
    events_.down(
        absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message()));
    environment_.outstanding.Remove();
    self_.reset();
  }

  void EndSoon() {
    bool let_go = false;
    {
      MutexLock lock(mu_);
      closing_ = true;
      let_go = LetGo();
    }
    if (let_go) RemoveHold();
  }

  // Whether the hold is to be let go, once.
  bool LetGo() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return closing_ && !writing_ && !std::exchange(let_go_, true);
  }

  // Everything that queued while the last write was under way goes as one message.
  void WriteQueued() {
    {
      MutexLock lock(mu_);
      if (writing_ || closing_ || !up_ || queue_.empty()) return;
      writing_ = true;
      request_.Clear();
      size_t bytes = 0;
      size_t taken = 0;
      for (; taken < queue_.size() && bytes < kWriteBytes; ++taken) {
        bytes += queue_[taken].size();
        request_.add_messages(std::move(queue_[taken]));
      }
      queue_.erase(queue_.begin(), queue_.begin() + static_cast<ptrdiff_t>(taken));
      queued_bytes_ -= bytes;
    }
    StartWrite(&request_);
  }

  // The largest single message, a batch of entries, must still fit beside it.
  static constexpr size_t kWriteBytes = 4 << 20;

  PeerEnvironment& environment_;
  const size_t max_queued_bytes_;
  const Events events_;
  const std::unique_ptr<wire::PeerService::Stub> stub_;
  grpc::ClientContext context_;
  std::shared_ptr<Stream> self_;   // from Start to OnDone
  wire::StreamRequest request_;    // of the one write under way
  wire::StreamResponse response_;  // of the one read under way

  mutable Mutex mu_;
  std::vector<std::string> queue_ ABSL_GUARDED_BY(mu_);
  size_t queued_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  bool up_ ABSL_GUARDED_BY(mu_) = false;
  bool writing_ ABSL_GUARDED_BY(mu_) = true;  // the hello, from the start
  bool closing_ ABSL_GUARDED_BY(mu_) = false;
  bool let_go_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace

std::shared_ptr<PeerStream> PeerStream::Open(PeerEnvironment& environment,
                                             const std::string& address, node::PeerChannel channel,
                                             std::string hello, Events events) {
  auto stream =
      std::make_shared<Stream>(environment, address, channel, std::move(hello), std::move(events));
  stream->Start(stream);
  return stream;
}

}  // namespace flotilla::server
