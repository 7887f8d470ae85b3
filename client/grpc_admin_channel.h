// An operator's calls over gRPC: few and far between, so each dials its node anew.
#ifndef FLOTILLA_CLIENT_GRPC_ADMIN_CHANNEL_H_
#define FLOTILLA_CLIENT_GRPC_ADMIN_CHANNEL_H_

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "client/admin_channel.h"

namespace flotilla::client {

// Thread-safe. `attempt_timeout` is that of a question to all nodes.
std::unique_ptr<AdminChannel> NewGrpcAdminChannel(std::vector<std::string> endpoints,
                                                  std::chrono::milliseconds attempt_timeout);

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_GRPC_ADMIN_CHANNEL_H_
