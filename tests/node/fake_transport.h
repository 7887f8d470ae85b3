// A clock that is set by hand, and a transport that remembers: for tests of node/'s parts.
#ifndef FLOTILLA_TESTS_NODE_FAKE_TRANSPORT_H_
#define FLOTILLA_TESTS_NODE_FAKE_TRANSPORT_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "node/peer_transport.h"

namespace flotilla::node {

class FakeClock : public Clock {
 public:
  MonoTime Now() const override { return now_; }
  WallTime WallNow() const override { return WallTime(now_.time_since_epoch()); }
  void Advance(Duration by) { now_ += by; }

 private:
  MonoTime now_{std::chrono::hours(1)};
};

class FakeTransport : public PeerTransport {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<std::string>)>;
  struct Sent {
    NodeId to;
    PeerChannel channel;
    std::string bytes;
  };

  void SetPeer(NodeId node, const std::string& address) override { peers[node] = address; }
  void Send(NodeId to, PeerChannel channel, std::string bytes) override {
    sent.push_back({to, channel, std::move(bytes)});
  }
  void Exchange(const std::string& address, std::string hello, Done done) override {
    exchanges.push_back({address, std::move(hello), std::move(done)});
  }

  struct PendingExchange {
    std::string address;
    std::string hello;
    Done done;
  };
  std::vector<Sent> sent;
  std::vector<PendingExchange> exchanges;
  std::map<NodeId, std::string> peers;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_TESTS_NODE_FAKE_TRANSPORT_H_
