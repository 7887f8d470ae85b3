#include "client/cli/record_format.h"

#include <utility>

#include "client/cli/json_values.h"
#include "client/cli/text_encoding.h"
#include <nlohmann/json.hpp>

namespace flotilla::client::cli {

namespace {

Status Malformed(std::string why) {
  return Status(StatusCode::kInvalidArgument, std::move(why), reason::kInvalidRequest);
}

StatusOr<Record> ParseJson(std::string_view line) {
  const auto object = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return Malformed("it is not a JSON object");
  auto key = BytesField(object, "key");
  if (!key.ok()) return key.status();
  auto value = BytesField(object, "value");
  if (!value.ok()) return value.status();
  return Record{*std::move(key), *std::move(value)};
}

StatusOr<Record> ParseTabSeparated(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  const size_t tab = line.find('\t');
  if (tab == std::string_view::npos) return Malformed("there is no tab between key and value");
  std::optional<std::string> key = UnescapeField(line.substr(0, tab));
  std::optional<std::string> value = UnescapeField(line.substr(tab + 1));
  if (!key.has_value() || !value.has_value()) {
    return Malformed("a backslash begins no known escape (\\\\ \\t \\n \\r \\0)");
  }
  return Record{*std::move(key), *std::move(value)};
}

}  // namespace

RecordFormat GuessFormat(std::string_view first_line) {
  if (first_line.empty() || first_line.front() != '{') return RecordFormat::kTabSeparated;
  const bool tab = first_line.find('\t') != std::string_view::npos;
  const bool json = !tab || nlohmann::json::accept(first_line);
  return json ? RecordFormat::kJsonLines : RecordFormat::kTabSeparated;
}

StatusOr<Record> ParseRecord(std::string_view line, RecordFormat format) {
  return format == RecordFormat::kJsonLines ? ParseJson(line) : ParseTabSeparated(line);
}

std::string FormatRecord(const Record& record, RecordFormat format) {
  if (format == RecordFormat::kTabSeparated) {
    return EscapeField(record.key) + "\t" + EscapeField(record.value);
  }
  return "{\"key\":" + ToJson(record.key) + ",\"value\":" + ToJson(record.value) + "}";
}

}  // namespace flotilla::client::cli
