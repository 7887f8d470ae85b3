// The three ports of a node, bound before anything else happens, so that a port in use is found out
// before the data folder is touched.
#ifndef FLOTILLA_SERVER_DOORS_H_
#define FLOTILLA_SERVER_DOORS_H_

#include <memory>
#include <optional>

#include "base/metrics.h"
#include "server/doorman.h"
#include "server/failure.h"
#include "server/http_endpoint.h"
#include "server/server_options.h"

namespace flotilla::server {

struct Doors {
  std::unique_ptr<Doorman> clients;
  std::unique_ptr<Doorman> peers;
  std::unique_ptr<HttpEndpoint> http;
};

// Raises the descriptor limit, binds, and writes the bound addresses into `options`.
std::optional<Failure> OpenDoors(ServerOptions* options, MetricsRegistry& metrics, Doors* doors);

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_DOORS_H_
