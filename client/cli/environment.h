// What the command-line tool sees of the world, so that tests can show it another one.
#ifndef FLOTILLA_CLIENT_CLI_ENVIRONMENT_H_
#define FLOTILLA_CLIENT_CLI_ENVIRONMENT_H_

#include <chrono>
#include <functional>
#include <istream>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include "flotilla/admin.h"
#include "flotilla/client.h"

namespace flotilla::client::cli {

// All references outlive the run.
struct Environment {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  std::function<StatusOr<std::unique_ptr<KvClient>>(const std::string& endpoints,
                                                    const ClientOptions& options)>
      connect;
  std::function<StatusOr<ClusterStatus>(const std::string& endpoints,
                                        std::chrono::milliseconds timeout)>
      describe_cluster;
  std::function<StatusOr<std::unique_ptr<Admin>>(const std::string& endpoints,
                                                 const AdminOptions& options)>
      connect_admin;
  std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
  // Between two looks of a command that watches; false ends it.
  std::function<bool(std::chrono::milliseconds time)> pause = [](std::chrono::milliseconds time) {
    std::this_thread::sleep_for(time);
    return true;
  };
};

// `args` without the program's name. Returns the exit code (exit_code.h).
int RunCommandLine(std::vector<std::string> args, Environment& environment);

}  // namespace flotilla::client::cli

#endif  // FLOTILLA_CLIENT_CLI_ENVIRONMENT_H_
