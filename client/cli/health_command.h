// cluster health: whether a cluster is well, why not, what it can bear, and what is moving.
#ifndef FLOTILLA_CLIENT_CLI_HEALTH_COMMAND_H_
#define FLOTILLA_CLIENT_CLI_HEALTH_COMMAND_H_

#include "client/cli/context.h"

namespace flotilla::client::cli {

struct ClusterHealthArguments {
  // Prints it again whenever it has changed, until it is interrupted.
  bool watch = false;
};
// Exit code 4 unless the cluster is healthy.
ExitCode RunClusterHealth(Context& context, const ClusterHealthArguments& arguments);

}  // namespace flotilla::client::cli

#endif  // FLOTILLA_CLIENT_CLI_HEALTH_COMMAND_H_
