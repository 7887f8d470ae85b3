// flotilla.v1.ClusterService on a node.
#ifndef FLOTILLA_SERVER_CLUSTER_SERVICE_H_
#define FLOTILLA_SERVER_CLUSTER_SERVICE_H_

#include <memory>
#include <string>

#include "base/executor.h"
#include "node/authorizer.h"
#include "node/node.h"

namespace grpc {
class Service;
}  // namespace grpc

namespace flotilla::server {

// All outlive the service.
std::unique_ptr<grpc::Service> NewClusterService(node::Node& node, Executor& executor,
                                                 node::Authorizer& authorizer,
                                                 std::string server_version);

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_CLUSTER_SERVICE_H_
