// cluster plan, and the dry runs of node drain, serve and remove: what the balancer would do.
#ifndef FLOTILLA_CLIENT_CLI_PLAN_COMMAND_H_
#define FLOTILLA_CLIENT_CLI_PLAN_COMMAND_H_

#include <string>

#include "client/cli/context.h"
#include "flotilla/cluster_plan.h"

namespace flotilla::client::cli {

// Both print the plan, and then say what of it cannot be done: exit code 4 in that case.

struct ClusterPlanArguments {};
ExitCode RunClusterPlan(Context& context, const ClusterPlanArguments& arguments);

// `command` as in "node drain".
ExitCode RunDryRun(Context& context, const std::string& command, const NodeDutyChange& change);

}  // namespace flotilla::client::cli

#endif  // FLOTILLA_CLIENT_CLI_PLAN_COMMAND_H_
