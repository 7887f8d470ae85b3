#include "client/cli/health_command.h"

#include <algorithm>
#include <optional>
#include <string>

#include "client/cli/json_values.h"
#include <nlohmann/json.hpp>

namespace flotilla::client::cli {

namespace {

using nlohmann::ordered_json;
using std::chrono::milliseconds;

constexpr milliseconds kBetweenLooks{500};
// Nodes are asked one after the other: what changes leaders meanwhile looks like nobody leads.
constexpr milliseconds kBeforeSecondLook{300};

std::string Tolerance(const ClusterHealth& health) {
  if (health.failures_tolerated == 0) return "no further node may fail";
  const bool one = health.failures_tolerated == 1;
  return std::to_string(health.failures_tolerated) + (one ? " further node" : " further nodes") +
         " may fail, whichever";
}

ordered_json ToJson(const ClusterHealth& health) {
  ordered_json object = {{"state", health.state},
                         {"problems", ordered_json::array()},
                         {"failures_tolerated", health.failures_tolerated},
                         {"steps", ordered_json::array()}};
  for (const HealthProblem& problem : health.problems) {
    object["problems"].push_back({{"kind", problem.kind},
                                  {"text", problem.text},
                                  {"shard_ids", problem.shards},
                                  {"node_id", problem.node_id}});
  }
  for (const StepUnderWay& step : health.steps) {
    object["steps"].push_back(
        {{"step", step.what}, {"shard_id", step.shard_id}, {"seconds", step.seconds}});
  }
  return object;
}

void Print(Context& context, const ClusterHealth& health) {
  std::ostream& out = context.environment().out;
  if (context.WantsJson()) return PrintJson(out, ToJson(health));
  out << health.state << (health.problems.empty() ? "" : ":") << "\n";
  for (const HealthProblem& problem : health.problems) out << "  " << problem.text << "\n";
  out << Tolerance(health) << "\n";
  if (!health.steps.empty()) out << "under way:\n";
  for (const StepUnderWay& step : health.steps) {
    out << "  " << step.what << ", " << static_cast<uint64_t>(step.seconds) << " s\n";
  }
  out << std::flush;
}

// But for the passing of time.
bool IsTheSame(const ClusterHealth& a, const ClusterHealth& b) {
  return a.state == b.state && a.problems == b.problems &&
         a.failures_tolerated == b.failures_tolerated &&
         std::equal(a.steps.begin(), a.steps.end(), b.steps.begin(), b.steps.end(),
                    [](const auto& one, const auto& other) { return one.what == other.what; });
}

StatusOr<ClusterHealth> Examine(Context& context) {
  const auto look = [&context] {
    return context.environment().describe_cluster(context.options.endpoints,
                                                  context.TimeoutOr(std::chrono::seconds(2)));
  };
  auto cluster = look();
  if (!cluster.ok()) return cluster.status();
  const ClusterHealth health = cluster->health();
  if (health.state == "healthy") return health;
  (void)context.environment().pause(kBeforeSecondLook);
  cluster = look();
  if (!cluster.ok()) return cluster.status();
  return cluster->health();
}

}  // namespace

ExitCode RunClusterHealth(Context& context, const ClusterHealthArguments& arguments) {
  std::optional<ClusterHealth> last;
  while (true) {
    const auto health = Examine(context);
    if (!health.ok()) return context.Report("cluster health", health.status());
    if (!last.has_value() || !IsTheSame(*last, *health)) {
      if (last.has_value() && !context.WantsJson()) context.environment().out << "\n";
      Print(context, *health);
    }
    last = *health;
    if (!arguments.watch || !context.environment().pause(kBetweenLooks)) break;
  }
  return last->state == "healthy" ? kExitOk : kExitUnavailable;
}

}  // namespace flotilla::client::cli
