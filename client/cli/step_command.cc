#include "client/cli/step_command.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "client/cli/json_values.h"
#include <nlohmann/json.hpp>

namespace flotilla::client::cli {

namespace {

using nlohmann::ordered_json;

constexpr std::chrono::milliseconds kBetweenLooks{500};

StatusOr<std::vector<StepUnderWay>> Steps(Context& context) {
  const auto cluster = context.DescribeCluster();
  if (!cluster.ok()) return cluster.status();
  const DirectoryStatus directory = cluster->directory();
  if (directory.from_leader) return directory.steps;
  return Status(StatusCode::kUnavailable,
                "the directory's leader does not answer, and nobody else knows what is under way",
                reason::kNoLeader);
}

uint64_t WholeSeconds(const StepUnderWay& step) { return static_cast<uint64_t>(step.seconds); }

ordered_json ToJson(const StepUnderWay& step) {
  return {{"step", step.what}, {"shard_id", step.shard_id}, {"seconds", step.seconds}};
}

void PrintEvent(Context& context, const char* event, const StepUnderWay& step) {
  if (context.WantsJson()) {
    ordered_json object = {{"event", event}};
    object.update(ToJson(step));
    PrintJson(context.environment().out, object);
    return;
  }
  context.environment().out << event << "  " << step.what << ", " << WholeSeconds(step) << " s\n"
                            << std::flush;
}

}  // namespace

ExitCode RunStepList(Context& context, const StepListArguments&) {
  const auto steps = Steps(context);
  if (!steps.ok()) return context.Report("op list", steps.status());
  if (context.WantsJson()) {
    ordered_json object = {{"steps", ordered_json::array()}};
    for (const StepUnderWay& step : *steps) object["steps"].push_back(ToJson(step));
    PrintJson(context.environment().out, object);
    return kExitOk;
  }
  Printer printer = context.MakePrinter();
  for (const StepUnderWay& step : *steps) {
    // Of the directory there is but one.
    const Field::Value shard =
        step.shard_id == 0 ? Field::Value("directory") : Field::Value(step.shard_id);
    printer.Print({{"shard", shard, Field::Use::kKey},
                   {"step", step.what, Field::Use::kKey},
                   {"seconds", WholeSeconds(step), Field::Use::kKey}});
  }
  return kExitOk;
}

ExitCode RunStepWatch(Context& context, const StepWatchArguments&) {
  std::map<std::string, StepUnderWay> known;
  bool ever = false;
  while (true) {
    const auto steps = Steps(context);
    // An endpoint that is none will never be one; all else may pass, once it has worked.
    if (!steps.ok() && !ever) return context.Report("op watch", steps.status());
    if (steps.ok()) {
      ever = true;
      std::map<std::string, StepUnderWay> now;
      for (const StepUnderWay& step : *steps) {
        now[step.what] = step;
        if (!known.contains(step.what)) PrintEvent(context, "begun", step);
      }
      for (const auto& [what, step] : known) {
        if (!now.contains(what)) PrintEvent(context, "ended", step);
      }
      known = std::move(now);
    }
    if (!context.environment().pause(kBetweenLooks)) return kExitOk;
  }
}

}  // namespace flotilla::client::cli
