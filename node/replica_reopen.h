// A replica that stopped for a reason that may pass (no space, too many open files, an engine whose
// background job failed) begins again in the same process: its engine is opened anew, and what the
// engine lacks is applied again from the log. Nothing is lost, so nobody is asked for help.
#ifndef FLOTILLA_NODE_REPLICA_REOPEN_H_
#define FLOTILLA_NODE_REPLICA_REOPEN_H_

#include <memory>
#include <optional>

#include "base/clock.h"
#include "node/replica_context.h"
#include "node/replica_start.h"

namespace flotilla::node {

// When to try again: soon after the first failure, later after each that follows closely.
class ReopenBackoff {
 public:
  // The moment of the next attempt.
  MonoTime Failed(MonoTime now);

 private:
  std::optional<MonoTime> last_failure_;
  Duration delay_{};
};

// Does for one replica what a restart would. Preconditions: it lives in the log, is not suspect,
// and does not run: its engine is closed. The work goes on as long as the caller keeps what is
// returned.
std::shared_ptr<void> ReopenReplica(ShardId shard, ReplicaContext& context, ReplicaStarted done);

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_REPLICA_REOPEN_H_
