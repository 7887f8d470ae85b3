#include <fstream>
#include <utility>

#include "client/cli/progress.h"
#include "client/cli/transfer_commands.h"

namespace flotilla::client::cli {

namespace {

ExitCode Export(Context& context, const ExportArguments& arguments, KvClient& client,
                std::ostream& out) {
  Environment& environment = context.environment();
  Progress progress(environment, "export", std::nullopt);
  ScanOptions options;
  if (arguments.stale) options.level = ReadLevel::kStale;
  for (auto& entry : client.Scan(arguments.range, options)) {
    if (!entry.ok()) {
      return context.Report("export, after " + std::to_string(progress.records()) + " records",
                            entry.status());
    }
    const std::string line = FormatRecord({entry->key, entry->value}, arguments.format);
    out << line << "\n";
    if (!out) break;  // the reader of a pipe went away, or the disk is full
    progress.Add(line.size() + 1);
  }
  out.flush();
  if (!out) {
    return context.Report("export", Status(StatusCode::kInternal, "the output cannot be written"));
  }
  environment.err << "exported " << progress.Summary() << "\n";
  return kExitOk;
}

}  // namespace

ExitCode RunExport(Context& context, const ExportArguments& arguments) {
  Environment& environment = context.environment();
  KvClient* client = context.Connect();
  if (client == nullptr) return kExitUsage;
  if (!arguments.file.has_value() || *arguments.file == "-") {
    return Export(context, arguments, *client, environment.out);
  }
  std::ofstream file(*arguments.file, std::ios::binary | std::ios::trunc);
  if (!file) {
    return ReportUsageError(environment.err, "cannot write " + *arguments.file,
                            "name a file in a folder that you may write to");
  }
  return Export(context, arguments, *client, file);
}

}  // namespace flotilla::client::cli
