// As much of HTTP/1.1 as pages for probes and scrapers need: GET and HEAD without a body, one
// request per connection.
#ifndef FLOTILLA_SERVER_HTTP_MESSAGE_H_
#define FLOTILLA_SERVER_HTTP_MESSAGE_H_

#include <optional>
#include <string>
#include <string_view>

namespace flotilla::server {

struct HttpQuery {
  bool verbose = false;
};
struct HttpReply {
  int status = 200;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
};

struct HttpRequest {
  std::string path;
  HttpQuery query;
  bool head_only = false;
  // 200, or what to answer instead of a page: 400, 405, 431.
  int status = 200;
};

// nullopt while the request is not complete.
std::optional<HttpRequest> ParseHttpRequest(std::string_view received);

// Says that the connection closes after it.
std::string FormatHttpReply(const HttpReply& reply, bool head_only);

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_HTTP_MESSAGE_H_
