#include "client/cli/txn_command.h"

#include <initializer_list>
#include <utility>
#include <vector>

#include "client/cli/input.h"
#include "client/cli/json_values.h"
#include <nlohmann/json.hpp>

namespace flotilla::client::cli {

namespace {

using nlohmann::json;

Status Malformed(std::string why) {
  return Status(StatusCode::kInvalidArgument, std::move(why), reason::kInvalidRequest);
}

Status CheckFields(const json& object, std::initializer_list<const char*> known) {
  if (!object.is_object()) return Malformed("expected an object, not " + object.dump());
  for (const auto& [name, value] : object.items()) {
    bool found = false;
    for (const char* field : known) found = found || name == field;
    if (!found) return Malformed("unknown field \"" + name + "\"");
  }
  return Status();
}

StatusOr<Condition> ParseCondition(const json& object) {
  if (Status bad = CheckFields(object, {"key", "absent", "exists", "version", "value"});
      !bad.ok()) {
    return bad;
  }
  auto key = BytesField(object, "key");
  if (!key.ok()) return key.status();
  if (object.size() != 2) {
    return Malformed("a condition has a key and one of absent, exists, version, value");
  }
  const auto is_true = [&](const char* name) {
    return object.contains(name) && object[name].is_boolean() && object[name].get<bool>();
  };
  if (is_true("absent")) return Condition::Absent(*std::move(key));
  if (is_true("exists")) return Condition::Exists(*std::move(key));
  if (object.contains("version") && object["version"].is_number_unsigned()) {
    return Condition::VersionIs(*std::move(key), object["version"].get<uint64_t>());
  }
  if (object.contains("value")) {
    auto value = BytesField(object, "value");
    if (!value.ok()) return value.status();
    return Condition::ValueIs(*std::move(key), *std::move(value));
  }
  return Malformed("absent and exists are true, version is a number from 0");
}

StatusOr<Mutation> ParseMutation(const json& object) {
  if (Status bad = CheckFields(object, {"put", "delete", "increment", "append", "value", "by"});
      !bad.ok()) {
    return bad;
  }
  const int verbs = static_cast<int>(object.contains("put")) + object.contains("delete") +
                    object.contains("increment") + object.contains("append");
  if (verbs != 1) return Malformed("a write has one of put, delete, increment, append");
  if (object.contains("delete")) {
    auto key = BytesField(object, "delete");
    return key.ok() ? StatusOr<Mutation>(Mutation::Delete(*std::move(key))) : key.status();
  }
  if (object.contains("increment")) {
    auto key = BytesField(object, "increment");
    if (!key.ok()) return key.status();
    auto by = IntegerField(object, "by", 1);
    return by.ok() ? StatusOr<Mutation>(Mutation::Increment(*std::move(key), *by)) : by.status();
  }
  const bool is_put = object.contains("put");
  auto key = BytesField(object, is_put ? "put" : "append");
  if (!key.ok()) return key.status();
  auto value = BytesField(object, "value");
  if (!value.ok()) return value.status();
  return is_put ? Mutation::Put(*std::move(key), *std::move(value))
                : Mutation::Append(*std::move(key), *std::move(value));
}

template <typename T>
Status ParseList(const json& object, const char* name, StatusOr<T> (*parse)(const json&),
                 std::vector<T>& into) {
  const auto found = object.find(name);
  if (found == object.end()) return Status();
  if (!found->is_array()) return Malformed("\"" + std::string(name) + "\" is not a list");
  for (const json& element : *found) {
    StatusOr<T> parsed = parse(element);
    if (!parsed.ok()) return parsed.status();
    into.push_back(*std::move(parsed));
  }
  return Status();
}

void PrintResults(Context& context, const TxnResult& result) {
  Printer printer = context.MakePrinter();
  if (printer.format() != OutputFormat::kJson) {
    printer.PrintSingle({{"conditions_held", result.conditions_held, Field::Use::kValue}});
    return;
  }
  json results = json::array();
  for (const MutationResult& one : result.results) {
    results.push_back(
        {{"version", one.version}, {"number", one.number}, {"not_found", one.not_found}});
  }
  const json whole = {{"conditions_held", result.conditions_held}, {"results", results}};
  context.environment().out << whole.dump() << "\n";
}

}  // namespace

StatusOr<Transaction> ParseTransaction(std::string_view text) {
  const json object = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (object.is_discarded()) return Malformed("the transaction is not JSON");
  if (Status bad = CheckFields(object, {"if", "then", "else"}); !bad.ok()) return bad;
  Transaction transaction;
  Status bad = ParseList<Condition>(object, "if", ParseCondition, transaction.conditions);
  if (bad.ok()) bad = ParseList<Mutation>(object, "then", ParseMutation, transaction.then);
  if (bad.ok()) bad = ParseList<Mutation>(object, "else", ParseMutation, transaction.otherwise);
  if (!bad.ok()) return bad;
  return transaction;
}

ExitCode RunTxn(Context& context, const TxnArguments& arguments) {
  const std::optional<std::string> text =
      arguments.json.has_value() ? arguments.json : ReadInput(context, kMaxTransactionBytes);
  if (!text.has_value()) return kExitUsage;
  StatusOr<Transaction> transaction = ParseTransaction(*text);
  if (!transaction.ok()) return context.Report("txn", transaction.status());
  KvClient* client = context.Connect();
  if (client == nullptr) return kExitUsage;
  auto result = client->Txn(*std::move(transaction));
  if (!result.ok()) return context.ReportWrite("txn", result.status());
  PrintResults(context, *result);
  return result->conditions_held ? kExitOk : kExitNotFound;
}

}  // namespace flotilla::client::cli
