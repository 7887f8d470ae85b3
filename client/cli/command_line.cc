// The commands and options of `flotilla`: what there is. What each does is in its own file.
#include <algorithm>
#include <charconv>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <utility>

#include "client/cli/cluster_command.h"
#include "client/cli/context.h"
#include "client/cli/data_commands.h"
#include "client/cli/debug_wal_command.h"
#include "client/cli/duration_text.h"
#include "client/cli/environment.h"
#include "client/cli/exit_code.h"
#include "client/cli/health_command.h"
#include "client/cli/node_command.h"
#include "client/cli/plan_command.h"
#include "client/cli/scan_command.h"
#include "client/cli/shard_command.h"
#include "client/cli/step_command.h"
#include "client/cli/text_encoding.h"
#include "client/cli/transfer_commands.h"
#include "client/cli/txn_command.h"
#include <CLI/CLI.hpp>

namespace flotilla::client::cli {

namespace {

constexpr const char* kExitCodes =
    "Exit codes: 0 ok, 1 other, 2 usage, 3 not found or condition failed, 4 unavailable,\n"
    "5 denied, 6 outcome unknown.";

constexpr const char* kReads = "Reading";
constexpr const char* kWrites = "Writing";
constexpr const char* kTransfers = "Many at once";
constexpr const char* kOperations = "Looking after a cluster";

// Adds the commands to an application. Each command's arguments live in a shared object that its
// callback keeps; the callback sets the exit code.
class CommandLine {
 public:
  explicit CommandLine(Context& context);
  ExitCode Run(std::vector<std::string> args);

 private:
  void AddGlobalOptions();
  void AddReads();
  void AddScan();
  void AddWrites();
  void AddCas();
  void AddDelete();
  void AddTxn();
  void AddTransfers();
  void AddCluster();
  void AddNodes();
  void AddSteps();
  void AddShards();
  // With --json.
  CLI::App* AddAdminCommand(CLI::App& noun, const char* name, const char* description);
  void AddDebug();

  CLI::App* Add(CLI::App& parent, const char* name, const char* description, const char* group) {
    CLI::App* command = parent.add_subcommand(name, description);
    command->group(group);
    command->fallthrough();
    return command;
  }
  template <typename Arguments>
  void OnRun(CLI::App* command, ExitCode (*run)(Context&, const Arguments&),
             std::shared_ptr<Arguments> arguments) {
    command->final_callback(
        [this, run, arguments = std::move(arguments)] { exit_code_ = run(context_, *arguments); });
  }

