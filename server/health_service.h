// grpc.health.v1.Health, for the whole server and for each of its services. Our own because gRPC's
// never ends a Watch that is open when the server shuts down (seen with 1.51), and because its
// descriptor must be linked in for tools to call it.
#ifndef FLOTILLA_SERVER_HEALTH_SERVICE_H_
#define FLOTILLA_SERVER_HEALTH_SERVICE_H_

#include <memory>
#include <string>
#include <vector>

namespace grpc {
class Service;
}  // namespace grpc

namespace flotilla::server {

// Thread-safe.
class HealthService {
 public:
  // "" is the whole server. Nothing serves at first.
  static std::unique_ptr<HealthService> Create(std::vector<std::string> services);
  virtual ~HealthService() = default;

  virtual grpc::Service& service() = 0;
  // Of all services; whoever watches is told.
  virtual void SetServing(bool serving) = 0;
  // Ends all watches. SetServing does nothing from now on.
  virtual void Stop() = 0;
};

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_HEALTH_SERVICE_H_
