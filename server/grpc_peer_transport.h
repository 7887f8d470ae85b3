// node::PeerTransport over gRPC: three streams away from us to every peer, each on a TCP connection
// of its own, and a service that takes the peers' streams to us.
#ifndef FLOTILLA_SERVER_GRPC_PEER_TRANSPORT_H_
#define FLOTILLA_SERVER_GRPC_PEER_TRANSPORT_H_

#include <array>
#include <map>
#include <memory>
#include <string>

#include "node/peer_transport.h"
#include "server/peer_environment.h"
#include "server/peer_link.h"

namespace grpc {
class Service;
}  // namespace grpc

namespace flotilla::server {

// Lives on the executor, but for what says otherwise.
class GrpcPeerTransport : public node::PeerTransport {
 public:
  // All outlive the transport; the executor has stopped before the transport is destroyed.
  GrpcPeerTransport(const PeerOptions& options, Executor& executor, Clock& clock,
                    CredentialsFactory& credentials, Logger& logger, MetricsRegistry& metrics,
                    uint64_t seed);
  ~GrpcPeerTransport() override;

  // What GrpcEndpoint serves to peers. From any thread.
  grpc::Service& service() { return *service_; }

  // Who is told; null again before the node goes. Needed before any SetPeer.
  void SetEvents(node::PeerEvents* events) { environment_.events = events; }
  // Ends all streams to peers.
  void Close();
  // Off the executor, after Close: waits until gRPC has forgotten all of them.
  void WaitForStreams() { environment_.outstanding.WaitForNone(); }

  void SetPeer(NodeId node, const std::string& address) override;
  void Send(NodeId to, node::PeerChannel channel, std::string bytes) override;
  void Exchange(const std::string& address, std::string hello,
                absl::AnyInvocable<void(absl::StatusOr<std::string>)> done) override;

 private:
  struct Peer {
    std::string address;
    std::array<PeerLinkMetrics, node::kPeerChannelCount> metrics;
    std::array<std::shared_ptr<PeerLink>, node::kPeerChannelCount> links;
  };
  Peer& FindOrAdd(NodeId node);
  PeerLink* LinkTo(NodeId node, node::PeerChannel channel) const;

  PeerEnvironment environment_;
  const std::unique_ptr<grpc::Service> service_;
  std::map<NodeId, Peer> peers_;
};

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_GRPC_PEER_TRANSPORT_H_
