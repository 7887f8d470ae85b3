#include "client/cli/json_values.h"

#include <cstdint>
#include <limits>
#include <optional>

#include "client/cli/text_encoding.h"
#include <nlohmann/json.hpp>

namespace flotilla::client::cli {

namespace {

Status Malformed(const char* name, const char* why) {
  return Status(StatusCode::kInvalidArgument, "\"" + std::string(name) + "\" " + why,
                reason::kInvalidRequest);
}

}  // namespace

StatusOr<std::string> BytesField(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) return Malformed(name, "is missing");
  if (found->is_string()) return found->get<std::string>();
  const auto encoded = found->is_object() ? found->find("base64") : found->end();
  if (!found->is_object() || encoded == found->end() || !encoded->is_string()) {
    return Malformed(name, "is neither a string nor {\"base64\":\"...\"}");
  }
  std::optional<std::string> bytes = FromBase64(encoded->get<std::string>());
  if (!bytes.has_value()) return Malformed(name, "is malformed base64");
  return *std::move(bytes);
}

StatusOr<int64_t> IntegerField(const nlohmann::json& object, const char* name, int64_t otherwise) {
  const auto found = object.find(name);
  if (found == object.end()) return otherwise;
  if (!found->is_number_integer()) return Malformed(name, "is not an integer");
  constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (found->is_number_unsigned() && found->get<uint64_t>() > kMax) {
    return Malformed(name, "is beyond 64 bits");
  }
  return found->get<int64_t>();
}

void PrintJson(std::ostream& out, const nlohmann::ordered_json& object) {
  out << object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n"
      << std::flush;
}

}  // namespace flotilla::client::cli
