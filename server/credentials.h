// Where every listener and every dialer gets its credentials from, so that encryption comes by
// configuration alone and can be forgotten nowhere.
#ifndef FLOTILLA_SERVER_CREDENTIALS_H_
#define FLOTILLA_SERVER_CREDENTIALS_H_

#include <memory>

namespace grpc {
class ChannelCredentials;
class ServerCredentials;
}  // namespace grpc

namespace flotilla::server {

enum class Audience { kClients, kPeers };

// Thread-safe.
class CredentialsFactory {
 public:
  virtual ~CredentialsFactory() = default;
  virtual std::shared_ptr<grpc::ServerCredentials> ForListener(Audience audience) = 0;
  virtual std::shared_ptr<grpc::ChannelCredentials> ForDialer() = 0;
};

// Plain TCP.
std::unique_ptr<CredentialsFactory> NewInsecureCredentials();

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_CREDENTIALS_H_
