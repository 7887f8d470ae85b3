#include "server/grpc_peer_transport.h"

#include <chrono>
#include <utility>

#include "flotilla/internal/v1/peer.grpc.pb.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "server/peer_dialer.h"
#include "server/peer_service.h"

namespace flotilla::server {
namespace {

namespace wire = internal::v1;

// Lives until its answer.
struct ExchangeCall {
  std::unique_ptr<wire::PeerService::Stub> stub;
  grpc::ClientContext context;
  wire::ExchangeRequest request;
  wire::ExchangeResponse response;
  absl::AnyInvocable<void(absl::StatusOr<std::string>)> done;
};

}  // namespace

GrpcPeerTransport::GrpcPeerTransport(const PeerOptions& options, Executor& executor, Clock& clock,
                                     CredentialsFactory& credentials, Logger& logger,
                                     MetricsRegistry& metrics, uint64_t seed)
    : environment_{.options = options,
                   .executor = executor,
                   .clock = clock,
                   .credentials = credentials,
                   .logger = logger,
                   .metrics = metrics,
                   .random = Random(seed),
                   .events = nullptr,
                   .outstanding = {}},
      service_(NewPeerService(environment_)) {}

GrpcPeerTransport::~GrpcPeerTransport() {
  Close();
  WaitForStreams();
}

void GrpcPeerTransport::Close() {
  for (auto& [node, peer] : peers_) {
    for (auto& link : peer.links) link->Close();
  }
}

GrpcPeerTransport::Peer& GrpcPeerTransport::FindOrAdd(NodeId node) {
  const auto [it, is_new] = peers_.try_emplace(node);
  if (!is_new) return it->second;
  MetricsRegistry& registry = environment_.metrics;
  for (int i = 0; i < node::kPeerChannelCount; ++i) {
    const MetricLabels labels = {
        {"peer", flotilla::ToString(node)},
        {"channel", std::string(ToString(static_cast<node::PeerChannel>(i)))}};
    it->second.metrics[i] = {
        .sent_bytes = &registry.AddCounter("flotilla_peer_sent_bytes_total",
                                           "Bytes of messages to a peer.", labels),
        .dropped_messages = &registry.AddCounter(
            "flotilla_peer_dropped_messages_total",
            "Messages to a peer that was not connected or whose queue was full.", labels),
        .connects = &registry.AddCounter("flotilla_peer_connects_total",
                                         "Connections made to a peer.", labels),
        .connected = &registry.AddGauge("flotilla_peer_connected",
                                        "Whether the connection to a peer is up.", labels)};
  }
  return it->second;
}

void GrpcPeerTransport::SetPeer(NodeId node, const std::string& address) {
  Peer& peer = FindOrAdd(node);
  if (peer.address == address) return;
  peer.address = address;
  for (int i = 0; i < node::kPeerChannelCount; ++i) {
    if (peer.links[i] != nullptr) peer.links[i]->Close();
    peer.links[i] = std::make_shared<PeerLink>(
        environment_, node, static_cast<node::PeerChannel>(i), address, peer.metrics[i]);
    peer.links[i]->Start();
  }
}

PeerLink* GrpcPeerTransport::LinkTo(NodeId node, node::PeerChannel channel) const {
  const auto it = peers_.find(node);
  return it == peers_.end() ? nullptr : it->second.links[static_cast<int>(channel)].get();
}

void GrpcPeerTransport::Send(NodeId to, node::PeerChannel channel, std::string bytes) {
  if (PeerLink* const link = LinkTo(to, channel)) link->Send(std::move(bytes));
}

void GrpcPeerTransport::Exchange(const std::string& address, std::string hello,
                                 absl::AnyInvocable<void(absl::StatusOr<std::string>)> done) {
  environment_.outstanding.Add();
  const auto call = std::make_shared<ExchangeCall>();
  call->stub = wire::PeerService::NewStub(DialPeer(environment_, address));
  call->context.set_deadline(std::chrono::system_clock::now() +
                             environment_.options.connect_timeout);
  call->request.set_hello(std::move(hello));
  call->done = std::move(done);
  call->stub->async()->Exchange(
      &call->context, &call->request, &call->response, [this, call](const grpc::Status& status) {
        environment_.executor.Post([call, status] {
          if (status.ok()) return call->done(std::move(*call->response.mutable_hello()));
          call->done(absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                                  status.error_message()));
        });
        environment_.outstanding.Remove();
      });
}

}  // namespace flotilla::server
