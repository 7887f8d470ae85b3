// The lines that import reads and export writes: JSON or tab-separated.
//
//   {"key":"user/1","value":"ada"}         bytes that are not UTF-8: {"base64":"..."}
//   user/1<tab>ada                         escapes: \\ \t \n \r \0
#ifndef FLOTILLA_CLIENT_CLI_RECORD_FORMAT_H_
#define FLOTILLA_CLIENT_CLI_RECORD_FORMAT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "flotilla/status.h"

namespace flotilla::client::cli {

enum class RecordFormat : uint8_t { kJsonLines, kTabSeparated };

struct Record {
  std::string key;
  std::string value;
};

// A line that begins with '{' is JSON, unless it is a key that does so, a tab and a value.
RecordFormat GuessFormat(std::string_view first_line);

// INVALID_ARGUMENT says what is wrong. Other fields of a JSON object are ignored.
StatusOr<Record> ParseRecord(std::string_view line, RecordFormat format);
// Without the line feed.
std::string FormatRecord(const Record& record, RecordFormat format);

}  // namespace flotilla::client::cli

#endif  // FLOTILLA_CLIENT_CLI_RECORD_FORMAT_H_
