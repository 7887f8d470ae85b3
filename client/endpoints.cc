#include "client/endpoints.h"

#include <algorithm>
#include <cctype>
#include <cstddef>

namespace flotilla::client {

namespace {

constexpr std::string_view kDefaultPort = "6170";

std::string_view Trim(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

Status Malformed(std::string_view endpoint, const char* why) {
  return Status(StatusCode::kInvalidArgument,
                "endpoint \"" + std::string(endpoint) + "\": " + why + "; expected host:port",
                reason::kInvalidRequest);
}

bool IsPort(std::string_view text) {
  const bool digits =
      !text.empty() && text.size() <= 5 &&
      std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
  if (!digits) return false;
  const int port = std::stoi(std::string(text));
  return port >= 1 && port <= 65535;
}

StatusOr<std::string> ParseEndpoint(std::string_view endpoint) {
  // The colon before the port is the last one, behind the bracket of an IPv6 address.
  const size_t bracket = endpoint.rfind(']');
  const size_t colon = endpoint.rfind(':');
  const bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  const std::string_view host = has_port ? endpoint.substr(0, colon) : endpoint;
  const std::string_view port = has_port ? endpoint.substr(colon + 1) : kDefaultPort;
  if (host.empty()) return Malformed(endpoint, "the host is missing");
  if (!IsPort(port)) return Malformed(endpoint, "the port is not a number from 1 to 65535");
  const bool bracketed = host.front() == '[' && host.back() == ']' && host.size() > 2;
  if (!bracketed && host.find_first_of(":[]") != std::string_view::npos) {
    return Malformed(endpoint, "an IPv6 address stands in brackets");
  }
  if (host.find_first_of(" \t/") != std::string_view::npos) {
    return Malformed(endpoint, "the host is malformed");
  }
  return std::string(host) + ":" + std::string(port);
}

}  // namespace

StatusOr<std::vector<std::string>> ParseEndpoints(std::string_view text) {
  std::vector<std::string> endpoints;
  while (true) {
    const size_t comma = text.find(',');
    const std::string_view part = Trim(text.substr(0, comma));
    if (!part.empty()) {
      StatusOr<std::string> endpoint = ParseEndpoint(part);
      if (!endpoint.ok()) return endpoint.status();
      endpoints.push_back(*std::move(endpoint));
    }
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  if (endpoints.empty()) return Malformed(text, "no endpoint is named");
  return endpoints;
}

}  // namespace flotilla::client
