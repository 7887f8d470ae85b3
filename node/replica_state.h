// What a replica has applied: an engine with the state machine that was loaded from it.
#ifndef FLOTILLA_NODE_REPLICA_STATE_H_
#define FLOTILLA_NODE_REPLICA_STATE_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/ids.h"
#include "kv/state_machine.h"
#include "storage/engine.h"

namespace flotilla::node {

struct ReplicaState {
  // Shared with reads that run while a snapshot replaces the engine.
  std::shared_ptr<storage::Engine> engine;
  std::unique_ptr<kv::StateMachine> machine;
};
absl::StatusOr<ReplicaState> OpenReplicaState(storage::EngineSource& engines,
                                              const std::string& folder, std::string_view note,
                                              ShardId shard);

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_REPLICA_STATE_H_
