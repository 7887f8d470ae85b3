// The contract of the fake for users' tests.
#include "flotilla/testing/fake_kv_client.h"

#include <memory>

#include "tests/client/kv_client_contract.h"

namespace flotilla::client {
namespace {

class InMemory final : public Way {
 public:
  KvClient& kv() override { return client_; }

 private:
  testing::FakeKvClient client_;
};

INSTANTIATE_TEST_SUITE_P(InMemory, KvClientContract,
                         ::testing::Values(NamedWay{"in memory",
                                                    [] { return std::make_unique<InMemory>(); }}));

}  // namespace
}  // namespace flotilla::client
