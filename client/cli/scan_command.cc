#include "client/cli/scan_command.h"

#include <algorithm>
#include <utility>

#include "client/cli/text_encoding.h"

namespace flotilla::client::cli {

namespace {

void PrintEntry(Printer& printer, const Entry& entry, bool keys_only) {
  // With keys alone, the keys are what raw output shows.
  const auto key_use = keys_only ? Field::Use::kValue : Field::Use::kKey;
  Row row = {{"key", entry.key, key_use}};
  if (!keys_only) row.push_back({"value", entry.value, Field::Use::kValue});
  row.push_back({"version", entry.version, Field::Use::kDetail});
  printer.Print(row);
}

void SayHowToGoOn(Context& context, const std::string& page_token) {
  if (page_token.empty()) return;
  context.environment().err << "more:  --page-token " << ToBase64(page_token) << "\n";
}

ExitCode RunCount(Context& context, KvClient& client, const ScanArguments& arguments) {
  auto count = client.Count(arguments.range, arguments.options);
  if (!count.ok()) return context.Report("count", count.status());
  context.MakePrinter().PrintSingle({{"count", *count, Field::Use::kValue}});
  return kExitOk;
}

}  // namespace

ExitCode RunScan(Context& context, const ScanArguments& arguments) {
  KvClient* client = context.Connect();
  if (client == nullptr) return kExitUsage;
  if (arguments.count) return RunCount(context, *client, arguments);
  Printer printer = context.MakePrinter();
  ScanOptions options = arguments.options;
  const bool limited = options.limit != 0;
  while (true) {
    auto page = client->ScanPageAsync(arguments.range, options).get();
    if (!page.ok()) {
      const ExitCode code = context.Report("scan", page.status());
      SayHowToGoOn(context, options.page_token);
      return code;
    }
    for (const Entry& entry : page->entries) PrintEntry(printer, entry, options.keys_only);
    options.page_token = std::move(page->next_page_token);
    if (options.page_token.empty()) return kExitOk;
    if (limited) options.limit -= std::min<uint64_t>(options.limit, page->entries.size());
    if (limited && options.limit == 0) break;
  }
  SayHowToGoOn(context, options.page_token);
  return kExitOk;
}

}  // namespace flotilla::client::cli
