#include "client/cli/exit_code.h"

#include <string>

namespace flotilla::client::cli {

namespace {

std::string_view InWords(Outcome outcome) {
  switch (outcome) {
    case Outcome::kNotApplied:
      return "not applied";
    case Outcome::kApplied:
      return "applied";
    case Outcome::kUnknown:
      break;
  }
  return "outcome unknown";
}

std::string_view NextStepFor(const Status& status) {
  const std::string& why = status.reason();
  if (why == reason::kKeyNotFound) return "flotilla scan PREFIX shows which keys there are";
  if (why == reason::kUnreachable) {
    return "check --endpoints (or FLOTILLA_ENDPOINTS) and that the nodes run";
  }
  if (why == reason::kNoLeader) return "flotilla cluster status: a majority of the nodes must run";
  if (why == reason::kDiskFull) return "free space on the nodes' disks; writes go on by themselves";
  if (why == reason::kNotANumber) return "flotilla get shows the value";
  // Those whose own text says all there is; trying again cannot help.
  if (why == "VALUE_TOO_LARGE") return "docs/client.md lists the limits";
  if (why == "NUMBER_OVERFLOW") return "flotilla get shows the value";
  if (status.outcome() == Outcome::kUnknown) {
    return "read the key to see whether it was written; a longer --timeout rides out failovers";
  }
  switch (status.code()) {
    case StatusCode::kInvalidArgument:
      return "flotilla COMMAND --help; docs/client.md lists the limits";
    case StatusCode::kUnavailable:
    case StatusCode::kDeadlineExceeded:
      return "flotilla cluster status; a longer --timeout rides out failovers";
    case StatusCode::kResourceExhausted:
      return "try again with less load";
    case StatusCode::kPermissionDenied:
    case StatusCode::kUnauthenticated:
      return "ask the cluster's operator for access";
    default:
      return "try again; the servers' logs say more";
  }
}

ExitCode Report(std::ostream& err, std::string_view what, const Status& status,
                std::string_view outcome, std::string_view next_step) {
  err << "error: " << what << ": " << ToString(status.code());
  if (!status.reason().empty()) err << ", " << status.reason();
  if (!outcome.empty()) err << " (" << outcome << ")";
  err << "\nwhy:   " << status.message();
  for (const auto& [name, value] : status.details()) err << "; " << name << ": " << value;
  err << "\ntry:   " << next_step << "\n";
  return ExitCodeOf(status);
}

}  // namespace

ExitCode ExitCodeOf(const Status& status) {
  if (status.ok()) return kExitOk;
  if (status.outcome() == Outcome::kUnknown) return kExitUnknownOutcome;
  switch (status.code()) {
    case StatusCode::kInvalidArgument:
      return kExitUsage;
    case StatusCode::kNotFound:
      return kExitNotFound;
    case StatusCode::kUnavailable:
    case StatusCode::kDeadlineExceeded:
    case StatusCode::kResourceExhausted:
      return kExitUnavailable;
    case StatusCode::kPermissionDenied:
    case StatusCode::kUnauthenticated:
      return kExitDenied;
    default:
      return kExitOther;
  }
}

ExitCode ReportError(std::ostream& err, std::string_view what, const Status& status) {
  return Report(err, what, status, "", NextStepFor(status));
}

ExitCode ReportError(std::ostream& err, std::string_view what, const Status& status,
                     std::string_view what_next) {
  return Report(err, what, status, "", what_next);
}

ExitCode ReportWriteError(std::ostream& err, std::string_view what, const Status& status) {
  return Report(err, what, status, InWords(status.outcome()), NextStepFor(status));
}

ExitCode ReportUsageError(std::ostream& err, std::string_view why, std::string_view what_next) {
  err << "error: the command line is wrong\n"
      << "why:   " << why << "\n"
      << "try:   " << what_next << "\n";
  return kExitUsage;
}

}  // namespace flotilla::client::cli
