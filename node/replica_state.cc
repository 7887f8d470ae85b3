#include "node/replica_state.h"

#include "base/status_macros.h"

namespace flotilla::node {

absl::StatusOr<ReplicaState> OpenReplicaState(storage::EngineSource& engines,
                                              const std::string& folder, std::string_view note,
                                              ShardId shard) {
  ReplicaState state;
  FLOTILLA_ASSIGN_OR_RETURN(state.engine, engines.Open(folder, note, /*create=*/false));
  FLOTILLA_ASSIGN_OR_RETURN(state.machine, kv::StateMachine::Load(*state.engine, shard));
  return state;
}

}  // namespace flotilla::node
