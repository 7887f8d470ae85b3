// How the client dials a node.
#ifndef FLOTILLA_CLIENT_GRPC_CONNECTION_H_
#define FLOTILLA_CLIENT_GRPC_CONNECTION_H_

#include <memory>
#include <string>
#include <string_view>

#include "flotilla/status.h"
#include <grpcpp/channel.h>
#include <grpcpp/support/status.h>

namespace flotilla::client {

// A channel with a TCP connection of its own, which begins to connect with its first call. Fresh
// for every try: waiting between tries is the core's decision, and gRPC's own back-off would add to
// it.
std::shared_ptr<grpc::Channel> Dial(const std::string& endpoint);

// Of a call that failed as a whole.
Status StatusOfCall(const grpc::Status& status, std::string_view endpoint);

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_GRPC_CONNECTION_H_
