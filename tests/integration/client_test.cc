// The client library against real nodes: FLOTILLA_ENDPOINTS says where they are. Run by
// test_client.py, which kills nodes meanwhile.
#include "flotilla/client.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/client/kv_client_contract.h"
#include <gtest/gtest.h>

namespace flotilla::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

std::string Endpoints() {
  const char* endpoints = std::getenv("FLOTILLA_ENDPOINTS");
  return endpoints == nullptr ? "localhost:6170" : endpoints;
}

class RealCluster final : public Way {
 public:
  RealCluster() { EXPECT_TRUE(client_->DeleteRange(KeyRange::All()).ok()); }
  KvClient& kv() override { return *client_; }

 private:
  std::unique_ptr<Client> client_ = *Client::Connect(Endpoints());
};

INSTANTIATE_TEST_SUITE_P(RealCluster, KvClientContract,
                         ::testing::Values(NamedWay{
                             "real cluster", [] { return std::make_unique<RealCluster>(); }}));

// Callers that count, each on keys of its own: what was acknowledged and what is there must agree.
class CountingCaller {
 public:
  CountingCaller(Client& client, std::string key) : client_(client), key_(std::move(key)) {}

  void Run(steady_clock::time_point until) {
    while (steady_clock::now() < until) {
      const auto began = steady_clock::now();
      StatusOr<IncrementResult> result = client_.Increment(key_);
      longest = std::max(longest, steady_clock::now() - began);
      if (result.ok()) {
        ++acknowledged;
      } else {
        unknown += result.status().outcome() == Outcome::kUnknown ? 1 : 0;
        last_error = result.status();
      }
    }
  }

  void Check() {
    StatusOr<GetResult> row = client_.Get(key_);
    ASSERT_TRUE(row.ok()) << row.status();
    const int64_t value = std::stoll(row->value);
    EXPECT_GE(value, acknowledged) << "an acknowledged increment is lost";
    EXPECT_LE(value, acknowledged + unknown) << "an increment took effect twice";
  }

  int64_t acknowledged = 0;
  int64_t unknown = 0;
  steady_clock::duration longest{0};
  Status last_error;

 private:
  Client& client_;
  const std::string key_;
};

TEST(ClientUnderKills, LosesNoAcknowledgedWriteAndRepeatsNone) {
  const char* duration = std::getenv("FLOTILLA_TEST_SECONDS");
  const auto until = steady_clock::now() + seconds(duration == nullptr ? 5 : std::atoi(duration));
  ClientOptions options;
  options.timeout = seconds(30);
  auto client = *Client::Connect(Endpoints(), options);
  std::vector<CountingCaller> callers;
  for (int i = 0; i < 16; ++i) callers.emplace_back(*client, "counter/" + std::to_string(i));
  std::vector<std::thread> threads;
  for (CountingCaller& caller : callers) threads.emplace_back([&] { caller.Run(until); });
  for (std::thread& thread : threads) thread.join();
  int64_t total = 0;
  steady_clock::duration longest{0};
  for (CountingCaller& caller : callers) {
    caller.Check();
    EXPECT_GT(caller.acknowledged, 0) << caller.last_error;
    total += caller.acknowledged;
    longest = std::max(longest, caller.longest);
  }
  std::cout << total << " increments, the longest took "
            << std::chrono::duration_cast<milliseconds>(longest).count() << " ms\n";
}

}  // namespace
}  // namespace flotilla::client
