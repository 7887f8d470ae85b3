#include "server/call_info.h"

#include <chrono>
#include <string>

#include "grpcpp/server_context.h"

namespace flotilla::server {
namespace {

std::string HeaderOf(const grpc::CallbackServerContext& context, const char* name) {
  const auto it = context.client_metadata().find(name);
  return it == context.client_metadata().end() ? std::string()
                                               : std::string(it->second.data(), it->second.size());
}

// Far deadlines, "none" among them, would overflow the node's clock.
constexpr Duration kLongest = std::chrono::hours(24);

}  // namespace

CallInfo InfoOf(const grpc::CallbackServerContext& context, const Clock& clock) {
  CallInfo call;
  call.now = clock.Now();
  const auto wait = context.deadline() - std::chrono::system_clock::now();
  call.deadline = wait > kLongest ? MonoTime::max() : call.now + Duration(wait);
  call.request_id = HeaderOf(context, "x-request-id");
  call.traceparent = HeaderOf(context, "traceparent");
  return call;
}

}  // namespace flotilla::server
