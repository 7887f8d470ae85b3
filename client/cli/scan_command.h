// scan: the keys of a range, in order.
#ifndef FLOTILLA_CLIENT_CLI_SCAN_COMMAND_H_
#define FLOTILLA_CLIENT_CLI_SCAN_COMMAND_H_

#include "client/cli/context.h"
#include "flotilla/types.h"

namespace flotilla::client::cli {

struct ScanArguments {
  KeyRange range;
  ScanOptions options;
  bool count = false;  // only how many there are
};
// When a limit or a failure ends it early, says on standard error how to go on.
ExitCode RunScan(Context& context, const ScanArguments& arguments);

}  // namespace flotilla::client::cli

#endif  // FLOTILLA_CLIENT_CLI_SCAN_COMMAND_H_
