// shard list, split, transfer, add-replica, remove-replica, move: the shards of a cluster, and what
// an operator does to them.
#ifndef FLOTILLA_CLIENT_CLI_SHARD_COMMAND_H_
#define FLOTILLA_CLIENT_CLI_SHARD_COMMAND_H_

#include <cstdint>

#include "client/cli/context.h"
#include "flotilla/admin.h"

namespace flotilla::client::cli {

struct ShardListArguments {};
// Exit code 4 when no node answers.
ExitCode RunShardList(Context& context, const ShardListArguments& arguments);

struct ShardSplitArguments {
  uint64_t shard = 0;
  SplitOptions options;
};
ExitCode RunShardSplit(Context& context, const ShardSplitArguments& arguments);

// Of the commands that change where a shard is led and kept. They show progress on a terminal, and
// do nothing where nothing is left to do.
struct ShardReplicaArguments {
  uint64_t shard = 0;
  uint64_t node = 0;
  uint64_t to = 0;  // of a move, whose `node` is where from
};
ExitCode RunShardTransfer(Context& context, const ShardReplicaArguments& arguments);
ExitCode RunShardAddReplica(Context& context, const ShardReplicaArguments& arguments);
ExitCode RunShardRemoveReplica(Context& context, const ShardReplicaArguments& arguments);
ExitCode RunShardMove(Context& context, const ShardReplicaArguments& arguments);

}  // namespace flotilla::client::cli

#endif  // FLOTILLA_CLIENT_CLI_SHARD_COMMAND_H_
