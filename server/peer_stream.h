// One connection to another node for one channel, from its first message to its end. Carries
// messages one way, away from us.
#ifndef FLOTILLA_SERVER_PEER_STREAM_H_
#define FLOTILLA_SERVER_PEER_STREAM_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "base/ids.h"
#include "node/peer_transport.h"
#include "server/peer_environment.h"

namespace flotilla::server {

// Thread-safe.
class PeerStream {
 public:
  // Both run on threads of gRPC. `up`: the peer took our hello and says who it is. `down`: the
  // connection broke or was never made; exactly once, and nothing comes after it.
  struct Events {
    std::function<void(NodeId node)> up;
    std::function<void(absl::Status why)> down;
  };

  static std::shared_ptr<PeerStream> Open(PeerEnvironment& environment, const std::string& address,
                                          node::PeerChannel channel, std::string hello,
                                          Events events);
  virtual ~PeerStream() = default;

  // Queues a message; false when it was dropped: not up, or the queue is full.
  virtual bool Send(std::string message) = 0;
  // Ends in `down`, soon.
  virtual void Close() = 0;
};

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_PEER_STREAM_H_
