// Bytes as text and back: readable wherever they are readable, lossless always.
#ifndef FLOTILLA_CLIENT_CLI_TEXT_ENCODING_H_
#define FLOTILLA_CLIENT_CLI_TEXT_ENCODING_H_

#include <optional>
#include <string>
#include <string_view>

namespace flotilla::client::cli {

bool IsUtf8(std::string_view bytes);

// RFC 4648, with padding.
std::string ToBase64(std::string_view bytes);
// nullopt when malformed.
std::optional<std::string> FromBase64(std::string_view text);

// A JSON string in readable UTF-8; of other bytes {"base64":"..."}.
std::string ToJson(std::string_view bytes);

// For one field of a line: backslash, tab, line feed, carriage return and NUL as \\ \t \n \r \0.
std::string EscapeField(std::string_view bytes);
// nullopt for an unknown escape.
std::optional<std::string> UnescapeField(std::string_view text);

}  // namespace flotilla::client::cli

#endif  // FLOTILLA_CLIENT_CLI_TEXT_ENCODING_H_
