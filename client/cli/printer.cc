#include "client/cli/printer.h"

#include <algorithm>
#include <cctype>
#include <cstddef>

#include "client/cli/text_encoding.h"

namespace flotilla::client::cli {

namespace {

// Then columns are set by what came so far: a table of a million rows is not held back.
constexpr size_t kTableRowsMax = 1000;
// A longer value is cut in tables only.
constexpr size_t kCellColumnsMax = 60;

std::string TextOf(const Field::Value& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* number = std::get_if<int64_t>(&value)) return std::to_string(*number);
  if (const auto* number = std::get_if<uint64_t>(&value)) return std::to_string(*number);
  if (const auto* bytes = std::get_if<std::string>(&value)) return EscapeField(*bytes);
  return "";
}

std::string JsonOf(const Field::Value& value) {
  if (std::holds_alternative<std::nullptr_t>(value)) return "null";
  if (const auto* bytes = std::get_if<std::string>(&value)) return ToJson(*bytes);
  return TextOf(value);
}

// Columns that the text takes on a terminal, about: one per code point.
size_t WidthOf(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

// A table is for people: what a terminal would take for a command must not reach it.
bool HasControls(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

std::string CellOf(const Field::Value& value) {
  if (std::holds_alternative<std::nullptr_t>(value)) return "-";
  std::string text = TextOf(value);
  if (!IsUtf8(text) || HasControls(text)) {
    text = "base64:" + ToBase64(std::get<std::string>(value));
  }
  if (WidthOf(text) <= kCellColumnsMax) return text;
  size_t end = 0;
  for (size_t width = 0; width < kCellColumnsMax - 3; ++width) {
    do {
      ++end;
    } while ((static_cast<unsigned char>(text[end]) & 0xc0) == 0x80);
  }
  return text.substr(0, end) + "...";
}

std::string Heading(std::string name) {
  for (char& c : name) c = c == '_' ? ' ' : static_cast<char>(std::toupper(c));
  return name;
}

}  // namespace

Printer::Printer(std::ostream& out, std::optional<OutputFormat> format, bool terminal)
    : out_(out),
      asked_(format.has_value()),
      format_(format.value_or(terminal ? OutputFormat::kTable : OutputFormat::kPlain)) {}

Printer::~Printer() { FlushTable(); }

void Printer::Print(const Row& row) {
  switch (format_) {
    case OutputFormat::kPlain:
      PrintPlain(row);
      return;
    case OutputFormat::kJson:
      PrintJson(row);
      return;
    case OutputFormat::kRaw:
      PrintRaw(row);
      return;
    case OutputFormat::kTable:
      break;
  }
  if (table_.empty()) {
    auto& heading = table_.emplace_back();
    for (const Field& field : row) heading.push_back(Heading(field.name));
  }
  auto& cells = table_.emplace_back();
  for (const Field& field : row) cells.push_back(CellOf(field.value));
  if (table_.size() > kTableRowsMax) FlushTable();
}

void Printer::PrintSingle(const Row& row) {
  if (asked_) {
    Print(row);
    return;
  }
  // Bytes as they are: the user asked for one value.
  bool first = true;
  for (const Field& field : row) {
    if (field.use != Field::Use::kValue) continue;
    const auto* bytes = std::get_if<std::string>(&field.value);
    out_ << (first ? "" : "\t") << (bytes != nullptr ? *bytes : TextOf(field.value));
    first = false;
  }
  out_ << "\n";
}

void Printer::PrintPlain(const Row& row) {
  bool first = true;
  for (const Field& field : row) {
    if (field.use == Field::Use::kDetail) continue;
    out_ << (first ? "" : "\t") << TextOf(field.value);
    first = false;
  }
  out_ << "\n";
}

void Printer::PrintJson(const Row& row) {
  char separator = '{';
  for (const Field& field : row) {
    out_ << separator << ToJson(field.name) << ":" << JsonOf(field.value);
    separator = ',';
  }
  out_ << "}\n";
}

void Printer::PrintRaw(const Row& row) {
  for (const Field& field : row) {
    if (field.use != Field::Use::kValue) continue;
    const auto* bytes = std::get_if<std::string>(&field.value);
    out_ << (bytes != nullptr ? *bytes : TextOf(field.value));
  }
}

void Printer::FlushTable() {
  std::vector<size_t> widths;
  for (const auto& cells : table_) {
    widths.resize(std::max(widths.size(), cells.size()));
    for (size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], WidthOf(cells[i]));
  }
  for (const auto& cells : table_) {
    for (size_t i = 0; i < cells.size(); ++i) {
      out_ << cells[i];
      if (i + 1 < cells.size()) out_ << std::string(widths[i] - WidthOf(cells[i]) + 2, ' ');
    }
    out_ << "\n";
  }
  table_.clear();
}

}  // namespace flotilla::client::cli
