#include "server/http_message.h"

#include <cstddef>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"

namespace flotilla::server {
namespace {

// Of the request line and all headers.
constexpr size_t kMaxRequestBytes = 8 << 10;

const char* ReasonOf(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Unknown";
  }
}

HttpQuery ParseQuery(std::string_view query) {
  HttpQuery parsed;
  for (const absl::string_view part : absl::StrSplit(AbslView(query), '&')) {
    parsed.verbose = parsed.verbose || part == "verbose" || absl::StartsWith(part, "verbose=");
  }
  return parsed;
}

HttpRequest ParseRequestLine(std::string_view line) {
  HttpRequest request;
  const size_t target_at = line.find(' ') + 1;
  const size_t target_end = line.find(' ', target_at);
  if (target_at == 0 || target_end == std::string_view::npos ||
      !line.substr(target_end + 1).starts_with("HTTP/1.")) {
    request.status = 400;
    return request;
  }
  const std::string_view method = line.substr(0, target_at - 1);
  request.head_only = method == "HEAD";
  if (method != "GET" && method != "HEAD") request.status = 405;
  const std::string_view target = line.substr(target_at, target_end - target_at);
  const size_t query_at = target.find('?');
  request.path = target.substr(0, query_at);
  if (query_at != std::string_view::npos) request.query = ParseQuery(target.substr(query_at + 1));
  return request;
}

}  // namespace

std::optional<HttpRequest> ParseHttpRequest(std::string_view received) {
  const size_t end = received.find("\r\n\r\n");
  if (end <= kMaxRequestBytes) return ParseRequestLine(received.substr(0, received.find("\r\n")));
  if (received.size() <= kMaxRequestBytes) return std::nullopt;
  HttpRequest too_large;
  too_large.status = 431;
  return too_large;
}

std::string FormatHttpReply(const HttpReply& reply, bool head_only) {
  return absl::StrCat("HTTP/1.1 ", reply.status, " ", ReasonOf(reply.status),
                      "\r\nContent-Type: ", reply.content_type,
                      "\r\nContent-Length: ", reply.body.size(), "\r\nConnection: close\r\n\r\n",
                      head_only ? "" : reply.body);
}

}  // namespace flotilla::server
