// Two nodes' transports in one process, over real connections.
#include <condition_variable>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "base/posix_clock.h"
#include "base/posix_executor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/grpc_endpoint.h"
#include "server/grpc_peer_transport.h"

namespace flotilla::server {
namespace {

using node::PeerChannel;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;

// What a node is told, as text, and how it answers hellos.
class Recorder : public node::PeerEvents {
 public:
  explicit Recorder(NodeId self) : self_(self) {}

  absl::StatusOr<std::string> OnExchange(std::string_view hello) override {
    if (refuse) return absl::FailedPreconditionError("another cluster");
    return "reply to " + std::string(hello);
  }
  absl::StatusOr<NodeId> OnHandshake(std::string_view hello) override {
    if (refuse) return absl::FailedPreconditionError("another cluster");
    return NodeId(std::stoull(std::string(hello)));
  }
  std::string LocalHello() override { return ToString(self_); }
  void OnPeerMessage(NodeId from, PeerChannel channel, std::string_view bytes) override {
    Note(ToString(from) + " " + std::string(ToString(channel)) + " " + std::string(bytes));
  }
  void OnPeerConnected(NodeId node) override { Note("connected " + ToString(node)); }
  void OnPeerLost(NodeId node) override { Note("lost " + ToString(node)); }

  // Blocks until `count` events came after those already taken; returns them.
  std::vector<std::string> Take(size_t count) {
    MutexLock lock(mu_);
    while (events_.size() < count && changed_.WaitFor(mu_, seconds(20))) {
    }
    return std::exchange(events_, {});
  }

  std::atomic<bool> refuse = false;

 private:
  void Note(std::string event) {
    MutexLock lock(mu_);
    events_.push_back(std::move(event));
    changed_.NotifyAll();
  }

  const NodeId self_;
  Mutex mu_;
  CondVar changed_;
  std::vector<std::string> events_ ABSL_GUARDED_BY(mu_);
};

class Peer {
 public:
  explicit Peer(uint64_t id, Address address = {"127.0.0.1", 0}, uint64_t says_it_is = 0)
      : events(NodeId(id)) {
    PeerOptions options;
    options.self = NodeId(says_it_is == 0 ? id : says_it_is);
    options.redial_least = milliseconds(5);
    options.redial_most = milliseconds(20);
    options.max_queued_bytes[0] = 1000;
    transport_ = std::make_unique<GrpcPeerTransport>(options, executor_, clock_, *credentials_,
                                                     logger_, metrics_, id);
    transport_->SetEvents(&events);
    auto doorman = Doorman::Listen(address, {});
    endpoint_ = GrpcEndpoint::Start(*std::move(doorman), *credentials_, {&transport_->service()},
                                    {.audience = Audience::kPeers});
  }
  ~Peer() {
    endpoint_->Shutdown(Duration(0));
    Run([this] { transport_->Close(); });
    transport_->WaitForStreams();
    executor_.Stop();
  }

  const Address& address() const { return endpoint_->address(); }

  void Run(std::function<void()> work) {
    std::promise<void> done;
    executor_.Post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }
  void Know(uint64_t id, const Address& where) {
    Run([&] { transport_->SetPeer(NodeId(id), FormatValue(where)); });
  }
  void Send(uint64_t to, PeerChannel channel, const std::string& bytes) {
    Run([&] { transport_->Send(NodeId(to), channel, bytes); });
  }
  absl::StatusOr<std::string> Exchange(const Address& where) {
    std::promise<absl::StatusOr<std::string>> reply;
    Run([&] {
      transport_->Exchange(FormatValue(where), "hello",
                           [&](absl::StatusOr<std::string> r) { reply.set_value(std::move(r)); });
    });
    return reply.get_future().get();
  }
  std::string Metrics() { return metrics_.PrometheusText(); }
  // Waits until all three channels to a peer are up.
  void AwaitChannels(uint64_t id) {
    const std::string label = "{peer=\"" + std::to_string(id) + "\",channel=\"";
    for (const char* channel : {"urgent", "append", "bulk"}) {
      const std::string up = "flotilla_peer_connected" + label + channel + "\"} 1\n";
      while (Metrics().find(up) == std::string::npos) Run([] {});
    }
  }

