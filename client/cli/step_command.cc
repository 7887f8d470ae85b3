#include "client/cli/step_command.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "client/cli/admin_operation.h"
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

uint64_t Whole(double seconds) { return static_cast<uint64_t>(seconds); }
uint64_t WholeSeconds(const StepUnderWay& step) { return Whole(step.seconds); }

// Of the directory there is but one.
Field::Value ShardField(uint64_t shard) {
  return shard == 0 ? Field::Value("directory") : Field::Value(shard);
}

std::string Percent(const TransferProgress& progress) {
  if (progress.bytes_total == 0) return "-";
  const double part =
      static_cast<double>(progress.bytes_done) / static_cast<double>(progress.bytes_total);
  return std::to_string(static_cast<uint64_t>(part * 100)) + "%";
}

std::string Left(const TransferProgress& progress) {
  if (!progress.seconds_left.has_value()) return "-";
  return std::to_string(Whole(*progress.seconds_left)) + " s";
}

void AddProgress(const TransferProgress& progress, ordered_json& object) {
  object["bytes_done"] = progress.bytes_done;
  object["bytes_total"] = progress.bytes_total;
  object["entries_behind"] = progress.entries_behind;
  object["seconds_left"] = nullptr;
  if (progress.seconds_left.has_value()) object["seconds_left"] = *progress.seconds_left;
}

ordered_json ToJson(const StepUnderWay& step) {
  ordered_json object = {{"operation_id", step.operation_id},
                         {"step", step.what},
                         {"shard_id", step.shard_id},
                         {"seconds", step.seconds}};
  AddProgress(step.progress, object);
  return object;
}

ordered_json ToJson(const ClusterOperation& operation) {
  ordered_json object = {{"operation_id", operation.operation_id},
                         {"step", operation.what},
                         {"shard_id", operation.shard_id},
                         {"cause", operation.cause},
                         {"state", operation.state},
                         {"reason", operation.reason},
                         {"begin_unix_ms", operation.begin_unix_ms},
                         {"seconds", operation.seconds}};
  AddProgress(operation.progress, object);
  return object;
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

// Connects once, and may be asked again and again.
class Operations {
 public:
  Operations(Context& context, const std::string& name)
      : run_(context, name, "flotilla op list --all shows the operations") {}

  bool Connect() { return (admin_ = run_.Connect()) != nullptr; }
  StatusOr<std::vector<ClusterOperation>> All() { return admin_->ListOperations(); }
  StatusOr<ClusterOperation> Find(uint64_t id) {
    auto operations = All();
    if (!operations.ok()) return operations.status();
    for (ClusterOperation& operation : *operations) {
      if (operation.operation_id == id) return std::move(operation);
    }
    return Status(StatusCode::kNotFound,
                  "there is no operation " + std::to_string(id) + ", or it has ended long ago");
  }
  Status Cancel(uint64_t id) { return admin_->CancelOperation(id); }
  double seconds() const { return run_.seconds(); }
  ExitCode Report(const Status& status) { return run_.Report(status); }
  void Finish() { run_.Finish(); }

 private:
  AdminOperation run_;
  Admin* admin_ = nullptr;
};

Row RowOf(const ClusterOperation& operation) {
  return {{"id", operation.operation_id, Field::Use::kKey},
          {"shard", ShardField(operation.shard_id), Field::Use::kKey},
          {"step", operation.what, Field::Use::kKey},
          {"cause", operation.cause, Field::Use::kKey},
          {"state", operation.state, Field::Use::kKey},
          {"seconds", Whole(operation.seconds), Field::Use::kKey},
          {"reason", operation.reason, Field::Use::kKey}};
}

ExitCode ListAll(Context& context) {
  Operations run(context, "op list");
  if (!run.Connect()) return kExitUsage;
  const auto operations = run.All();
  run.Finish();
  if (!operations.ok()) return run.Report(operations.status());
  if (context.WantsJson()) {
    ordered_json object = {{"operations", ordered_json::array()}};
    for (const ClusterOperation& each : *operations) object["operations"].push_back(ToJson(each));
    PrintJson(context.environment().out, object);
    return kExitOk;
  }
  Printer printer = context.MakePrinter();
  for (const ClusterOperation& operation : *operations) printer.Print(RowOf(operation));
  return kExitOk;
}

void PrintState(Context& context, const ClusterOperation& operation) {
  if (context.WantsJson()) return PrintJson(context.environment().out, ToJson(operation));
  std::string state = operation.state;
  state.resize(11, ' ');
  context.environment().out << state << operation.what << ", " << Whole(operation.seconds) << " s"
                            << (operation.reason.empty() ? "" : ": " + operation.reason) << "\n"
                            << std::flush;
}

ExitCode WatchOne(Context& context, uint64_t id) {
  Operations run(context, "op watch " + std::to_string(id));
  if (!run.Connect()) return kExitUsage;
  std::string state;
  while (true) {
    const auto operation = run.Find(id);
    run.Finish();
    // Whoever led the directory may have died; all else will not pass.
    const bool passes = !state.empty() && operation.status().code() != StatusCode::kNotFound;
    if (!operation.ok() && !passes) return run.Report(operation.status());
    if (operation.ok()) {
      if (operation->state != state) PrintState(context, *operation);
      state = operation->state;
      if (operation->has_ended()) return state == "succeeded" ? kExitOk : kExitOther;
    }
    if (!context.environment().pause(kBetweenLooks)) return kExitOk;
  }
}

}  // namespace

