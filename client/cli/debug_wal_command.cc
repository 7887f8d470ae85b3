#include "client/cli/debug_wal_command.h"

#include <string_view>

#include "base/posix_disk.h"
#include "base/status_macros.h"
#include "storage/log_dump.h"

namespace flotilla::client::cli {

ExitCode RunDebugWalDump(Context& context, const DebugWalArguments& arguments) {
  PosixDisk disk;
  std::ostream& out = context.environment().out;
  const auto format = context.options.output == OutputFormat::kJson ? storage::DumpFormat::kJson
                                                                    : storage::DumpFormat::kText;
  bool found = false;
  const absl::Status dumped =
      storage::DumpLog(disk, arguments.folder, format, [&](std::string_view line) {
        found = true;
        out << line << "\n";
      });
  if (dumped.ok() && found) return kExitOk;
  if (dumped.ok()) {
    return ReportUsageError(context.environment().err,
                            arguments.folder + " holds no segment of a log",
                            "the log is a folder in the data folder: " + arguments.folder + "/log");
  }
  return context.Report(
      "debug wal dump " + arguments.folder,
      Status(static_cast<StatusCode>(dumped.raw_code()), std::string(StdView(dumped.message()))));
}

}  // namespace flotilla::client::cli
