// The contract over gRPC, to a fake server.
#include "tests/client/kv_client_contract.h"

#include "flotilla/client.h"
#include "tests/client/fake_server.h"

namespace flotilla::client {
namespace {

class OverTheWire final : public Way {
 public:
  KvClient& kv() override { return *client_; }

 private:
  FakeServer server_;
  std::unique_ptr<Client> client_ = *Client::Connect(server_.endpoint());
};

INSTANTIATE_TEST_SUITE_P(OverTheWire, KvClientContract,
                         ::testing::Values(NamedWay{
                             "over the wire", [] { return std::make_unique<OverTheWire>(); }}));

}  // namespace
}  // namespace flotilla::client
