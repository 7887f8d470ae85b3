// What the current turn of the loop wants to tell peers. One envelope per peer and channel leaves
// when the turn ends: batching that grows with load and costs nothing at idle.
#ifndef FLOTILLA_NODE_OUTBOX_H_
#define FLOTILLA_NODE_OUTBOX_H_

#include <map>
#include <utility>

#include "base/clock.h"
#include "base/ids.h"
#include "node/envelope.h"
#include "node/peer_transport.h"

namespace flotilla::node {

class Outbox {
 public:
  Outbox(PeerTransport& transport, const Clock& clock) : transport_(transport), clock_(clock) {}

  void Add(NodeId to, const PeerItem& item);
  void Add(const raft::Message& message) { Add(message.to.node, message); }
  void Flush();

 private:
  PeerTransport& transport_;
  const Clock& clock_;
  // Ordered, so that peers are served in the same order in every run of a seed.
  std::map<std::pair<NodeId, PeerChannel>, EnvelopeWriter> writers_;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_OUTBOX_H_
