// Asks the nodes of a cluster how they are. For people and their tools, apart from the data path.
#ifndef FLOTILLA_CLIENT_GRPC_CLUSTER_H_
#define FLOTILLA_CLIENT_GRPC_CLUSTER_H_

#include <chrono>
#include <string>
#include <vector>

#include "flotilla/cluster_status.h"

namespace flotilla::client {

// Asks `endpoints`, then every further node that those name, each round at the same time. Blocks,
// for `timeout` per round at most; a node that does not answer is in the result with its error.
ClusterStatus AskAllNodes(const std::vector<std::string>& endpoints,
                          std::chrono::milliseconds timeout);

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_GRPC_CLUSTER_H_
