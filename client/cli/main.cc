#include <fcntl.h>
#include <unistd.h>

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

StatusOr<std::unique_ptr<Admin>> ConnectAdmin(const std::string& endpoints,
                                              const AdminOptions& options) {
  return Admin::Connect(endpoints, options);
}

// The first socket would take the place of a standard descriptor that is closed. What stands in for
// it fails when it is used.
void OccupyStandardDescriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(descriptor, F_GETFD) != -1) continue;
    (void)open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

}  // namespace

int Main(int argc, char** argv) {
  OccupyStandardDescriptors();
  std::ios::sync_with_stdio(false);
  // SIGPIPE stays as it is: `flotilla export | head` ends quietly, as everywhere.
  Environment environment{.in = std::cin,
                          .out = std::cout,
                          .err = std::cerr,
                          .out_is_terminal = isatty(STDOUT_FILENO) == 1,
                          .err_is_terminal = isatty(STDERR_FILENO) == 1,
                          .connect = Connect,
                          .describe_cluster = DescribeCluster,
                          .connect_admin = ConnectAdmin};
  return RunCommandLine({argv + 1, argv + argc}, environment);
}

}  // namespace flotilla::client::cli

int main(int argc, char** argv) { return flotilla::client::cli::Main(argc, argv); }
