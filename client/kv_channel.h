// The client's way to the nodes, as a port: gRPC streams in the library (grpc_kv_channel.h), lossy
// messages in the simulator. Everything happens on the core's executor.
#ifndef FLOTILLA_CLIENT_KV_CHANNEL_H_
#define FLOTILLA_CLIENT_KV_CHANNEL_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "client/operation.h"
#include "client/server_error.h"
#include "flotilla/status.h"
#include "sharding/shard_descriptor.h"

namespace flotilla::client {

// One operation on its way. Views and pointers are valid during Send only.
struct OutgoingOperation {
  uint64_t id = 0;  // of this try; the reply carries it
  const Operation* operation = nullptr;
  ReadLevel level = ReadLevel::kLinearizable;
  ShardId shard;  // none: the node finds out
  uint64_t shard_version = 0;
  // Of a write. Empty token: nobody may repeat it.
  std::string_view session_token;
  uint64_t sequence = 0;
  uint64_t acknowledged_below = 0;
  Duration timeout{0};  // how long the client waits for this try
  std::string_view traceparent;
};

struct Reply {
  uint64_t id = 0;
  std::variant<Result, ServerError> outcome;
};

struct ShardRoute {
  sharding::ShardDescriptor descriptor;
  std::string leader_endpoint;  // empty: not known
};
struct ShardMap {
  std::vector<ShardRoute> shards;
  std::vector<std::string> endpoints;  // of all nodes, for clients
};

// What happens on one connection. Never called from within a method of the connection or channel.
class KvConnectionEvents {
 public:
  // The connection stands: operations may be sent. At most once, before any other event but
  // OnClosed.
  virtual void OnOpen() = 0;
  // The last Send is on its way; the next one is welcome.
  virtual void OnSent() = 0;
  virtual void OnReplies(std::vector<Reply> replies) = 0;
  virtual void OnShardMap(StatusOr<ShardMap> map) = 0;
  // It is broken, or never came to stand. The last event: what is not answered by now may or may
  // not have arrived, except that nothing did if OnOpen never came.
  virtual void OnClosed(const Status& why) = 0;

 protected:
  ~KvConnectionEvents() = default;
};

// A stream of operations to one node. Destroying it closes it at once, without further events; that
// is allowed inside its own events too.
class KvConnection {
 public:
  virtual ~KvConnection() = default;
  // Sends one message. Only after OnOpen and not before OnSent of the previous one.
  virtual void Send(std::span<const OutgoingOperation> batch) = 0;
  // Asks for the map; OnShardMap answers, at the latest after `timeout`. One at a time.
  virtual void RequestShardMap(Duration timeout) = 0;
};

class KvChannel {
 public:
  virtual ~KvChannel() = default;
  // Begins to connect: OnOpen or OnClosed comes within about a second. `events` and the channel
  // outlive the connection.
  virtual std::unique_ptr<KvConnection> Connect(const std::string& endpoint,
                                                KvConnectionEvents& events) = 0;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_KV_CHANNEL_H_
