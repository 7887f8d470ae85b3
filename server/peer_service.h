// The listening half of the peer transport: other nodes' hellos and messages, on their way to the
// node.
#ifndef FLOTILLA_SERVER_PEER_SERVICE_H_
#define FLOTILLA_SERVER_PEER_SERVICE_H_

#include <memory>

#include "server/peer_environment.h"

namespace grpc {
class Service;
}  // namespace grpc

namespace flotilla::server {

// The environment outlives the service.
std::unique_ptr<grpc::Service> NewPeerService(PeerEnvironment& environment);

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_PEER_SERVICE_H_
