// A small HTTP server for metrics and health, on threads of its own.
#ifndef FLOTILLA_SERVER_HTTP_ENDPOINT_H_
#define FLOTILLA_SERVER_HTTP_ENDPOINT_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/value_text.h"

namespace flotilla::server {

struct HttpReply {
  int status = 200;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
};
struct HttpQuery {
  bool verbose = false;
};
// Runs on a thread of the endpoint; must not wait for long.
using HttpPage = std::function<HttpReply(const HttpQuery&)>;

class HttpEndpoint {
 public:
  // Binds; kAlreadyExists when the port is in use, kInternal otherwise.
  static absl::StatusOr<std::unique_ptr<HttpEndpoint>> Listen(const Address& address);
  virtual ~HttpEndpoint() = default;

  // As bound.
  virtual const Address& address() const = 0;
  // By path: "/metrics". Once.
  virtual void Serve(std::map<std::string, HttpPage> pages) = 0;
  // Idempotent.
  virtual void Stop() = 0;
};

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_HTTP_ENDPOINT_H_
