#include "client/cli/input.h"

#include <algorithm>
#include <istream>

namespace flotilla::client::cli {

std::optional<std::string> ReadInput(Context& context, size_t limit) {
  constexpr size_t kStep = 64 << 10;
  Environment& environment = context.environment();
  std::string text;
  // One byte beyond the limit tells that there is more. Not by stream iterators: those let the
  // error of an unreadable descriptor out as an exception.
  while (environment.in && text.size() <= limit) {
    const size_t had = text.size();
    text.resize(had + std::min(kStep, limit + 1 - had));
    environment.in.read(text.data() + had, static_cast<std::streamsize>(text.size() - had));
    text.resize(had + static_cast<size_t>(environment.in.gcount()));
  }
  if (environment.in.bad()) {
    (void)ReportUsageError(environment.err, "standard input cannot be read",
                           "give it as an argument, or pipe it in");
    return std::nullopt;
  }
  if (text.size() > limit) {
    (void)ReportUsageError(
        environment.err,
        "standard input holds more than the " + std::to_string(limit) + " bytes that are taken",
        "docs/client.md lists the limits; flotilla import takes many records");
    return std::nullopt;
  }
  return text;
}

}  // namespace flotilla::client::cli
