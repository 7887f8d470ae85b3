// import and export: many records at once. Export writes what import reads.
#ifndef FLOTILLA_CLIENT_CLI_TRANSFER_COMMANDS_H_
#define FLOTILLA_CLIENT_CLI_TRANSFER_COMMANDS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "client/cli/context.h"
#include "client/cli/record_format.h"
#include "flotilla/types.h"

namespace flotilla::client::cli {

struct ImportArguments {
  std::optional<std::string> file;  // none or "-": standard input
  std::optional<RecordFormat> format;
  uint64_t skip = 0;  // records at the beginning that are stored already
  size_t in_flight = 4096;
};
// Puts every record, thousands at the same time; records of one key in their order. Stops at the
// first that fails and says how many at the beginning are stored: doing those again is safe, and
// --skip leaves them out.
ExitCode RunImport(Context& context, const ImportArguments& arguments);

struct ExportArguments {
  std::optional<std::string> file;  // none or "-": standard output
  RecordFormat format = RecordFormat::kJsonLines;
  KeyRange range;
  bool stale = false;
};
ExitCode RunExport(Context& context, const ExportArguments& arguments);

}  // namespace flotilla::client::cli

#endif  // FLOTILLA_CLIENT_CLI_TRANSFER_COMMANDS_H_
