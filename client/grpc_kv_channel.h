// The KvChannel of the library: one Pipeline stream per node, on a connection of its own.
#ifndef FLOTILLA_CLIENT_GRPC_KV_CHANNEL_H_
#define FLOTILLA_CLIENT_GRPC_KV_CHANNEL_H_

#include <memory>
#include <string>

#include "client/grpc_event_loop.h"
#include "client/kv_channel.h"

namespace flotilla::client {

class GrpcKvChannel final : public KvChannel {
 public:
  // The loop and the clock outlive the channel.
  GrpcKvChannel(GrpcEventLoop& loop, const Clock& clock) : loop_(loop), clock_(clock) {}

  std::unique_ptr<KvConnection> Connect(const std::string& endpoint,
                                        KvConnectionEvents& events) override;

 private:
  GrpcEventLoop& loop_;
  const Clock& clock_;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_GRPC_KV_CHANNEL_H_
