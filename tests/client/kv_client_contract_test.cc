// The contract over gRPC to a fake server, and of the fake for users' tests.
#include "tests/client/kv_client_contract.h"

#include "flotilla/client.h"
#include "flotilla/testing/fake_kv_client.h"
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

class InMemory final : public Way {
 public:
  KvClient& kv() override { return client_; }

 private:
  testing::FakeKvClient client_;
};

INSTANTIATE_TEST_SUITE_P(OverTheWire, KvClientContract,
                         ::testing::Values([] { return std::make_unique<OverTheWire>(); }));
INSTANTIATE_TEST_SUITE_P(InMemory, KvClientContract,
                         ::testing::Values([] { return std::make_unique<InMemory>(); }));

}  // namespace
}  // namespace flotilla::client
