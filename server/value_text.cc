#include "server/value_text.h"

#include <array>
#include <charconv>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"

namespace flotilla::server {
namespace {

absl::Status Wrong(std::string_view text, std::string_view wanted) {
  return absl::InvalidArgumentError(
      absl::StrCat("\"", AbslView(text), "\" is not ", AbslView(wanted)));
}

template <typename Number>
bool ParseNumber(std::string_view text, Number* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

struct Unit {
  std::string_view name;
  int64_t factor;
};
constexpr std::array kTimeUnits = {Unit{"h", 3'600'000'000'000}, Unit{"m", 60'000'000'000},
                                   Unit{"s", 1'000'000'000}, Unit{"ms", 1'000'000},
                                   Unit{"us", 1'000}};
constexpr std::array kSizeUnits = {Unit{"GiB", 1 << 30}, Unit{"MiB", 1 << 20}, Unit{"KiB", 1 << 10},
                                   Unit{"B", 1}};

// A number and a unit, to the unit's base. False when malformed, negative or too large.
template <typename Units>
bool ParseQuantity(std::string_view text, const Units& units, int64_t* value) {
  const size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
  double number = 0;
  if (!ParseNumber(text.substr(0, digits), &number)) return false;
  for (const Unit& unit : units) {
    if (text.substr(digits) != unit.name) continue;
    const double product = number * static_cast<double>(unit.factor);
    if (product >= static_cast<double>(std::numeric_limits<int64_t>::max())) return false;
    *value = static_cast<int64_t>(product);
    return true;
  }
  return false;
}

// In the largest unit that divides it.
template <typename Units>
std::string FormatQuantity(int64_t value, const Units& units) {
  for (const Unit& unit : units) {
    if (value != 0 && value % unit.factor == 0) {
      return absl::StrCat(value / unit.factor, AbslView(unit.name));
    }
  }
  return absl::StrCat(value, AbslView(units.back().name));
}

}  // namespace

std::string_view ToString(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

absl::Status ParseValue(std::string_view text, uint64_t* value) {
  return ParseNumber(text, value) ? absl::OkStatus() : Wrong(text, "a whole number, like 3");
}

absl::Status ParseValue(std::string_view text, bool* value) {
  if (text != "true" && text != "false") return Wrong(text, "true or false");
  *value = text == "true";
  return absl::OkStatus();
}

absl::Status ParseValue(std::string_view text, std::string* value) {
  *value = std::string(text);
  return text.empty() ? Wrong(text, "a value: it is empty") : absl::OkStatus();
}

absl::Status ParseValue(std::string_view text, ByteSize* value) {
  int64_t bytes = 0;
  if (!ParseQuantity(text, kSizeUnits, &bytes) && !ParseNumber(text, &bytes)) {
    return Wrong(text, "a size, like 64MiB");
  }
  if (bytes < 0) return Wrong(text, "a size, like 64MiB");
  value->bytes = static_cast<uint64_t>(bytes);
  return absl::OkStatus();
}

absl::Status ParseValue(std::string_view text, Duration* value) {
  int64_t nanos = 0;
  if (!ParseQuantity(text, kTimeUnits, &nanos)) return Wrong(text, "a time, like 250ms or 10s");
  *value = Duration(nanos);
  return absl::OkStatus();
}

absl::Status ParseValue(std::string_view text, Address* value) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0 ||
      !ParseNumber(text.substr(colon + 1), &value->port)) {
    return Wrong(text, "an address, like 127.0.0.1:6170");
  }
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  const bool looks_ipv6 = host.find(':') != std::string_view::npos;
  if (host.empty() || looks_ipv6 != bracketed ||
      host.find_first_of(" \t,/[]") != std::string_view::npos) {
    return Wrong(text, "an address, like 127.0.0.1:6170 or [::1]:6170");
  }
  value->host = std::string(host);
  return absl::OkStatus();
}

absl::Status ParseValue(std::string_view text, std::vector<Address>* value) {
  value->clear();
  for (const absl::string_view part : absl::StrSplit(AbslView(text), ',')) {
    Address address;
    FLOTILLA_RETURN_IF_ERROR(ParseValue(StdView(absl::StripAsciiWhitespace(part)), &address));
    value->push_back(std::move(address));
  }
  return absl::OkStatus();
}

absl::Status ParseValue(std::string_view text, LogLevel* value) {
  for (const LogLevel level :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
    if (text != ToString(level)) continue;
    *value = level;
    return absl::OkStatus();
  }
  return Wrong(text, "debug, info, warning or error");
}

std::string FormatValue(uint64_t value) { return absl::StrCat(value); }
std::string FormatValue(bool value) { return value ? "true" : "false"; }
std::string FormatValue(const std::string& value) { return value; }
std::string FormatValue(ByteSize value) {
  return FormatQuantity(static_cast<int64_t>(value.bytes), kSizeUnits);
}
std::string FormatValue(Duration value) { return FormatQuantity(value.count(), kTimeUnits); }
std::string FormatValue(const Address& value) {
  if (value.empty()) return "";
  const bool ipv6 = value.host.find(':') != std::string::npos;
  return ipv6 ? absl::StrCat("[", value.host, "]:", value.port)
              : absl::StrCat(value.host, ":", value.port);
}
std::string FormatValue(const std::vector<Address>& value) {
  return absl::StrJoin(value, ",", [](std::string* out, const Address& address) {
    out->append(FormatValue(address));
  });
}
std::string FormatValue(LogLevel value) { return std::string(ToString(value)); }

}  // namespace flotilla::server
