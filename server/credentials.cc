#include "server/credentials.h"

#include "grpcpp/security/credentials.h"
#include "grpcpp/security/server_credentials.h"

namespace flotilla::server {
namespace {

class InsecureCredentials : public CredentialsFactory {
 public:
  std::shared_ptr<grpc::ServerCredentials> ForListener(Audience) override {
    return grpc::InsecureServerCredentials();
  }
  std::shared_ptr<grpc::ChannelCredentials> ForDialer() override {
    return grpc::InsecureChannelCredentials();
  }
};

}  // namespace

std::unique_ptr<CredentialsFactory> NewInsecureCredentials() {
  return std::make_unique<InsecureCredentials>();
}

}  // namespace flotilla::server
