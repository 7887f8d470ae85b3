// How results are shown: rows of named fields, in the form that the user asked for.
//
//   table  aligned columns under a heading, for people      (default on a terminal)
//   plain  tab-separated, one row a line, for awk and cut   (default elsewhere)
//   json   one object a line
//   raw    the bytes of the values, nothing else
#ifndef FLOTILLA_CLIENT_CLI_PRINTER_H_
#define FLOTILLA_CLIENT_CLI_PRINTER_H_

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <variant>
#include <vector>

namespace flotilla::client::cli {

enum class OutputFormat : uint8_t { kTable, kPlain, kJson, kRaw };

struct Field {
  // Bytes are escaped as the format needs it; null is an absent value.
  using Value = std::variant<std::nullptr_t, bool, int64_t, uint64_t, std::string>;
  enum class Use : uint8_t {
    kKey,     // in all formats but raw
    kValue,   // in all formats
    kDetail,  // in tables and JSON
  };
  std::string name;
  Value value;
  Use use = Use::kKey;
};
using Row = std::vector<Field>;

class Printer {
 public:
  // `format` none: the user did not say. `out` outlives the printer.
  Printer(std::ostream& out, std::optional<OutputFormat> format, bool terminal);
  // Prints what is left of a table.
  ~Printer();
  Printer(const Printer&) = delete;
  Printer& operator=(const Printer&) = delete;

  // One of many rows; all have the same fields.
  void Print(const Row& row);
  // The only row. Unless a form was asked for: its values, without table or heading.
  void PrintSingle(const Row& row);

  OutputFormat format() const { return format_; }

 private:
  void PrintPlain(const Row& row);
  void PrintJson(const Row& row);
  void PrintRaw(const Row& row);
  void FlushTable();

  std::ostream& out_;
  const bool asked_;
  const OutputFormat format_;
  std::vector<std::vector<std::string>> table_;  // the heading first
};

}  // namespace flotilla::client::cli

#endif  // FLOTILLA_CLIENT_CLI_PRINTER_H_
