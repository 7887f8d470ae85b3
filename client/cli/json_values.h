// Reads bytes and numbers out of JSON that a user wrote, and prints JSON for users.
#ifndef FLOTILLA_CLIENT_CLI_JSON_VALUES_H_
#define FLOTILLA_CLIENT_CLI_JSON_VALUES_H_

#include <cstdint>
#include <ostream>
#include <string>

#include "flotilla/status.h"
#include <nlohmann/json_fwd.hpp>

namespace flotilla::client::cli {

// A string, or {"base64":"..."}. INVALID_ARGUMENT names the field.
StatusOr<std::string> BytesField(const nlohmann::json& object, const char* name);
StatusOr<int64_t> IntegerField(const nlohmann::json& object, const char* name, int64_t otherwise);

// On a line of its own, and at once: whoever watches may read from a pipe.
void PrintJson(std::ostream& out, const nlohmann::ordered_json& object);

}  // namespace flotilla::client::cli

#endif  // FLOTILLA_CLIENT_CLI_JSON_VALUES_H_
