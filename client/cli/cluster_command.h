// cluster status: every node and replica, and what is wrong.
#ifndef FLOTILLA_CLIENT_CLI_CLUSTER_COMMAND_H_
#define FLOTILLA_CLIENT_CLI_CLUSTER_COMMAND_H_

#include <chrono>
#include <optional>

#include "client/cli/context.h"

namespace flotilla::client::cli {

struct ClusterStatusArguments {
  // Asks again until the cluster is healthy, for that long at most.
  std::optional<std::chrono::milliseconds> wait;
};
// Exit code 4 unless the cluster is healthy.
ExitCode RunClusterStatus(Context& context, const ClusterStatusArguments& arguments);

}  // namespace flotilla::client::cli

#endif  // FLOTILLA_CLIENT_CLI_CLUSTER_COMMAND_H_