  Context& context_;
  CLI::App app_{"The client of Flotilla, a distributed key-value store.", "flotilla"};
  ExitCode exit_code_ = kExitOk;
};

CLI::Option* AddDuration(CLI::App& app, const std::string& name,
                         std::function<void(std::chrono::milliseconds)> set,
                         const std::string& description) {
  const auto malformed = [](const std::string& text) {
    return ParseDuration(text).has_value() ? "" : "\"" + text + "\" is no time such as 250ms or 5s";
  };
  return app
      .add_option_function<std::string>(
          name, [set = std::move(set)](const std::string& text) { set(*ParseDuration(text)); },
          description)
      ->check(CLI::Validator(malformed, ""))
      ->type_name("TIME");
}

template <typename Number>
std::optional<Number> ParseDecimal(const std::string& text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole ? std::optional<Number>(number) : std::nullopt;
}

// CLI11's own numbers saturate and wrap, and take "010" for 8.
template <typename Number>
CLI::Option* AddNumber(CLI::App& app, const std::string& name, std::function<void(Number)> set,
                       const std::string& description) {
  const auto malformed = [](const std::string& text) {
    using Limits = std::numeric_limits<Number>;
    return ParseDecimal<Number>(text).has_value()
               ? ""
               : "\"" + text + "\" is no decimal number from " + std::to_string(Limits::min()) +
                     " to " + std::to_string(Limits::max());
  };
  const auto take = [set = std::move(set)](const CLI::results_t& texts) {
    const std::optional<Number> number = ParseDecimal<Number>(texts.front());
    if (number.has_value()) set(*number);
    return number.has_value();
  };
  return app.add_option(name, take, description)
      ->check(CLI::Validator(malformed, ""))
      ->type_name("N");
}

template <typename Number>
CLI::Option* AddNumber(CLI::App& app, const std::string& name, Number& number,
                       const std::string& description) {
  return AddNumber<Number>(
      app, name, [&number](Number value) { number = value; }, description);
}

void AddKey(CLI::App& command, std::string& key) {
  command.add_option("key", key, "The key")->required()->type_name("KEY");
}

void AddValue(CLI::App& command, std::optional<std::string>& value) {
  command.add_option("value", value, "The value; without it, standard input")->type_name("VALUE");
}

void AddRange(CLI::App& command, KeyRange& range) {
  command.add_option("--from", range.from, "The first key")->type_name("KEY");
  command.add_option("--to", range.to, "The key behind the last one")->type_name("KEY");
}

CLI::Option* AddPrefix(CLI::App& command, const char* name, KeyRange& range) {
  return command
      .add_option_function<std::string>(
          name, [&range](const std::string& prefix) { range = KeyRange::Prefix(prefix); },
          "Keys that begin with this")
      ->type_name("PREFIX")
      ->excludes("--from")
      ->excludes("--to");
}

void AddStale(CLI::App& command, bool& stale) {
  command.add_flag("--stale", stale, "What the asked node has, without asking a majority");
}

CommandLine::CommandLine(Context& context) : context_(context) {
  app_.footer(kExitCodes);
  app_.require_subcommand(1);
  app_.fallthrough();
  app_.get_formatter()->column_width(32);
  app_.set_version_flag("--version", "flotilla " FLOTILLA_VERSION, "Print the version and exit");
  AddGlobalOptions();
  AddReads();
  AddScan();
  AddWrites();
  AddCas();
  AddDelete();
  AddTxn();
  AddTransfers();
  AddCluster();
  AddNodes();
  AddShards();
  AddSteps();
  AddDebug();
}

void CommandLine::AddGlobalOptions() {
  GlobalOptions& options = context_.options;
  app_.add_option("--endpoints", options.endpoints, "Some nodes of the cluster, comma-separated")
      ->envname("FLOTILLA_ENDPOINTS")
      ->type_name("HOST:PORT,...")
      ->capture_default_str();
  AddDuration(
      app_, "--timeout", [&options](auto time) { options.timeout = time; },
      "Of a call, all tries together; else 5s, import 60s")
      ->envname("FLOTILLA_TIMEOUT");
  const std::map<std::string, OutputFormat> formats = {{"table", OutputFormat::kTable},
                                                       {"plain", OutputFormat::kPlain},
                                                       {"json", OutputFormat::kJson},
                                                       {"raw", OutputFormat::kRaw}};
  app_.add_option_function<std::string>(
          "-o,--output",
          [&options, formats](const std::string& name) { options.output = formats.at(name); },
          "table, plain, json or raw; else table on a terminal")
      ->check(CLI::IsMember({"table", "plain", "json", "raw"}).description(""))
      ->type_name("FORMAT");
}

void CommandLine::AddReads() {
  auto get = std::make_shared<GetArguments>();
  get->keys.resize(1);
  CLI::App* command = Add(app_, "get", "Print the value of a key", kReads);
  AddKey(*command, get->keys.front());
  AddStale(*command, get->stale);
  OnRun(command, RunGet, get);

  auto mget = std::make_shared<GetArguments>();
  command = Add(app_, "mget", "Print the values of several keys", kReads);
  // As an option of values CLI11 would read "[a,b]" as two keys and "{}" as none. One that waits
  // for more values than there are takes each as it is.
  constexpr int kNeverEnough = 1 << 20;
  const auto set_keys = [mget = mget.get()](const CLI::results_t& keys) {
    mget->keys = keys;
    return true;
  };
  command->add_option("keys", set_keys, "The keys")
      ->required()
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->expected(kNeverEnough, -1)
      ->type_name("KEY");
  AddStale(*command, mget->stale);
  OnRun(command, RunMultiGet, mget);
}

void CommandLine::AddScan() {
  auto scan = std::make_shared<ScanArguments>();
  CLI::App* command = Add(app_, "scan", "Print the keys of a range, in order", kReads);
  AddRange(*command, scan->range);
  AddPrefix(*command, "prefix", scan->range);
  ScanOptions& options = scan->options;
  command->add_flag("--reverse", options.reverse, "From the highest key down");
  command->add_flag("--keys-only", options.keys_only, "Without values");
  command->add_flag("--count", scan->count, "Only how many there are");
  AddNumber(*command, "--limit", options.limit, "So many at most; else all");
  AddNumber(*command, "--page-size", options.page_size, "Entries of one request; at most 1000");
  command
      ->add_option_function<std::string>(
          "--page-token",
          [&options](const std::string& text) { options.page_token = *FromBase64(text); },
          "Go on where an earlier scan of the same range stopped")
      ->check(CLI::Validator(
          [](const std::string& text) {
            return FromBase64(text).has_value() ? "" : std::string("it is no token of a scan");
          },
          ""))
      ->type_name("TOKEN");
  command->add_flag_callback(
      "--stale", [&options] { options.level = ReadLevel::kStale; },
      "What the asked node has, without asking a majority");
  OnRun(command, RunScan, scan);
}

void CommandLine::AddWrites() {
  const auto add = [this](const char* name, const char* description,
                          ExitCode (*run)(Context&, const WriteArguments&)) {
    auto write = std::make_shared<WriteArguments>();
    CLI::App* command = Add(app_, name, description, kWrites);
    AddKey(*command, write->key);
    AddValue(*command, write->value);
    OnRun(command, run, write);
  };
  add("put", "Set a key to a value", RunPut);
  add("append", "Add to the end of a value", RunAppend);

  auto increment = std::make_shared<IncrementArguments>();
  CLI::App* command = Add(app_, "incr", "Add to a number; an absent key counts as 0", kWrites);
  AddKey(*command, increment->key);
  AddNumber(*command, "--by", increment->delta, "What to add; may be negative")
      ->default_str(std::to_string(increment->delta));
  OnRun(command, RunIncrement, increment);
}

void CommandLine::AddCas() {
  auto cas = std::make_shared<CasArguments>();
  CLI::App* command = Add(app_, "cas", "Set a key to a value if it is as expected", kWrites);
  Condition& condition = cas->condition;
  command
      ->add_option_function<std::string>(
          "key",
          [arguments = cas.get()](const std::string& key) {
            arguments->write.key = arguments->condition.key = key;
          },
          "The key")
      ->required()
      ->type_name("KEY");
  AddValue(*command, cas->write.value);
  CLI::Option_group* expected = command->add_option_group("Expected", "Exactly one of");
  expected->require_option(1);
  const auto set = [&condition](Condition::Kind kind) {
    return [&condition, kind] { condition.kind = kind; };
  };
  expected->add_flag_callback("--if-absent", set(Condition::Kind::kAbsent), "There is no such key");
  expected->add_flag_callback("--if-exists", set(Condition::Kind::kExists), "There is such a key");
  AddNumber<uint64_t>(
      *expected, "--if-version",
      [&condition](uint64_t version) {
        condition.kind = Condition::Kind::kVersion;
        condition.version = version;
      },
      "It has this version; 0: absent");
  expected
      ->add_option_function<std::string>(
          "--if-value",
          [&condition](const std::string& value) {
            condition.kind = Condition::Kind::kValue;
            condition.value = value;
          },
          "It has this value")
      ->type_name("VALUE");
  OnRun(command, RunCas, cas);
}

void CommandLine::AddDelete() {
  auto del = std::make_shared<DeleteArguments>();
  CLI::App* command = Add(app_, "del", "Delete a key, or all keys of a range", kWrites);
  CLI::Option_group* what = command->add_option_group("What", "A key, or a range");
  what->require_option(1, 2);
  CLI::Option* key = what->add_option("key", del->key, "The key")->type_name("KEY");
  AddRange(*what, del->range);
  AddPrefix(*what, "--prefix", del->range)->excludes(key);
  key->excludes("--from")->excludes("--to");
  what->add_flag("--all", del->all, "All keys there are")
      ->excludes(key)
      ->excludes("--from")
      ->excludes("--to")
      ->excludes("--prefix");
  OnRun(command, RunDelete, del);
}

void CommandLine::AddTxn() {
  auto txn = std::make_shared<TxnArguments>();
  CLI::App* command =
      Add(app_, "txn", "If all conditions hold do some writes, else others", kWrites);
  command->add_option("json", txn->json, "The transaction; without it, standard input")
      ->type_name("JSON");
  command->footer(
      "Example: flotilla txn '{\"if\":[{\"key\":\"{a}lock\",\"absent\":true}],\n"
      "  \"then\":[{\"put\":\"{a}lock\",\"value\":\"me\"},{\"increment\":\"{a}n\",\"by\":2}],\n"
      "  \"else\":[{\"append\":\"{a}log\",\"value\":\"busy\"},{\"delete\":\"{a}x\"}]}'\n"
      "Conditions: absent, exists (true), version (a number), value. All keys share a {hash tag}.");
  OnRun(command, RunTxn, txn);
}

const std::map<std::string, RecordFormat>& RecordFormats() {
  static const auto* const kFormats = new std::map<std::string, RecordFormat>{
      {"json", RecordFormat::kJsonLines}, {"tab", RecordFormat::kTabSeparated}};
  return *kFormats;
}

void CommandLine::AddTransfers() {
  auto import = std::make_shared<ImportArguments>();
  CLI::App* command =
      Add(app_, "import", "Put records from JSON lines or tab-separated lines", kTransfers);
  command->add_option("file", import->file, "Without it or -, standard input")->type_name("FILE");
  const auto format_names = CLI::IsMember({"json", "tab"}).description("");
  command
      ->add_option_function<std::string>(
          "--format",
          [import = import.get()](const std::string& name) {
            import->format = RecordFormats().at(name);
          },
          "json or tab; else as the first line looks")
      ->check(format_names)
      ->type_name("FORMAT");
  AddNumber(*command, "--skip", import->skip, "Leave out so many records at the beginning");
  AddNumber(*command, "--in-flight", import->in_flight, "Records under way at the same time")
      ->check(CLI::Range(1, 100000).description(""))
      ->default_str(std::to_string(import->in_flight));
  OnRun(command, RunImport, import);

  auto exported = std::make_shared<ExportArguments>();
  command = Add(app_, "export", "Write a range as lines that import reads", kTransfers);
  command->add_option("file", exported->file, "Without it or -, standard output")
      ->type_name("FILE");
  command
      ->add_option_function<std::string>(
          "--format",
          [exported = exported.get()](const std::string& name) {
            exported->format = RecordFormats().at(name);
          },
          "json (the default) or tab")
      ->check(format_names)
      ->type_name("FORMAT");
  AddRange(*command, exported->range);
  AddPrefix(*command, "--prefix", exported->range);
  AddStale(*command, exported->stale);
  OnRun(command, RunExport, exported);
}

void CommandLine::AddCluster() {
  CLI::App* cluster = Add(app_, "cluster", "See how a cluster is", kOperations);
  cluster->require_subcommand(1);
  auto status = std::make_shared<ClusterStatusArguments>();
  CLI::App* command = Add(*cluster, "status", "Nodes, replicas and what is wrong", "Commands");
  AddDuration(
      *command, "--wait", [status = status.get()](auto time) { status->wait = time; },
      "Until it is healthy, so long at most");
  OnRun(command, RunClusterStatus, status);

  auto health = std::make_shared<ClusterHealthArguments>();
  command = AddAdminCommand(*cluster, "health",
                            "Whether all is well, how many nodes may fail, and what is moving");
  command->add_flag("--watch", health->watch, "Again whenever it changes, until interrupted");
  OnRun(command, RunClusterHealth, health);

  OnRun(AddAdminCommand(*cluster, "plan", "What the balancer would do now, and what it cannot"),
        RunClusterPlan, std::make_shared<ClusterPlanArguments>());
}

CLI::App* CommandLine::AddAdminCommand(CLI::App& noun, const char* name, const char* description) {
  CLI::App* command = Add(noun, name, description, "Commands");
  command->add_flag_callback(
      "--json", [this] { context_.options.output = OutputFormat::kJson; }, "The same as -o json");
  return command;
}

void CommandLine::AddNodes() {
  CLI::App* node = Add(app_, "node", "See, empty and remove nodes", kOperations);
  node->require_subcommand(1);
  OnRun(AddAdminCommand(*node, "list", "Addresses, zone, weight, state and replicas of all nodes"),
        RunNodeList, std::make_shared<NodeListArguments>());

  const auto add = [&](const char* name, const char* description,
                       ExitCode (*run)(Context&, const NodeDutyArguments&)) {
    auto arguments = std::make_shared<NodeDutyArguments>();
    CLI::App* command = AddAdminCommand(*node, name, description);
    AddNumber(*command, "node", arguments->node, "A node's number")->required();
    CLI::Option* dry_run = command->add_flag(
        "--dry-run", arguments->dry_run, "Only show what would be moved, and what could not be");
    if (run == RunNodeDrain) {
      command->add_flag("--wait", arguments->wait, "Until it holds nothing")->excludes(dry_run);
    }
    if (run == RunNodeRemove) {
      arguments->wait = true;
      command
          ->add_flag_callback(
              "--no-wait", [arguments = arguments.get()] { arguments->wait = false; },
              "Do not wait until it holds nothing")
          ->excludes(dry_run);
    }
    OnRun(command, run, arguments);
  };
  add("drain", "Move everything away from a node, which stays", RunNodeDrain);
  add("serve", "Let a drained node have its share again", RunNodeServe);
  add("remove", "Move everything away from a node, dead or alive, and forget it", RunNodeRemove);
}

void CommandLine::AddSteps() {
  CLI::App* op = Add(app_, "op", "See and cancel what is being moved and split", kOperations);
  op->require_subcommand(1);
  auto list = std::make_shared<StepListArguments>();
  CLI::App* command = AddAdminCommand(*op, "list", "The steps under way, and how far they are");
  command->add_flag("--all", list->all, "The last operations that have ended, too");
  OnRun(command, RunStepList, list);

  auto watch = std::make_shared<StepWatchArguments>();
  command = AddAdminCommand(*op, "watch",
                            "Steps as they begin and end, until interrupted; or one until it ends");
  AddNumber(*command, "operation", watch->operation, "An operation's number; else all");
  OnRun(command, RunStepWatch, watch);

  const auto add = [&](const char* name, const char* description, auto run) {
    auto arguments = std::make_shared<OperationArguments>();
    CLI::App* of_one = AddAdminCommand(*op, name, description);
    AddNumber(*of_one, "operation", arguments->operation, "An operation's number")->required();
    OnRun(of_one, run, arguments);
  };
  add("show", "One operation: why, how far, how it ended", RunOperationShow);
  add("cancel", "Undo what was done of an operation; it is not begun again for ten minutes",
      RunOperationCancel);
}

void CommandLine::AddShards() {
  CLI::App* shard = Add(app_, "shard", "See and change how data is spread", kOperations);
  shard->require_subcommand(1);
  OnRun(AddAdminCommand(*shard, "list", "Slots, leader, replicas, size and load of all shards"),
        RunShardList, std::make_shared<ShardListArguments>());

  auto split = std::make_shared<ShardSplitArguments>();
  CLI::App* command = AddAdminCommand(*shard, "split", "Cut a shard in two");
  const auto add_number = [](CLI::App* to, const char* name, uint64_t& number, const char* text) {
    return AddNumber(*to, name, number, text)->required();
  };
  add_number(command, "shard", split->shard, "The shard");
  AddNumber<uint16_t>(
      *command, "--at", [split = split.get()](uint16_t slot) { split->options.at = slot; },
      "The first slot of the new shard; else the one that halves it");
  OnRun(command, RunShardSplit, split);

  const auto add = [&](const char* name, const char* description,
                       ExitCode (*run)(Context&, const ShardReplicaArguments&)) {
    auto arguments = std::make_shared<ShardReplicaArguments>();
    CLI::App* added = AddAdminCommand(*shard, name, description);
    add_number(added, "shard", arguments->shard, "The shard");
    const bool moves = run == RunShardMove;
    add_number(added, moves ? "from" : "node", arguments->node, "A node's number");
    if (moves) add_number(added, "to", arguments->to, "Another node's number");
    OnRun(added, run, arguments);
  };
  add("transfer", "Let another replica lead", RunShardTransfer);
  add("add-replica", "Give a shard one more replica", RunShardAddReplica);
  add("remove-replica", "Take a replica away", RunShardRemoveReplica);
  add("move", "Move a replica from one node to another", RunShardMove);
}

void CommandLine::AddDebug() {
  CLI::App* debug = Add(app_, "debug", "Look inside", kOperations);
  debug->require_subcommand(1);
  CLI::App* wal = Add(*debug, "wal", "The write-ahead log", "Commands");
  wal->require_subcommand(1);
  auto dump = std::make_shared<DebugWalArguments>();
  CLI::App* command = Add(*wal, "dump", "Print what a log folder holds", "Commands");
  command->add_option("folder", dump->folder, "The log's folder, of a node that is down")
      ->required()
      ->type_name("FOLDER");
  OnRun(command, RunDebugWalDump, dump);
}

// The command that an error is about, for the hint: "flotilla scan --help".
std::string HelpOf(const CLI::App& app) {
  std::string text = "flotilla";
  const CLI::App* level = &app;
  while (!level->get_subcommands().empty()) {
    level = level->get_subcommands().front();
    if (!level->get_name().empty()) text += " " + level->get_name();
  }
  return text + " --help";
}

ExitCode CommandLine::Run(std::vector<std::string> args) {
  // CLI11 takes the arguments in reverse.
  std::reverse(args.begin(), args.end());
  Environment& environment = context_.environment();
  try {
    app_.parse(std::move(args));
    return exit_code_;
  } catch (const CLI::Success& asked) {
    // --help or --version.
    (void)app_.exit(asked, environment.out, environment.err);
    return kExitOk;
  } catch (const CLI::ParseError& error) {
    const std::vector<std::string> unknown = app_.remaining();
    const bool no_command = app_.get_subcommands().empty() && !unknown.empty();
    return ReportUsageError(
        environment.err,
        no_command ? "there is no command " + Quoted(unknown.front()) : std::string(error.what()),
        HelpOf(app_));
  }
}

}  // namespace

int RunCommandLine(std::vector<std::string> args, Environment& environment) {
  Context context(environment);
  const ExitCode code = CommandLine(context).Run(std::move(args));
  environment.out.flush();
  if (environment.out) return code;
  return ReportError(environment.err, "write the results",
                     Status(StatusCode::kInternal, "standard output cannot be written"));
}

}  // namespace flotilla::client::cli
