// The errors that a node answers with: one function per reason, so that code, outcome and words are
// chosen in one place.
#ifndef FLOTILLA_NODE_ERRORS_H_
#define FLOTILLA_NODE_ERRORS_H_

#include <string>

#include "absl/status/status.h"
#include "node/request.h"

namespace flotilla::node {

Error InvalidRequest(const absl::Status& why);
Error PermissionDenied(const absl::Status& why);
Error NotLeader(const Route& route);
Error NoLeader();
Error WrongShard(const Route& known);
Error Overloaded(std::string what);
Error DiskFull();
Error DeadlineExceeded(Outcome outcome);
Error LeadershipLost(Outcome outcome);
Error ForwardLost(NodeId to, Outcome outcome);
Error ShuttingDown();
// What may pass is kUnavailable here, damage kDataLoss; another node serves in both cases.
Error ReplicaFailed(const absl::Status& why);
Error NotReady(const std::string& why);

// What the state machine said, as an answer: refusals that a client must act on become errors.
WriteReply ToReply(kv::CommandResult result);

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_ERRORS_H_
