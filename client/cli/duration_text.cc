#include "client/cli/duration_text.h"

#include <charconv>
#include <cstdint>
#include <system_error>

namespace flotilla::client::cli {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongest = std::chrono::hours(24 * 365);

std::optional<milliseconds> UnitOf(std::string_view name) {
  if (name == "ms") return milliseconds(1);
  if (name == "s") return std::chrono::seconds(1);
  if (name == "m") return std::chrono::minutes(1);
  if (name == "h") return std::chrono::hours(1);
  return std::nullopt;
}

}  // namespace

std::optional<milliseconds> ParseDuration(std::string_view text) {
  int64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, count);
  const std::optional<milliseconds> unit =
      UnitOf(std::string_view(rest, static_cast<size_t>(end - rest)));
  if (error != std::errc() || !unit.has_value() || count <= 0) return std::nullopt;
  if (count > kLongest / *unit) return std::nullopt;
  return count * *unit;
}

}  // namespace flotilla::client::cli