  Recorder events;

 private:
  PosixClock clock_;
  NullLogger logger_;
  MetricsRegistry metrics_;
  const std::unique_ptr<CredentialsFactory> credentials_ = NewInsecureCredentials();
  PosixExecutor executor_{clock_, "peer"};
  std::unique_ptr<GrpcPeerTransport> transport_;
  std::unique_ptr<GrpcEndpoint> endpoint_;
};

TEST(PeerTransport, DeliversInOrderOnEveryChannel) {
  Peer one(1);
  Peer two(2);
  one.Know(2, two.address());
  one.AwaitChannels(2);
  EXPECT_THAT(one.events.Take(1), ElementsAre("connected 2"));
  for (int i = 0; i < 3; ++i) one.Send(2, PeerChannel::kAppend, std::to_string(i));
  EXPECT_THAT(two.events.Take(3), ElementsAre("1 append 0", "1 append 1", "1 append 2"));
  one.Send(2, PeerChannel::kBulk, "b");
  EXPECT_THAT(two.events.Take(1), ElementsAre("1 bulk b"));
  one.Send(2, PeerChannel::kUrgent, std::string(500, 'u'));
  EXPECT_THAT(two.events.Take(1), ElementsAre("1 urgent " + std::string(500, 'u')));
}

TEST(PeerTransport, ReportsALostPeerAndReconnectsWhenItIsBack) {
  Peer one(1);
  Address address;
  {
    Peer two(2);
    address = two.address();
    one.Know(2, address);
    EXPECT_THAT(one.events.Take(1), ElementsAre("connected 2"));
  }
  EXPECT_THAT(one.events.Take(1), ElementsAre("lost 2"));
  one.Send(2, PeerChannel::kUrgent, "into the void");

  Peer two(2, address);
  EXPECT_THAT(one.events.Take(1), ElementsAre("connected 2"));
  one.Send(2, PeerChannel::kUrgent, "again");
  EXPECT_THAT(two.events.Take(1), ElementsAre("1 urgent again"));
}

TEST(PeerTransport, ARefusedHandshakeIsTriedAgainUntilItIsTaken) {
  Peer one(1);
  Peer two(2);
  two.events.refuse = true;
  one.Know(2, two.address());
  EXPECT_EQ(one.Exchange(two.address()).status().message(), "another cluster");
  two.events.refuse = false;
  EXPECT_THAT(one.events.Take(1), ElementsAre("connected 2"));
}

TEST(PeerTransport, NeverTakesAnotherNodeAtAPeersAddressForThePeer) {
  Peer one(1);
  Peer three(3);
  one.Know(2, three.address());
  EXPECT_TRUE(one.Exchange(three.address()).ok());
  // Its messages never arrive, and nobody is told that 2 is connected.
  one.Send(2, PeerChannel::kUrgent, "for 2");
  Peer two(2);
  one.Know(2, two.address());
  EXPECT_THAT(one.events.Take(1), ElementsAre("connected 2"));
  one.Send(2, PeerChannel::kUrgent, "now");
  EXPECT_THAT(two.events.Take(1), ElementsAre("1 urgent now"));
}

TEST(PeerTransport, DropsWhatDoesNotFitIntoItsQueue) {
  Peer one(1);
  Peer two(2);
  one.Know(2, two.address());
  one.AwaitChannels(2);
  one.events.Take(1);
  one.Send(2, PeerChannel::kUrgent, std::string(2000, 'x'));
  EXPECT_THAT(one.Metrics(),
              testing::HasSubstr(
                  "flotilla_peer_dropped_messages_total{peer=\"2\",channel=\"urgent\"} 1\n"));
  one.Send(2, PeerChannel::kUrgent, "fits");
  EXPECT_THAT(two.events.Take(1), ElementsAre("1 urgent fits"));
}

TEST(PeerTransport, ExchangesHellosWithWhoeverListens) {
  Peer one(1);
  Peer two(2);
  EXPECT_EQ(*one.Exchange(two.address()), "reply to hello");
  EXPECT_FALSE(one.Exchange({"127.0.0.1", 1}).ok());
}

}  // namespace
}  // namespace flotilla::server
