// A small HTTP server for metrics and health. Connections that say nothing, or read slowly, never
// keep a probe from its answer: none waits for another, and the oldest goes when there are too
// many.
#ifndef FLOTILLA_SERVER_HTTP_ENDPOINT_H_
#define FLOTILLA_SERVER_HTTP_ENDPOINT_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/doorman.h"
#include "server/http_message.h"

namespace flotilla::server {

// Runs on the endpoint's thread; must not wait for long.
using HttpPage = std::function<HttpReply(const HttpQuery&)>;

class HttpEndpoint {
 public:
  // Serves once it is told to; callers wait in the door's backlog until then.
  static std::unique_ptr<HttpEndpoint> Create(std::unique_ptr<Doorman> doorman);
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
