#include "client/cli/data_commands.h"

#include <utility>

#include "client/cli/input.h"

namespace flotilla::client::cli {

namespace {

ReadOptions ReadOptionsOf(bool stale) {
  ReadOptions options;
  if (stale) options.level = ReadLevel::kStale;
  return options;
}

// None when it was to come from standard input and did not; the error has been reported then.
std::optional<std::string> ValueOf(Context& context, const WriteArguments& arguments) {
  return arguments.value.has_value() ? arguments.value : ReadInput(context, kMaxValueBytes);
}

Row RowOf(const Entry& entry) {
  return {{"key", entry.key, Field::Use::kKey},
          {"value", entry.value, Field::Use::kValue},
          {"version", entry.version, Field::Use::kDetail},
          {"created_version", entry.created_version, Field::Use::kDetail}};
}

void PrintVersion(Context& context, const std::string& key, uint64_t version) {
  context.MakePrinter().PrintSingle(
      {{"key", key, Field::Use::kKey}, {"version", version, Field::Use::kValue}});
}

}  // namespace

ExitCode RunGet(Context& context, const GetArguments& arguments) {
  KvClient* client = context.Connect();
  if (client == nullptr) return kExitUsage;
  const std::string& key = arguments.keys.front();
  auto get = client->Get(key, ReadOptionsOf(arguments.stale));
  if (!get.ok()) return context.Report("get " + Quoted(key), get.status());
  Row row = RowOf(*get);
  if (arguments.stale) row.push_back({"lag_ms", int64_t{get->lag.count()}, Field::Use::kDetail});
  context.MakePrinter().PrintSingle(row);
  return kExitOk;
}

ExitCode RunMultiGet(Context& context, const GetArguments& arguments) {
  KvClient* client = context.Connect();
  if (client == nullptr) return kExitUsage;
  auto got = client->BatchGet(arguments.keys, ReadOptionsOf(arguments.stale));
  if (!got.ok()) {
    return context.Report("mget of " + std::to_string(arguments.keys.size()) + " keys",
                          got.status());
  }
  Printer printer = context.MakePrinter();
  ExitCode code = kExitOk;
  for (size_t i = 0; i < got->entries.size(); ++i) {
    const std::optional<Entry>& entry = got->entries[i];
    if (entry.has_value()) {
      printer.Print(RowOf(*entry));
      continue;
    }
    code = kExitNotFound;
    printer.Print({{"key", arguments.keys.at(i), Field::Use::kKey},
                   {"value", nullptr, Field::Use::kValue},
                   {"version", uint64_t{0}, Field::Use::kDetail},
                   {"created_version", uint64_t{0}, Field::Use::kDetail}});
  }
  return code;
}

ExitCode RunPut(Context& context, const WriteArguments& arguments) {
  KvClient* client = context.Connect();
  if (client == nullptr) return kExitUsage;
  std::optional<std::string> value = ValueOf(context, arguments);
  if (!value.has_value()) return kExitUsage;
  auto put = client->Put(arguments.key, *std::move(value));
  if (!put.ok()) return context.ReportWrite("put " + Quoted(arguments.key), put.status());
  PrintVersion(context, arguments.key, put->version);
  return kExitOk;
}

ExitCode RunAppend(Context& context, const WriteArguments& arguments) {
  KvClient* client = context.Connect();
  if (client == nullptr) return kExitUsage;
  std::optional<std::string> value = ValueOf(context, arguments);
  if (!value.has_value()) return kExitUsage;
  auto append = client->Append(arguments.key, *std::move(value));
  if (!append.ok())
    return context.ReportWrite("append to " + Quoted(arguments.key), append.status());
  PrintVersion(context, arguments.key, append->version);
  return kExitOk;
}

ExitCode RunCas(Context& context, const CasArguments& arguments) {
  KvClient* client = context.Connect();
  if (client == nullptr) return kExitUsage;
  const std::string& key = arguments.write.key;
  std::optional<std::string> value = ValueOf(context, arguments.write);
  if (!value.has_value()) return kExitUsage;
  auto cas = client->CompareAndSwap(arguments.condition, *std::move(value));
  if (!cas.ok()) return context.ReportWrite("cas " + Quoted(key), cas.status());
  Row row = {{"key", key, Field::Use::kKey},
             {"swapped", cas->swapped, Field::Use::kValue},
             {"version", cas->version, Field::Use::kValue}};
  if (!cas->swapped) {
    Field current{"current", nullptr, Field::Use::kDetail};
    if (cas->current.has_value()) current.value = *cas->current;
    row.push_back(std::move(current));
  }
  context.MakePrinter().PrintSingle(row);
  return cas->swapped ? kExitOk : kExitNotFound;
}

ExitCode RunIncrement(Context& context, const IncrementArguments& arguments) {
  KvClient* client = context.Connect();
  if (client == nullptr) return kExitUsage;
  auto increment = client->Increment(arguments.key, arguments.delta);
  if (!increment.ok())
    return context.ReportWrite("incr " + Quoted(arguments.key), increment.status());
  context.MakePrinter().PrintSingle({{"key", arguments.key, Field::Use::kKey},
                                     {"value", increment->value, Field::Use::kValue},
                                     {"version", increment->version, Field::Use::kDetail}});
  return kExitOk;
}

ExitCode RunDelete(Context& context, const DeleteArguments& arguments) {
  const KeyRange& range = arguments.range;
  // As of `--prefix "$UNSET"`.
  if (!arguments.key.has_value() && range.from.empty() && range.to.empty() && !arguments.all) {
    return ReportUsageError(context.environment().err, "the range is empty, which means everything",
                            "flotilla del --all, if everything is to be deleted");
  }
  KvClient* client = context.Connect();
  if (client == nullptr) return kExitUsage;
  uint64_t deleted = 0;
  if (arguments.key.has_value()) {
    auto result = client->Delete(*arguments.key);
    if (!result.ok()) return context.ReportWrite("del " + Quoted(*arguments.key), result.status());
    deleted = result->found ? 1 : 0;
  } else {
    auto result = client->DeleteRange(range);
    if (!result.ok()) {
      return context.ReportWrite("del from " + Quoted(range.from), result.status());
    }
    deleted = result->deleted;
  }
  context.MakePrinter().PrintSingle({{"deleted", deleted, Field::Use::kValue}});
  return deleted > 0 ? kExitOk : kExitNotFound;
}

}  // namespace flotilla::client::cli
