// What the commands share: the options that all of them take, the connection, and the way results
// and errors are shown.
#ifndef FLOTILLA_CLIENT_CLI_CONTEXT_H_
#define FLOTILLA_CLIENT_CLI_CONTEXT_H_

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "client/cli/environment.h"
#include "client/cli/exit_code.h"
#include "client/cli/printer.h"
#include "flotilla/client.h"

namespace flotilla::client::cli {

struct GlobalOptions {
  std::string endpoints = "localhost:6170";
  std::optional<OutputFormat> output;
  // None: the command's own default.
  std::optional<std::chrono::milliseconds> timeout;
};

class Context {
 public:
  // The environment outlives the context.
  explicit Context(Environment& environment) : environment_(environment) {}

  GlobalOptions options;

  // Connects on the first call. Null when that failed; the error has been reported then.
  KvClient* Connect();
  std::chrono::milliseconds TimeoutOr(std::chrono::milliseconds otherwise) const {
    return options.timeout.value_or(otherwise);
  }

  bool WantsJson() const { return options.output == OutputFormat::kJson; }
  // Asks every node how it is. An error when none answers.
  StatusOr<ClusterStatus> DescribeCluster();

  Printer MakePrinter() const;
  // `what` as in "put \"k\"".
  ExitCode Report(std::string_view what, const Status& status) const {
    return ReportError(environment_.err, what, status);
  }
  ExitCode ReportWrite(std::string_view what, const Status& status) const {
    return ReportWriteError(environment_.err, what, status);
  }
  Environment& environment() { return environment_; }

 private:
  Environment& environment_;
  std::unique_ptr<KvClient> client_;
};

// "\"k\"": a key for a message.
std::string Quoted(std::string_view key);

}  // namespace flotilla::client::cli

#endif  // FLOTILLA_CLIENT_CLI_CONTEXT_H_
