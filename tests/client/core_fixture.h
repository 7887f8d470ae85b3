// A ClientCore on a FakeCluster of three nodes, a, b and c, of which a leads.
#ifndef FLOTILLA_TESTS_CLIENT_CORE_FIXTURE_H_
#define FLOTILLA_TESTS_CLIENT_CORE_FIXTURE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/client_core.h"
#include "tests/client/fake_cluster.h"
#include "tests/client/virtual_time.h"
#include <gtest/gtest.h>

namespace flotilla::client {

// One call and how it ended.
struct Ended {
  std::optional<StatusOr<Result>> result;
  MonoTime at;

  bool done() const { return result.has_value(); }
  bool ok() const { return done() && result->ok(); }
  const Status& status() const { return result->status(); }
};

class CoreTest : public testing::Test {
 protected:
  CoreTest() : cluster_(time_, {"a", "b", "c"}) { options_.endpoints = {"a", "b", "c"}; }
  ~CoreTest() override {
    if (core_ != nullptr) core_->Close();
  }

  ClientCore& core() {
    if (core_ == nullptr) {
      core_ = std::make_unique<ClientCore>(options_, time_, time_, Random(1), cluster_);
    }
    return *core_;
  }

  Call MakeCall(std::shared_ptr<Ended> ended, Operation operation, Duration timeout) {
    Call call;
    call.operation = std::move(operation);
    call.deadline = time_.Now() + timeout;
    call.done = [this, ended](StatusOr<Result> result) {
      EXPECT_FALSE(ended->done()) << "a call ends once";
      ended->at = time_.Now();
      ended->result.emplace(std::move(result));
    };
    return call;
  }
  std::shared_ptr<Ended> Begin(Operation operation, Duration timeout = std::chrono::seconds(5)) {
    auto ended = std::make_shared<Ended>();
    core().Execute(MakeCall(ended, std::move(operation), timeout));
    return ended;
  }
  std::shared_ptr<Ended> Run(Operation operation, Duration timeout = std::chrono::seconds(5)) {
    auto ended = Begin(std::move(operation), timeout);
    EXPECT_TRUE(time_.RunUntil([&] { return ended->done(); })) << "a call never ended";
    return ended;
  }
  // Runs one write and one read, so that the map is known, the session open and a connected.
  void WarmUp() { ASSERT_TRUE(Run(Put{"warm", "up"})->ok()); }

  VirtualTime time_;
  FakeCluster cluster_;
  CoreOptions options_;
  std::unique_ptr<ClientCore> core_;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_TESTS_CLIENT_CORE_FIXTURE_H_