ExitCode RunOperationShow(Context& context, const OperationArguments& arguments) {
  Operations run(context, "op show " + std::to_string(arguments.operation));
  if (!run.Connect()) return kExitUsage;
  const auto operation = run.Find(arguments.operation);
  run.Finish();
  if (!operation.ok()) return run.Report(operation.status());
  if (context.WantsJson()) {
    PrintJson(context.environment().out, ToJson(*operation));
    return kExitOk;
  }
  Row row = RowOf(*operation);
  row.push_back({"done", Percent(operation->progress), Field::Use::kKey});
  row.push_back({"left", Left(operation->progress), Field::Use::kKey});
  row.push_back({"entries_behind", operation->progress.entries_behind, Field::Use::kKey});
  context.MakePrinter().Print(row);
  return kExitOk;
}

ExitCode RunOperationCancel(Context& context, const OperationArguments& arguments) {
  const std::string id = std::to_string(arguments.operation);
  Operations run(context, "op cancel " + id);
  if (!run.Connect()) return kExitUsage;
  const Status status = run.Cancel(arguments.operation);
  run.Finish();
  if (!status.ok()) return run.Report(status);
  if (context.WantsJson()) {
    PrintJson(context.environment().out, {{"operation", "cancel"},
                                          {"operation_id", arguments.operation},
                                          {"seconds", run.seconds()}});
    return kExitOk;
  }
  context.environment().out << "operation " << id << " is being cancelled ("
                            << InSeconds(run.seconds()) << ")\n";
  return kExitOk;
}

ExitCode RunStepList(Context& context, const StepListArguments& arguments) {
  if (arguments.all) return ListAll(context);
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
    const Field::Value id =
        step.operation_id == 0 ? Field::Value("-") : Field::Value(step.operation_id);
    printer.Print({{"id", id, Field::Use::kKey},
                   {"shard", ShardField(step.shard_id), Field::Use::kKey},
                   {"step", step.what, Field::Use::kKey},
                   {"seconds", WholeSeconds(step), Field::Use::kKey},
                   {"done", Percent(step.progress), Field::Use::kKey},
                   {"left", Left(step.progress), Field::Use::kKey}});
  }
  return kExitOk;
}

ExitCode RunStepWatch(Context& context, const StepWatchArguments& arguments) {
  if (arguments.operation != 0) return WatchOne(context, arguments.operation);
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
