// Requests that this node sent to a shard's leader on behalf of its own callers. A write is sent
// once: when its answer cannot come any more, the outcome is unknown.
#ifndef FLOTILLA_NODE_FORWARDER_H_
#define FLOTILLA_NODE_FORWARDER_H_

#include <map>

#include "base/clock.h"
#include "base/ids.h"
#include "node/envelope.h"
#include "node/outbox.h"
#include "node/request.h"

namespace flotilla::node {

class Forwarder {
 public:
  // `first_id` is drawn at random, so that an answer to the life of the process before this one
  // finds nobody.
  Forwarder(Outbox& outbox, ForwardId first_id) : outbox_(outbox), next_id_(first_id) {}

  void Write(NodeId to, WriteRequest request, WriteDone done);
  void Read(NodeId to, ReadRequest request, ReadDone done);

  void OnAnswer(WriteAnswer answer);
  void OnAnswer(ReadAnswer answer);
  // The connection broke: nothing that was sent will be answered.
  void OnPeerLost(NodeId node);
  void Expire(MonoTime now);
  // This node waits for no answer any more.
  void FailAll(const Error& error);
  size_t size() const { return writes_.size() + reads_.size(); }

 private:
  template <typename Done>
  struct Sent {
    NodeId to;
    MonoTime deadline;
    Done done;
  };

  Outbox& outbox_;
  ForwardId next_id_;
  std::map<ForwardId, Sent<WriteDone>> writes_;
  std::map<ForwardId, Sent<ReadDone>> reads_;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_FORWARDER_H_
