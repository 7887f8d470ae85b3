// The library as programs use it: threads, time, and nodes that are not there.
#include "flotilla/client.h"

#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "tests/client/fake_server.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flotilla {
namespace {

using client::FakeServer;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

ClientOptions Hasty() {
  ClientOptions options;
  options.timeout = milliseconds(300);
  options.attempt_timeout = milliseconds(100);
  return options;
}

TEST(Client, RefusesMalformedEndpointsAndOptions) {
  EXPECT_EQ(Client::Connect("").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Client::Connect("host:port").status().code(), StatusCode::kInvalidArgument);
  ClientOptions options;
  options.timeout = seconds(0);
  EXPECT_EQ(Client::Connect("host:1", options).status().code(), StatusCode::kInvalidArgument);
}

TEST(Client, AnUnreachableClusterShowsInTheFirstCallAtItsDeadline) {
  auto client = Client::Connect("127.0.0.1:1", Hasty());
  ASSERT_TRUE(client.ok());
  const auto start = steady_clock::now();
  auto put = (*client)->Put("k", "v");
  EXPECT_LT(steady_clock::now() - start, seconds(2));
  EXPECT_EQ(put.status().code(), StatusCode::kUnavailable) << put.status();
  EXPECT_EQ(put.status().outcome(), Outcome::kNotApplied);
}

TEST(Client, ACallMaySetItsOwnTimeout) {
  FakeServer server;
  auto client = *Client::Connect(server.endpoint());
  ASSERT_TRUE(client->Put("k", "v").ok());
  server.HoldAnswers();
  WriteOptions options;
  options.timeout = milliseconds(100);
  const auto start = steady_clock::now();
  auto put = client->Put("k", "v", options);
  EXPECT_EQ(put.status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(put.status().outcome(), Outcome::kUnknown) << put.status();
  EXPECT_LT(steady_clock::now() - start, seconds(2));
}

TEST(Client, CallsOfManyThreadsShareMessages) {
  FakeServer server;
  auto client = *Client::Connect(server.endpoint());
  constexpr int kThreads = 32;
  constexpr int kCalls = 200;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kCalls; ++i) EXPECT_TRUE(client->Increment("n").ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(client->Get("n")->value, std::to_string(kThreads * kCalls));
  EXPECT_LT(server.messages(), server.operations());
}

TEST(Client, DestructionIsBoundedAndEndsTheCallsUnderWay) {
  FakeServer server;
  auto client = *Client::Connect(server.endpoint());
  ASSERT_TRUE(client->Put("k", "v").ok());
  server.HoldAnswers();
  auto put = client->PutAsync("k", "v");
  auto chained = client->GetAsync("k").then(
      [](StatusOr<GetResult> result) { return result.status().reason(); });
  const auto start = steady_clock::now();
  client.reset();
  EXPECT_LT(steady_clock::now() - start, seconds(1));
  EXPECT_EQ(put.get().status().reason(), reason::kClientClosed);
  EXPECT_EQ(chained.get(), reason::kClientClosed);
}

TEST(Client, AContinuationThatCallsAgainWhileTheClientClosesIsAnswered) {
  FakeServer server;
  auto client = *Client::Connect(server.endpoint());
  ASSERT_TRUE(client->Put("k", "v").ok());
  server.HoldAnswers();
  Client* raw = client.get();
  auto second = client->PutAsync("k", "v").then(
      [raw](StatusOr<PutResult>) { return raw->PutAsync("again", "v"); });
  client.reset();
  EXPECT_EQ(second.get().status().reason(), reason::kClientClosed);
}

TEST(Client, AServerThatStopsIsSurvivedWhenItComesBackElsewhere) {
  auto first = std::make_unique<FakeServer>();
  FakeServer second;
  auto client = *Client::Connect(first->endpoint() + "," + second.endpoint());
  ASSERT_TRUE(client->Put("k", "v").ok());
  first.reset();
  EXPECT_TRUE(client->Put("k", "v").ok());
}

TEST(Client, TooManyUnansweredBytesAreRefusedAtOnce) {
  FakeServer server;
  server.HoldAnswers();
  ClientOptions options;
  options.max_pending_bytes = 100'000;
  auto client = *Client::Connect(server.endpoint(), options);
  std::vector<Future<StatusOr<PutResult>>> puts;
  for (int i = 0; i < 20; ++i) puts.push_back(client->PutAsync("k", std::string(10'000, 'x')));
  auto refused = puts.back().get();
  EXPECT_EQ(refused.status().reason(), reason::kClientOverloaded);
  EXPECT_EQ(refused.status().outcome(), Outcome::kNotApplied);
}

TEST(Client, AnsweredBytesAreGivenBack) {
  FakeServer server;
  ClientOptions options;
  options.max_pending_bytes = 100'000;
  auto client = *Client::Connect(server.endpoint(), options);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(client->Put("k", std::string(50'000, 'x')).ok());
}

TEST(Client, ACallThatNoServerTakesIsRefusedAtOnce) {
  FakeServer server;
  auto client = *Client::Connect(server.endpoint());
  auto put = client->Put("k", std::string(20 << 20, 'x'));
  EXPECT_EQ(put.status().code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(client->Put("k", "v").ok()) << "and nothing else suffers";
}

// Few bytes, but a message that no server reads, in frames alone.
TEST(Client, RefusesACallOfTooManyPartsBeforeItIsSent) {
  FakeServer server;
  auto client = *Client::Connect(server.endpoint());
  const std::vector<Mutation> deletes(1'000'000, Mutation::Delete("k"));
  const auto batch = client->Batch(deletes);
  EXPECT_EQ(batch.status().code(), StatusCode::kInvalidArgument) << batch.status();
  EXPECT_EQ(server.operations(), 0);
}

TEST(Client, DescribesTheClusterWithTheNodesThatDoNotAnswer) {
  FakeServer server;
  auto client = *Client::Connect(server.endpoint());
  const ClusterStatus status = client->DescribeCluster();
  ASSERT_EQ(status.nodes.size(), 2);
  EXPECT_EQ(status.nodes[0].node_id, 1);
  EXPECT_EQ(status.nodes[0].phase, "serving");
  EXPECT_EQ(status.nodes[0].replicas.at(0).role, "leader");
  EXPECT_FALSE(status.nodes[1].status.ok());
  EXPECT_FALSE(status.healthy());
  // A founder that was replaced and is gone for good stays in every node's folder.
  ClusterStatus replaced = status;
  replaced.nodes[0].replicas[0].voters = {1};
  EXPECT_TRUE(replaced.healthy());
}

TEST(ClientDeathTest, WaitingInAContinuationIsReported) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        FakeServer server;
        auto client = *Client::Connect(server.endpoint());
        client->PutAsync("k", "v")
            .then([&](StatusOr<PutResult>) { return client->Get("k").ok(); })
            .get();
      },
      "a continuation waits");
}

}  // namespace
}  // namespace flotilla
