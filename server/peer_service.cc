#include "server/peer_service.h"

#include <array>
#include <utility>

#include "flotilla/internal/v1/peer.grpc.pb.h"
#include "server/grpc_status.h"

namespace flotilla::server {
namespace {

namespace wire = internal::v1;

constexpr char kNotThere[] = "this node is only starting";

using ReceivedBytes = std::array<Counter*, node::kPeerChannelCount>;

// One stream from a peer. Owns itself from Start until gRPC and the executor are done with it.
class Receiver : public grpc::ServerBidiReactor<wire::StreamRequest, wire::StreamResponse>,
                 public std::enable_shared_from_this<Receiver> {
 public:
  static Receiver* Start(PeerEnvironment& environment, const ReceivedBytes& received) {
    const std::shared_ptr<Receiver> receiver(new Receiver(environment, received));
    receiver->self_ = receiver;
    receiver->Advance();
    return receiver.get();
  }

 private:
  Receiver(PeerEnvironment& environment, const ReceivedBytes& received)
      : environment_(environment), received_(received) {
    response_.set_node_id(environment.options.self.value());
  }

  enum class Step { kNothing, kRead, kWelcome, kFinish };

  Step NextStep() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (finished_) return Step::kNothing;
    if (welcome_ && !over_) {
      welcome_ = false;
      writing_ = true;
      return Step::kWelcome;
    }
    if (over_ && !reading_ && !writing_) {
      finished_ = true;
      return Step::kFinish;
    }
    const bool full = unhandled_bytes_ >= environment_.options.max_unhandled_bytes;
    if (!over_ && !reading_ && !shaking_hands_ && !full) {
      reading_ = true;
      return Step::kRead;
    }
    return Step::kNothing;
  }

  // Decides under the lock and acts outside: gRPC may call back from inside.
  void Advance() {
    while (true) {
      Step step;
      grpc::Status verdict;
      {
        MutexLock lock(mu_);
        step = NextStep();
        verdict = verdict_;
      }
      if (step == Step::kNothing) return;
      if (step == Step::kRead) StartRead(&request_);
      if (step == Step::kWelcome) StartWrite(&response_);
      if (step == Step::kFinish) return Finish(verdict);
    }
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      End(grpc::Status::OK);
    } else if (!introduced_) {
      introduced_ = true;
      ShakeHands();
    } else {
      HandOver();
    }
  }

  void ShakeHands() {
    if (request_.channel() >= node::kPeerChannelCount) {
      return End(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "no such channel"));
    }
    channel_ = static_cast<node::PeerChannel>(request_.channel());
    {
      MutexLock lock(mu_);
      reading_ = false;
      shaking_hands_ = true;
    }
    environment_.executor.Post([self = shared_from_this()] { self->Judge(); });
  }

  // On the executor.
  void Judge() {
    node::PeerEvents* const events = environment_.events;
    const absl::StatusOr<NodeId> from = events == nullptr ? absl::UnavailableError(kNotThere)
                                                          : events->OnHandshake(request_.hello());
    if (!from.ok()) return End(ToGrpcStatus(from.status()));
    from_ = *from;
    {
      MutexLock lock(mu_);
      shaking_hands_ = false;
      welcome_ = true;
    }
    Advance();
  }

  // The next message is read while the executor handles this one, within the byte limit.
  void HandOver() {
    auto messages = std::make_shared<wire::StreamRequest>();
    messages->Swap(&request_);
    const size_t bytes = messages->ByteSizeLong();
    received_[static_cast<int>(channel_)]->Add(bytes);
    {
      MutexLock lock(mu_);
      reading_ = false;
      unhandled_bytes_ += bytes;
    }
    environment_.executor.Post([self = shared_from_this(), messages, bytes] {
      self->Deliver(*messages);
      {
        MutexLock lock(self->mu_);
        self->unhandled_bytes_ -= bytes;
      }
      self->Advance();
    });
    Advance();
  }

  void Deliver(const wire::StreamRequest& messages) {
    node::PeerEvents* const events = environment_.events;
    if (events == nullptr) return;  // the node has gone
    for (const std::string& message : messages.messages()) {
      events->OnPeerMessage(from_, channel_, message);
    }
  }

  void End(grpc::Status verdict) {
    {
      MutexLock lock(mu_);
      reading_ = false;
      shaking_hands_ = false;
      if (!over_) verdict_ = std::move(verdict);
      over_ = true;
    }
    Advance();
  }

  void OnWriteDone(bool) override {
    {
      MutexLock lock(mu_);
      writing_ = false;
    }
    Advance();
  }

  void OnCancel() override {
    {
      MutexLock lock(mu_);
      over_ = true;
    }
    Advance();
  }

  void OnDone() override { self_.reset(); }

  PeerEnvironment& environment_;
  const ReceivedBytes& received_;
  std::shared_ptr<Receiver> self_;  // from Start to OnDone
  wire::StreamRequest request_;     // of the one read under way
  wire::StreamResponse response_;
  // Set before anything that uses them is posted.
  bool introduced_ = false;
  node::PeerChannel channel_ = node::PeerChannel::kUrgent;
  NodeId from_;  // the executor's

  Mutex mu_;
  grpc::Status verdict_ ABSL_GUARDED_BY(mu_);
  size_t unhandled_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  bool reading_ ABSL_GUARDED_BY(mu_) = false;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool shaking_hands_ ABSL_GUARDED_BY(mu_) = false;
  bool welcome_ ABSL_GUARDED_BY(mu_) = false;  // to be said
  bool over_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
};

class PeerService final : public wire::PeerService::CallbackService {
 public:
  explicit PeerService(PeerEnvironment& environment) : environment_(environment) {
    for (int i = 0; i < node::kPeerChannelCount; ++i) {
      received_[i] = &environment.metrics.AddCounter(
          "flotilla_peer_received_bytes_total", "Bytes of messages from all peers.",
          {{"channel", std::string(ToString(static_cast<node::PeerChannel>(i)))}});
    }
  }

  grpc::ServerUnaryReactor* Exchange(grpc::CallbackServerContext* context,
                                     const wire::ExchangeRequest* request,
                                     wire::ExchangeResponse* response) override {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    environment_.executor.Post([this, reactor, request, response] {
      node::PeerEvents* const events = environment_.events;
      const absl::StatusOr<std::string> reply = events == nullptr
                                                    ? absl::UnavailableError(kNotThere)
                                                    : events->OnExchange(request->hello());
      if (reply.ok()) response->set_hello(*reply);
      reactor->Finish(ToGrpcStatus(reply.status()));
    });
    return reactor;
  }

  grpc::ServerBidiReactor<wire::StreamRequest, wire::StreamResponse>* Stream(
      grpc::CallbackServerContext*) override {
    return Receiver::Start(environment_, received_);
  }

 private:
  PeerEnvironment& environment_;
  ReceivedBytes received_{};
};

}  // namespace

std::unique_ptr<grpc::Service> NewPeerService(PeerEnvironment& environment) {
  return std::make_unique<PeerService>(environment);
}

}  // namespace flotilla::server
