#include "server/grpc_endpoint.h"

#include <chrono>
#include <utility>

#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/impl/server_builder_option.h"
#include "grpcpp/impl/server_builder_plugin.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "server/unknown_calls.h"

namespace flotilla::server {
namespace {

using Acceptor = grpc::experimental::ExternalConnectionAcceptor;

// More wait in the client. Streams serve thousands of callers each.
constexpr int kCallsPerConnection = 2000;

int Millis(Duration duration) {
  return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

// Finds dead connections. Peers ping every channel often, to notice a silent one within an
// election timeout; clients are asked to ping no more than every five seconds.
void SetKeepalive(grpc::ServerBuilder& builder, Audience audience) {
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  const bool peers = audience == Audience::kPeers;
  const Duration time = peers ? Duration(seconds(2)) : Duration(seconds(30));
  const Duration timeout = peers ? Duration(seconds(2)) : Duration(seconds(10));
  const Duration least = peers ? Duration(milliseconds(100)) : Duration(seconds(5));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Millis(time));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Millis(timeout));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, Millis(least));
  if (peers) builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
}

// Reflection adds itself to every server of the process; this takes it out again.
class WithoutPlugins : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    plugins->clear();
  }
};

class Endpoint : public GrpcEndpoint {
 public:
  Endpoint(std::unique_ptr<Doorman> doorman, CredentialsFactory& credentials,
           const std::vector<grpc::Service*>& services, const Options& options)
      : address_(doorman->address()), doorman_(std::move(doorman)) {
    if (options.reflection) grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    const int max_message_bytes = static_cast<int>(options.max_message_bytes);
    builder.SetMaxReceiveMessageSize(max_message_bytes);
    builder.SetMaxSendMessageSize(max_message_bytes);
    SetKeepalive(builder, options.audience);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kCallsPerConnection);
    if (!options.reflection) builder.SetOption(std::make_unique<WithoutPlugins>());
    for (grpc::Service* service : services) builder.RegisterService(service);
    builder.RegisterCallbackGenericService(&unknown_calls_);
    acceptor_ = builder.experimental().AddExternalConnectionAcceptor(
        grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
        credentials.ForListener(options.audience));
    server_ = builder.BuildAndStart();
    doorman_->Open([this](int fd) { Welcome(fd); });
  }
  ~Endpoint() override { Shutdown(Duration(0)); }

  const Address& address() const override { return address_; }

  void Shutdown(Duration limit) override {
    doorman_->Close();
    server_->Shutdown(std::chrono::system_clock::now() + limit);
    server_->Wait();
  }

 private:
  void Welcome(int fd) {
    Acceptor::NewConnectionParameters connection;
    connection.fd = fd;
    acceptor_->HandleNewConnection(&connection);
  }

  const Address address_;
  const std::unique_ptr<Doorman> doorman_;
  UnknownCalls unknown_calls_;
  std::unique_ptr<Acceptor> acceptor_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

std::unique_ptr<GrpcEndpoint> GrpcEndpoint::Start(std::unique_ptr<Doorman> doorman,
                                                  CredentialsFactory& credentials,
                                                  const std::vector<grpc::Service*>& services,
                                                  const Options& options) {
  return std::make_unique<Endpoint>(std::move(doorman), credentials, services, options);
}

}  // namespace flotilla::server
