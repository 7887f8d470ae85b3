// op list, op watch: what the balancer is having moved and split.
#ifndef FLOTILLA_CLIENT_CLI_STEP_COMMAND_H_
#define FLOTILLA_CLIENT_CLI_STEP_COMMAND_H_

#include "client/cli/context.h"

namespace flotilla::client::cli {

struct StepListArguments {};
// Exit code 4 when the directory's leader does not answer: nobody else knows.
ExitCode RunStepList(Context& context, const StepListArguments& arguments);

struct StepWatchArguments {};
// Prints a line whenever a step begins or ends, until it is interrupted. Rides out what passes.
ExitCode RunStepWatch(Context& context, const StepWatchArguments& arguments);

}  // namespace flotilla::client::cli

#endif  // FLOTILLA_CLIENT_CLI_STEP_COMMAND_H_
