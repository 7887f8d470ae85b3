// A transport that shows what a node hands to the network, before anything can get lost.
#ifndef FLOTILLA_TESTS_SIMULATION_CLUSTER_WATCHED_TRANSPORT_H_
#define FLOTILLA_TESTS_SIMULATION_CLUSTER_WATCHED_TRANSPORT_H_

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "node/peer_transport.h"

namespace flotilla::simulation {

class WatchedTransport : public node::PeerTransport {
 public:
  using Watcher = std::function<void(std::string_view bytes)>;

  // The transport outlives this.
  WatchedTransport(node::PeerTransport& transport, Watcher watcher)
      : transport_(transport), watcher_(std::move(watcher)) {}

  void SetPeer(NodeId node, const std::string& address) override {
    transport_.SetPeer(node, address);
  }
  void Send(NodeId to, node::PeerChannel channel, std::string bytes) override {
    watcher_(bytes);
    transport_.Send(to, channel, std::move(bytes));
  }
  void Exchange(const std::string& address, std::string hello,
                absl::AnyInvocable<void(absl::StatusOr<std::string>)> done) override {
    transport_.Exchange(address, std::move(hello), std::move(done));
  }

 private:
  node::PeerTransport& transport_;
  const Watcher watcher_;
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_CLUSTER_WATCHED_TRANSPORT_H_
