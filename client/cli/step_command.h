// The op commands: what the balancer is having moved and split, and what it has lately.
#ifndef FLOTILLA_CLIENT_CLI_STEP_COMMAND_H_
#define FLOTILLA_CLIENT_CLI_STEP_COMMAND_H_

#include <cstdint>

#include "client/cli/context.h"

namespace flotilla::client::cli {

struct StepListArguments {
  bool all = false;  // what has ended, too
};
// Exit code 4 when the directory's leader does not answer: nobody else knows.
ExitCode RunStepList(Context& context, const StepListArguments& arguments);

struct OperationArguments {
  uint64_t operation = 0;
};
// Exit code 3 when there is no such operation, or it has ended long ago.
ExitCode RunOperationShow(Context& context, const OperationArguments& arguments);
// Returns when the directory has it durably that the operation is to be undone.
ExitCode RunOperationCancel(Context& context, const OperationArguments& arguments);

struct StepWatchArguments {
  uint64_t operation = 0;  // 0: all
};
// Of all: prints a line whenever a step begins or ends, until it is interrupted. Of one: a line
// whenever its state changes, until it has ended; exit code 1 unless it has succeeded. Rides out
// what passes.
ExitCode RunStepWatch(Context& context, const StepWatchArguments& arguments);

}  // namespace flotilla::client::cli

#endif  // FLOTILLA_CLIENT_CLI_STEP_COMMAND_H_
