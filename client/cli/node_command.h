// node list, drain, serve, remove: the nodes of a cluster, and what they are meant to do.
#ifndef FLOTILLA_CLIENT_CLI_NODE_COMMAND_H_
#define FLOTILLA_CLIENT_CLI_NODE_COMMAND_H_

#include <cstdint>

#include "client/cli/context.h"

namespace flotilla::client::cli {

struct NodeListArguments {};
// Exit code 4 when no node answers.
ExitCode RunNodeList(Context& context, const NodeListArguments& arguments);

struct NodeDutyArguments {
  uint64_t node = 0;
  bool wait = false;     // until it holds nothing; shows progress on a terminal
  bool dry_run = false;  // only shows what would be done; see plan_command.h
};
ExitCode RunNodeDrain(Context& context, const NodeDutyArguments& arguments);
ExitCode RunNodeServe(Context& context, const NodeDutyArguments& arguments);
ExitCode RunNodeRemove(Context& context, const NodeDutyArguments& arguments);

}  // namespace flotilla::client::cli

#endif  // FLOTILLA_CLIENT_CLI_NODE_COMMAND_H_
