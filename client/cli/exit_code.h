// What scripts decide by, and the three lines in which people are told: what, why, what to do next.
#ifndef FLOTILLA_CLIENT_CLI_EXIT_CODE_H_
#define FLOTILLA_CLIENT_CLI_EXIT_CODE_H_

#include <ostream>
#include <string_view>

#include "flotilla/status.h"

namespace flotilla::client::cli {

enum ExitCode : int {
  kExitOk = 0,
  kExitOther = 1,
  kExitUsage = 2,
  kExitNotFound = 3,  // or a condition that did not hold
  kExitUnavailable = 4,
  kExitDenied = 5,
  kExitUnknownOutcome = 6,
};

ExitCode ExitCodeOf(const Status& status);

// Writes the three lines; returns the exit code. `what` as in "put \"k\"".
ExitCode ReportError(std::ostream& err, std::string_view what, const Status& status);
// Where the command knows better than the status what to do.
ExitCode ReportError(std::ostream& err, std::string_view what, const Status& status,
                     std::string_view what_next);
// The same of a write: says what became of it.
ExitCode ReportWriteError(std::ostream& err, std::string_view what, const Status& status);
ExitCode ReportUsageError(std::ostream& err, std::string_view why, std::string_view what_next);

}  // namespace flotilla::client::cli

#endif  // FLOTILLA_CLIENT_CLI_EXIT_CODE_H_
