// debug wal dump: what the write-ahead log of a node holds. Reads the folder, not a cluster.
#ifndef FLOTILLA_CLIENT_CLI_DEBUG_WAL_COMMAND_H_
#define FLOTILLA_CLIENT_CLI_DEBUG_WAL_COMMAND_H_

#include <string>

#include "client/cli/context.h"

namespace flotilla::client::cli {

struct DebugWalArguments {
  std::string folder;
};
ExitCode RunDebugWalDump(Context& context, const DebugWalArguments& arguments);

}  // namespace flotilla::client::cli

#endif  // FLOTILLA_CLIENT_CLI_DEBUG_WAL_COMMAND_H_
