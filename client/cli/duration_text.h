// Times as users write them: "250ms", "5s", "2m", "1h".
#ifndef FLOTILLA_CLIENT_CLI_DURATION_TEXT_H_
#define FLOTILLA_CLIENT_CLI_DURATION_TEXT_H_

#include <chrono>
#include <optional>
#include <string_view>

namespace flotilla::client::cli {

// nullopt when malformed, zero, or longer than a year.
std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text);

}  // namespace flotilla::client::cli

#endif  // FLOTILLA_CLIENT_CLI_DURATION_TEXT_H_
