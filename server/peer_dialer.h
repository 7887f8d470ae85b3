// gRPC channels to other nodes: each with a TCP connection of its own, quick to give up.
#ifndef FLOTILLA_SERVER_PEER_DIALER_H_
#define FLOTILLA_SERVER_PEER_DIALER_H_

#include <memory>
#include <string>

#include "server/peer_environment.h"

namespace grpc {
class Channel;
}  // namespace grpc

namespace flotilla::server {

std::shared_ptr<grpc::Channel> DialPeer(PeerEnvironment& environment, const std::string& address);

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_PEER_DIALER_H_
