#include <unistd.h>

#include <csignal>
#include <iostream>
#include <memory>
#include <utility>

#include "client/cli/environment.h"
#include "client/endpoints.h"
#include "client/grpc_cluster.h"

namespace flotilla::client::cli {

namespace {

StatusOr<std::unique_ptr<KvClient>> Connect(const std::string& endpoints,
                                            const ClientOptions& options) {
  auto client = Client::Connect(endpoints, options);
  if (!client.ok()) return client.status();
  return std::unique_ptr<KvClient>(*std::move(client));
}

StatusOr<ClusterStatus> DescribeCluster(const std::string& endpoints,
                                        std::chrono::milliseconds timeout) {
  auto parsed = ParseEndpoints(endpoints);
  if (!parsed.ok()) return parsed.status();
  return AskAllNodes(*parsed, timeout);
}

}  // namespace

}  // namespace flotilla::client::cli

int main(int argc, char** argv) {
  namespace cli = flotilla::client::cli;
  std::ios::sync_with_stdio(false);
  // `flotilla export | head` ends with an error, not with a signal in the middle of a line.
  std::signal(SIGPIPE, SIG_IGN);
  cli::Environment environment{std::cin,
                               std::cout,
                               std::cerr,
                               isatty(STDOUT_FILENO) == 1,
                               isatty(STDERR_FILENO) == 1,
                               cli::Connect,
                               cli::DescribeCluster};
  return cli::RunCommandLine({argv + 1, argv + argc}, environment);
}
