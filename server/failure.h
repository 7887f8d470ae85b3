// Why the process ends, for the person who started it and for the script that watches it.
#ifndef FLOTILLA_SERVER_FAILURE_H_
#define FLOTILLA_SERVER_FAILURE_H_

#include <string>

namespace flotilla::server {

// Stable; docs/operations.md lists them.
enum class ExitCode {
  kOk = 0,
  kOther = 1,
  kUsage = 2,        // flags, environment, configuration file
  kDataFolder = 3,   // in use, another's, unreadable, damaged, of another format, full
  kAddress = 4,      // a port is in use, an address is not this machine's
  kLimits = 5,       // too few file descriptors
  kStopOverdue = 6,  // a stop was asked for and did not end in time
  kFatal = 70,       // the node could no longer keep its promises and stopped at once
};

struct Failure {
  ExitCode code = ExitCode::kOther;
  std::string what;
  std::string why;
  std::string remedy;
};

// Three lines: what, why, what to do.
std::string Render(const Failure& failure);

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_FAILURE_H_
