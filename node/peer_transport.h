// How nodes reach each other, as a port: gRPC streams in the server, links with faults in the
// simulator. Messages are bytes; delivery is best effort, in order per channel while a connection
// lasts, never twice on one connection.
#ifndef FLOTILLA_NODE_PEER_TRANSPORT_H_
#define FLOTILLA_NODE_PEER_TRANSPORT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "node/founding_plan.h"

namespace flotilla::node {

// Each has its own connection, so that bulk never delays heartbeats (tikv#442).
enum class PeerChannel : uint8_t { kUrgent = 0, kAppend = 1, kBulk = 2 };
inline constexpr int kPeerChannelCount = 3;

// A member of the founding group of a cluster, or a node that joined later.
struct NodeAddress {
  NodeId node;
  Incarnation incarnation;
  std::string peer_address;
  std::string client_address;

  friend bool operator==(const NodeAddress&, const NodeAddress&) = default;
};

// What a node says of itself before anything else. Encoded by node/address_codec.h.
struct Hello {
  uint32_t protocol_oldest = 1;
  uint32_t protocol_newest = 1;
  NodeAddress self;
  ClusterId cluster;  // none: this node's folder is empty
  uint32_t initial_nodes = 0;
  FoundingPlan plan;  // of a cluster to be founded, or the one that this node's was founded with
  std::vector<std::string> join;  // sorted
  // The founding members, in the order of their ids; empty while none is formed.
  std::vector<NodeAddress> founders;
  // Where other nodes are that the sender knows. A hint: whoever is there is asked for itself.
  std::vector<std::string> others;
};

class PeerTransport {
 public:
  virtual ~PeerTransport() = default;

  // Where to dial that node. A changed address replaces the connections.
  virtual void SetPeer(NodeId node, const std::string& address) = 0;

  // Queues bytes for a peer; dropped when it is not connected or its queue is full, as a network
  // may always do. Never blocks.
  virtual void Send(NodeId to, PeerChannel channel, std::string bytes) = 0;

  // Asks whoever listens at `address` for its Hello, telling it ours; `done` runs on the node's
  // executor, within about a second.
  virtual void Exchange(const std::string& address, std::string hello,
                        absl::AnyInvocable<void(absl::StatusOr<std::string>)> done) = 0;
};

// What the transport tells the node, on the node's executor.
class PeerEvents {
 public:
  virtual ~PeerEvents() = default;
  // The other end of Exchange: the reply to its Hello, or why it is refused.
  virtual absl::StatusOr<std::string> OnExchange(std::string_view hello) = 0;
  // The first message of every incoming stream: whether the peer may talk to us at all
  // (kFailedPrecondition: another cluster, a wiped disk under a known id, no common version).
  virtual absl::StatusOr<NodeId> OnHandshake(std::string_view hello) = 0;
  // Our Hello for the streams that the transport opens.
  virtual std::string LocalHello() = 0;

  virtual void OnPeerMessage(NodeId from, PeerChannel channel, std::string_view bytes) = 0;
  // The urgent connection to that node is up, or broke: a hint that it may have died.
  virtual void OnPeerConnected(NodeId node) = 0;
  virtual void OnPeerLost(NodeId node) = 0;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_PEER_TRANSPORT_H_
