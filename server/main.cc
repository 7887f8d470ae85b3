// flotillad: a node of a Flotilla cluster.
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "base/posix_clock.h"
#include "base/status_macros.h"
#include "server/configuration.h"
#include "server/failure.h"
#include "server/json_logger.h"
#include "server/node_host.h"
#include "server/signals.h"
#include "server/version.h"

namespace flotilla::server {
namespace {

// How much longer than its own limit a stop may take before it is forced.
constexpr Duration kStopGrace = std::chrono::seconds(5);

int End(const Failure& failure) {
  std::cerr << Render(failure);
  return static_cast<int>(failure.code);
}

int RefuseConfiguration(const absl::Status& why) {
  return End({.code = ExitCode::kUsage,
              .what = "the settings are not valid",
              .why = std::string(StdView(why.message())),
              .remedy = "flotillad --help lists all settings, --print-config shows their origins"});
}

void WarnWhenOpen(const ServerOptions& options, Logger& logger) {
  for (const Address& address : {options.listen_client, options.listen_peer, options.listen_http}) {
    if (IsLoopback(address)) continue;
    logger.Warning("insecure", {{"listen", FormatValue(address)},
                                {"why",
                                 "open to the network, without encryption and access "
                                 "control; whoever reaches it can read and change all"}});
  }
}

// A running node stops by itself when it cannot keep its promises, or must not take part.
Failure FailureOf(const ServerOptions& options, const absl::Status& why) {
  const std::string reason(StdView(why.message()));
  if (absl::IsFailedPrecondition(why)) {
    return {.code = ExitCode::kDataFolder,
            .what = "the cluster does not take this node with the data folder " + options.data_dir,
            .why = reason,
            .remedy =
                "check --data-dir, --node-id and --join; a node whose disk was lost starts "
                "again under a new number, with an empty folder"};
  }
  return {.code = ExitCode::kFatal,
          .what = "the node can no longer keep its promises and has stopped at once",
          .why = reason,
          .remedy =
              "check the disk and the log above; nothing that was acknowledged is lost while a "
              "majority of the nodes is well"};
}

int Serve(const ServerOptions& options) {
  BlockStopSignals();
  PosixClock clock;
  JsonLogger logger(clock, NodeId(options.node_id), options.log_level, STDERR_FILENO);
  StopSignals signals(options.stop_timeout + kStopGrace, logger);
  logger.Info("starting", {{"version", Version()}, {"data_dir", options.data_dir}});
  WarnWhenOpen(options, logger);

  const auto on_fatal = [&logger, &options](const absl::Status& why) {
    logger.Error("fatal", {{"why", why.ToString()}});
    // Nothing may run any more, destructors included: they would write.
    std::_Exit(End(FailureOf(options, why)));
  };
  Failure failure;
  const auto host = NodeHost::Start(options, clock, logger, on_fatal, &failure);
  if (host == nullptr) {
    logger.Error("cannot_start", {{"what", failure.what}, {"why", failure.why}});
    return End(failure);
  }
  logger.Info("started", {{"client", FormatValue(host->options().listen_client)},
                          {"peer", FormatValue(host->options().listen_peer)},
                          {"http", FormatValue(host->options().listen_http)}});
  signals.Wait();
  logger.Info("stopping");
  host->Stop(options.stop_timeout);
  logger.Info("stopped");
  // The log is closed and nothing is left to save: destructors would only wait for compactions and
  // for peers that are gone.
  std::_Exit(static_cast<int>(ExitCode::kOk));
}

int Main(const std::vector<std::string>& arguments, const std::vector<std::string>& environment) {
  const absl::StatusOr<CommandLine> command_line = ParseCommandLine(arguments);
  if (!command_line.ok()) return RefuseConfiguration(command_line.status());
  if (command_line->action == CommandLine::Action::kHelp) {
    std::cout << Help();
    return 0;
  }
  if (command_line->action == CommandLine::Action::kVersion) {
    std::cout << "flotillad " << Version() << "\n";
    return 0;
  }
  const absl::StatusOr<Configuration> configuration = Configure(*command_line, environment);
  if (!configuration.ok()) return RefuseConfiguration(configuration.status());
  if (command_line->action == CommandLine::Action::kCheckConfig) {
    std::cout << "the settings are valid\n";
    return 0;
  }
  if (command_line->action == CommandLine::Action::kPrintConfig) {
    std::cout << PrintConfiguration(*configuration);
    return 0;
  }
  return Serve(configuration->options);
}

}  // namespace
}  // namespace flotilla::server

int main(int argc, char** argv) {
  std::vector<std::string> environment;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    environment.emplace_back(*variable);
  }
  return flotilla::server::Main({argv + 1, argv + argc}, environment);
}
