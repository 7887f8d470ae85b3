#include "client/grpc_connection.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

namespace flotilla::client {

namespace {

// The server sends up to 16 MiB in one message.
constexpr int kMaxMessageBytes = 32 << 20;
// A lost peer is noticed by its silence long before; this is for idle connections. The server
// allows pings twice as often.
constexpr int kKeepAliveMs = 10'000;
constexpr int kKeepAliveTimeoutMs = 3'000;

}  // namespace

std::shared_ptr<grpc::Channel> Dial(const std::string& endpoint) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepAliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepAliveTimeoutMs);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // Proxies of the environment are for the web, not for the store next door.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(kMaxMessageBytes);
  return grpc::CreateCustomChannel(endpoint, grpc::InsecureChannelCredentials(), arguments);
}

namespace {

// gRPC wraps what the system said into four layers of what it was trying.
std::string Essence(const std::string& message) {
  constexpr std::string_view kInnermost = "Failed to connect to remote host: ";
  const size_t at = message.rfind(kInnermost);
  return at == std::string::npos ? message : message.substr(at + kInnermost.size());
}

}  // namespace

Status StatusOfCall(const grpc::Status& status, std::string_view endpoint) {
  const auto code =
      status.ok() ? StatusCode::kUnavailable : static_cast<StatusCode>(status.error_code());
  const std::string message =
      status.ok() ? "the node closed the connection" : Essence(status.error_message());
  const bool away = code == StatusCode::kUnavailable || code == StatusCode::kCancelled;
  return Status(code, std::string(endpoint) + ": " + message,
                away ? reason::kUnreachable : std::string_view());
}

}  // namespace flotilla::client
