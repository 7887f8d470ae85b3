// What the commands that change a cluster share: the connection, progress, and how they end.
#ifndef FLOTILLA_CLIENT_CLI_ADMIN_OPERATION_H_
#define FLOTILLA_CLIENT_CLI_ADMIN_OPERATION_H_

#include <chrono>
#include <memory>
#include <string>

#include "client/cli/context.h"
#include "client/cli/progress.h"
#include "flotilla/admin.h"

namespace flotilla::client::cli {

// "3.2 s"
std::string InSeconds(double seconds);

// One run of an operation: connects, shows how it goes on, and says in the end what was done.
class AdminOperation {
 public:
  // `name` as in "shard split 1". `overview` is what to look at when it was about something that is
  // not there, or not as it should be. The context outlives it.
  AdminOperation(Context& context, std::string name, std::string overview);

  // Null when that failed; the error has been reported then.
  Admin* Connect();
  double seconds() const;
  ExitCode Report(const Status& status);
  // Clears the line that showed the progress.
  void Finish() { line_.Clear(); }

 private:
  Context& context_;
  const std::string name_;
  const std::string overview_;
  StatusLine line_;
  const std::chrono::steady_clock::time_point started_;
  std::unique_ptr<Admin> admin_;
};

}  // namespace flotilla::client::cli

#endif  // FLOTILLA_CLIENT_CLI_ADMIN_OPERATION_H_
