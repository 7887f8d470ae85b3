// One port on which gRPC services are served. Clients and peers have one each.
#ifndef FLOTILLA_SERVER_GRPC_ENDPOINT_H_
#define FLOTILLA_SERVER_GRPC_ENDPOINT_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "server/credentials.h"
#include "server/doorman.h"

namespace grpc {
class Service;
}  // namespace grpc

namespace flotilla::server {

class GrpcEndpoint {
 public:
  struct Options {
    Audience audience = Audience::kClients;
    size_t max_message_bytes = 16 << 20;
    bool reflection = false;
  };

  // Opens the door once everything behind it is ready. Services outlive the endpoint.
  static std::unique_ptr<GrpcEndpoint> Start(std::unique_ptr<Doorman> doorman,
                                             CredentialsFactory& credentials,
                                             const std::vector<grpc::Service*>& services,
                                             const Options& options);
  virtual ~GrpcEndpoint() = default;

  // "host:port", as bound.
  virtual const Address& address() const = 0;
  // Takes no new calls, lets those under way finish for `limit`, then cancels them; returns when
  // the last is gone. Idempotent.
  virtual void Shutdown(Duration limit) = 0;
};

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_GRPC_ENDPOINT_H_
