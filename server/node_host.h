// Gives a node a process to live in: the real clock, disk, threads and network, and the doors to
// its clients, its peers and the people who watch it. The one place that makes the real things.
#ifndef FLOTILLA_SERVER_NODE_HOST_H_
#define FLOTILLA_SERVER_NODE_HOST_H_

#include <functional>
#include <memory>

#include "base/clock.h"
#include "base/logger.h"
#include "base/metrics.h"
#include "server/failure.h"
#include "server/server_options.h"

namespace flotilla::server {

class NodeHost {
 public:
  // The process cannot go on: a failed sync, a broken promise. From any thread, at most once.
  using OnFatal = std::function<void(const absl::Status&)>;

  // Binds all ports, then opens the data folder (blocking), then serves. `options` are valid. On
  // failure returns null, has changed nothing but perhaps created an empty folder, and says why in
  // `failure`. Logger and clock outlive the host.
  static std::unique_ptr<NodeHost> Start(const ServerOptions& options, Clock& clock, Logger& logger,
                                         OnFatal on_fatal, Failure* failure);
  virtual ~NodeHost() = default;

  // Graceful: health says no, new requests are refused, leadership goes elsewhere, what is pending
  // is answered, the log is closed. Blocking, for about `limit`. Once; what is left then is to end
  // the process.
  virtual void Stop(Duration limit) = 0;

  // With the addresses as bound.
  virtual const ServerOptions& options() const = 0;
};

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_NODE_HOST_H_
