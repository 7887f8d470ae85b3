// KvService over a real connection, in front of a node that does as the test says.
#include "server/kv_service.h"

#include <algorithm>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/posix_clock.h"
#include "base/posix_executor.h"
#include "flotilla/v1/kv_service.grpc.pb.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "node/errors.h"
#include "server/credentials.h"
#include "server/grpc_endpoint.h"
#include "server/pipeline_stream.h"
#include "tests/server/fake_node.h"

namespace flotilla::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// Counts what is posted, to show what costs a turn.
class CountingExecutor : public Executor {
 public:
  explicit CountingExecutor(Clock& clock) : executor_(clock, "test") {}
  void Post(Task task) override {
    ++posts;
    executor_.Post(std::move(task));
  }
  TimerId PostAt(MonoTime when, Task task) override {
    return executor_.PostAt(when, std::move(task));
  }
  void Cancel(TimerId timer) override { executor_.Cancel(timer); }

  std::atomic<int> posts = 0;

 private:
  PosixExecutor executor_;
};

class KvServiceTest : public testing::Test {
 protected:
  using Stream = grpc::ClientReaderWriter<v1::PipelineRequest, v1::PipelineResponse>;

  KvServiceTest() {
    auto doorman = Doorman::Listen({"127.0.0.1", 0}, {});
    endpoint_ = GrpcEndpoint::Start(*std::move(doorman), *credentials_, {service_.get()}, {});
    channel_ = grpc::CreateChannel(FormatValue(endpoint_->address()), credentials_->ForDialer());
    stub_ = v1::KvService::NewStub(channel_);
  }

  static v1::PipelineRequest PutsFrom(uint64_t first, int count) {
    v1::PipelineRequest request;
    for (int i = 0; i < count; ++i) {
      auto* operation = request.add_operations();
      operation->set_id(first + i);
      operation->mutable_put()->set_key("k");
    }
    return request;
  }

  static v1::PipelineRequest GetsFrom(uint64_t first, int count) {
    v1::PipelineRequest request;
    for (int i = 0; i < count; ++i) {
      auto* operation = request.add_operations();
      operation->set_id(first + i);
      operation->mutable_get()->set_key("k");
    }
    return request;
  }

  static node::ReadReply RowOf(std::string value) {
    node::ReadReply reply;
    reply.result.rows = {kv::Row{.key = "k", .value = std::move(value)}};
    return reply;
  }

  // Streams and calls are forgotten a moment after their clients know the end.
  void WaitForNoAnswers() {
    while (gateway_.budget().used() > 0) std::this_thread::yield();
  }

  // Ids of the next `count` results, however they are spread over messages.
  static std::vector<uint64_t> ReadIds(Stream& stream, size_t count) {
    std::vector<uint64_t> ids;
    v1::PipelineResponse response;
    while (ids.size() < count && stream.Read(&response)) {
      for (const auto& result : response.results()) ids.push_back(result.id());
    }
    return ids;
  }

  PosixClock clock_;
  FakeNode node_;
  CountingExecutor executor_{clock_};
  MetricsRegistry registry_;
  NullLogger logger_;
  RequestMetrics metrics_{registry_};
  Gateway gateway_{node_, executor_, clock_, logger_, metrics_, {}};
  RequestCodec codec_{RequestOptions()};
  const std::unique_ptr<CredentialsFactory> credentials_ = NewInsecureCredentials();
  const std::unique_ptr<grpc::Service> service_ = NewKvService(gateway_, codec_);
  std::unique_ptr<GrpcEndpoint> endpoint_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::KvService::Stub> stub_;
};

TEST_F(KvServiceTest, AUnaryCallReachesTheNodeWithItsDeadlineAndTrace) {
  std::optional<node::WriteRequest> seen;
  node_.on_write = [&](node::WriteRequest request, node::WriteDone done) {
    seen = std::move(request);
    done({});
  };
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
  context.AddMetadata("traceparent", "00-trace");
  context.AddMetadata("x-request-id", "r1");
  v1::PutRequest request;
  request.set_key("k");
  v1::PutResponse response;
  ASSERT_TRUE(stub_->Put(&context, request, &response).ok());
  EXPECT_EQ(View(seen->context.traceparent), "00-trace");
  EXPECT_EQ(View(seen->context.request_id), "r1");
  // gRPC sends a timeout in three digits, rounded up.
  EXPECT_LE(seen->context.deadline, clock_.Now() + std::chrono::milliseconds(5050));
}

TEST_F(KvServiceTest, AFailedCallCarriesTheErrorInItsDetails) {
  node_.on_write = [](const node::WriteRequest&, node::WriteDone done) {
    node::WriteReply reply;
    reply.error.code = absl::StatusCode::kAborted;
    reply.error.reason = node::Reason::kLeadershipLost;
    reply.error.outcome = node::Outcome::kUnknown;
    reply.error.message = "who knows";
    done(std::move(reply));
  };
  grpc::ClientContext context;
  v1::PutRequest request;
  request.set_key("k");
  v1::PutResponse response;
  const grpc::Status status = stub_->Put(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(status.error_message(), "who knows");
  EXPECT_THAT(status.error_details(), HasSubstr("LEADERSHIP_LOST"));
  EXPECT_THAT(status.error_details(), HasSubstr("type.googleapis.com/google.rpc.ErrorInfo"));
}

TEST_F(KvServiceTest, AMessageOfManyOperationsCostsTheExecutorTwoTasks) {
  grpc::ClientContext context;
  const auto stream = stub_->Pipeline(&context);
  const int before = executor_.posts;
  ASSERT_TRUE(stream->Write(PutsFrom(1, 500)));
  v1::PipelineResponse response;
  ASSERT_TRUE(stream->Read(&response));
  // All at once, and in one message, because they were answered in one turn.
  EXPECT_EQ(response.results_size(), 500);
  EXPECT_EQ(executor_.posts - before, 2);
  stream->WritesDone();
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(KvServiceTest, AnswersMayComeInAnyOrder) {
  std::map<int, node::WriteDone> waiting;
  node_.on_write = [&](const node::WriteRequest&, node::WriteDone done) {
    waiting.emplace(static_cast<int>(waiting.size()), std::move(done));
    if (waiting.size() < 3) return;
    for (const int i : {2, 0, 1}) waiting[i]({});
  };
  grpc::ClientContext context;
  const auto stream = stub_->Pipeline(&context);
  ASSERT_TRUE(stream->Write(PutsFrom(10, 3)));
  EXPECT_THAT(ReadIds(*stream, 3), ElementsAre(12, 10, 11));
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(KvServiceTest, AClientThatSendsNoMoreStillGetsEveryAnswer) {
  std::promise<node::WriteDone> taken;
  node_.on_write = [&](const node::WriteRequest&, node::WriteDone done) {
    taken.set_value(std::move(done));
  };
  grpc::ClientContext context;
  const auto stream = stub_->Pipeline(&context);
  ASSERT_TRUE(stream->Write(PutsFrom(1, 1)));
  stream->WritesDone();
  node::WriteDone done = taken.get_future().get();
  executor_.Post([&] { done({}); });
  EXPECT_THAT(ReadIds(*stream, 2), ElementsAre(1));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(KvServiceTest, AnAnswerForAClientThatHasGoneIsDropped) {
  std::promise<node::WriteDone> taken;
  node_.on_write = [&](const node::WriteRequest&, node::WriteDone done) {
    taken.set_value(std::move(done));
  };
  grpc::ClientContext context;
  const auto stream = stub_->Pipeline(&context);
  ASSERT_TRUE(stream->Write(PutsFrom(1, 1)));
  node::WriteDone done = taken.get_future().get();
  context.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);

  std::promise<void> over;
  executor_.Post([&] {
    done({});
    executor_.Post([&] { over.set_value(); });
  });
  over.get_future().wait();
  // And the server serves others.
  node_.on_write = [](const node::WriteRequest&, node::WriteDone next) { next({}); };
  grpc::ClientContext another;
  v1::PutRequest request;
  request.set_key("k");
  v1::PutResponse response;
  EXPECT_TRUE(stub_->Put(&another, request, &response).ok());
}

TEST_F(KvServiceTest, LargeAnswersAreSpreadOverMessages) {
  node_.on_read = [](const node::ReadRequest& request, node::ReadDone done) {
    node::ReadReply reply;
    reply.result.rows = {kv::Row{.key = std::get<kv::Get>(request.read.operation).key,
                                 .value = std::string(400'000, 'v')}};
    done(std::move(reply));
  };
  grpc::ClientContext context;
  const auto stream = stub_->Pipeline(&context);
  v1::PipelineRequest request;
  for (int i = 0; i < 100; ++i) {
    request.add_operations()->set_id(i);
    request.mutable_operations(i)->mutable_get()->set_key("k");
  }
  ASSERT_TRUE(stream->Write(request));
  size_t results = 0;
  v1::PipelineResponse response;
  while (results < 100 && stream->Read(&response)) {
    EXPECT_LE(response.ByteSizeLong(), 2u << 20);
    results += response.results_size();
  }
  EXPECT_EQ(results, 100u);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(KvServiceTest, AMessageOfTooManyOperationsEndsTheStream) {
  grpc::ClientContext context;
  const auto stream = stub_->Pipeline(&context);
  ASSERT_TRUE(stream->Write(PutsFrom(1, PipelineStream::kMaxMessageOperations)));
  EXPECT_EQ(ReadIds(*stream, PipelineStream::kMaxMessageOperations).size(),
            static_cast<size_t>(PipelineStream::kMaxMessageOperations));
  ASSERT_TRUE(stream->Write(PutsFrom(1, PipelineStream::kMaxMessageOperations + 1)));
  v1::PipelineResponse response;
  EXPECT_FALSE(stream->Read(&response));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "a message has at most 4096 operations, not 4097");
}

TEST_F(KvServiceTest, ReadsAreAskedForAsFastAsTheirAnswersLeave) {
  constexpr size_t kReads = 1000;
  std::atomic<size_t> asked = 0;
  std::atomic<size_t> most_held = 0;
  node_.on_read = [&](const node::ReadRequest&, node::ReadDone done) {
    ++asked;
    done(RowOf(std::string(1 << 20, 'v')));
    most_held = std::max<size_t>(most_held, gateway_.budget().used());
  };
  grpc::ClientContext context;
  const auto stream = stub_->Pipeline(&context);
  ASSERT_TRUE(stream->Write(GetsFrom(1, kReads)));
  while (asked == 0) std::this_thread::yield();
  // Nobody reads the answers: what was asked for stays as it is.
  EXPECT_LT(asked, 100u);
  std::set<uint64_t> answered;
  v1::PipelineResponse response;
  while (answered.size() < kReads && stream->Read(&response)) {
    for (const auto& result : response.results()) {
      EXPECT_EQ(result.get().row().value().size(), 1u << 20) << result.error().message();
      answered.insert(result.id());
    }
  }
  EXPECT_EQ(answered.size(), kReads);
  EXPECT_LT(most_held, 70u << 20);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(KvServiceTest, ReadsOfSmallRowsAreSoonAskedForAllAtOnce) {
  node_.on_read = [&](const node::ReadRequest&, node::ReadDone done) { done(RowOf("v")); };
  grpc::ClientContext context;
  const auto stream = stub_->Pipeline(&context);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(stream->Write(GetsFrom(1, 500)));
    EXPECT_EQ(ReadIds(*stream, 500).size(), 500u);
  }
  std::vector<node::ReadDone> waiting;
  node_.on_read = [&](const node::ReadRequest&, node::ReadDone done) {
    waiting.push_back(std::move(done));
    if (waiting.size() < 4000) return;
    for (node::ReadDone& one : waiting) one(RowOf("v"));
  };
  ASSERT_TRUE(stream->Write(GetsFrom(1, 4000)));
  EXPECT_EQ(ReadIds(*stream, 4000).size(), 4000u);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(KvServiceTest, WhatDoesNotFitIsRefusedWhenNothingWasChanged) {
  // Small reads, then all the answers are large at once.
  bool large = false;
  node_.on_read = [&](const node::ReadRequest&, node::ReadDone done) {
    done(RowOf(std::string(large ? 1 << 20 : 1, 'v')));
  };
  grpc::ClientContext context;
  const auto stream = stub_->Pipeline(&context);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(stream->Write(GetsFrom(1, 500)));
    EXPECT_EQ(ReadIds(*stream, 500).size(), 500u);
  }
  std::promise<void> changed;
  executor_.Post([&] {
    large = true;
    changed.set_value();
  });
  changed.get_future().wait();
  ASSERT_TRUE(stream->Write(GetsFrom(1, 500)));
  size_t ok = 0;
  size_t refused = 0;
  v1::PipelineResponse response;
  while (ok + refused < 500 && stream->Read(&response)) {
    for (const auto& result : response.results()) {
      ++(result.has_error() ? refused : ok);
      if (!result.has_error()) continue;
      EXPECT_EQ(result.error().reason(), v1::REASON_OVERLOADED);
      EXPECT_GT(result.error().retry_after_ms(), 0u);
    }
  }
  EXPECT_GE(ok, 30u);
  EXPECT_GT(refused, 100u);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
  WaitForNoAnswers();
}

TEST_F(KvServiceTest, AnswersThatNobodyReadsAreForgottenWithTheirStream) {
  node_.on_read = [&](const node::ReadRequest&, node::ReadDone done) {
    done(RowOf(std::string(1 << 20, 'v')));
  };
  {
    grpc::ClientContext context;
    const auto stream = stub_->Pipeline(&context);
    ASSERT_TRUE(stream->Write(GetsFrom(1, 500)));
    while (gateway_.budget().used() == 0) std::this_thread::yield();
    context.TryCancel();
    EXPECT_FALSE(stream->Finish().ok());
  }
  grpc::ClientContext context;
  v1::GetRequest request;
  request.set_key("k");
  v1::GetResponse response;
  EXPECT_TRUE(stub_->Get(&context, request, &response).ok());
  WaitForNoAnswers();
}

TEST_F(KvServiceTest, AnAppliedWriteIsNotDeniedWhenItsAnswerIsTooLarge) {
  kv::ResultCode code = kv::ResultCode::kOk;
  node_.on_write = [&](const node::WriteRequest&, node::WriteDone done) {
    node::WriteReply reply;
    reply.result.code = code;
    reply.result.value = std::string(16 << 20, 'v');
    done(std::move(reply));
  };
  const auto outcome_of_cas = [&] {
    grpc::ClientContext context;
    v1::CompareAndSwapRequest request;
    request.mutable_condition()->set_key("k");
    request.mutable_condition()->set_absent(true);
    v1::CompareAndSwapResponse response;
    const grpc::Status status = stub_->CompareAndSwap(&context, request, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_THAT(status.error_message(), HasSubstr("the answer has 16777"));
    return status.error_details();
  };
  EXPECT_THAT(outcome_of_cas(), Not(HasSubstr("NOT_APPLIED")));
  code = kv::ResultCode::kCompareFailed;
  EXPECT_THAT(outcome_of_cas(), HasSubstr("NOT_APPLIED"));
}

TEST_F(KvServiceTest, AScanAsksPageAfterPageUntilItsLimit) {
  std::vector<std::string> asked_from;
  node_.on_read = [&](const node::ReadRequest& request, node::ReadDone done) {
    const auto& page = std::get<kv::ScanPage>(request.read.operation);
    asked_from.push_back(page.from);
    node::ReadReply reply;
    for (uint32_t i = 0; i < std::min(page.max_rows, 3u); ++i) {
      reply.result.rows.push_back(kv::Row{.key = page.from + std::to_string(i)});
    }
    reply.result.resume_key = page.from + "x";
    reply.result.arc = sharding::Arc{};
    done(std::move(reply));
  };
  grpc::ClientContext context;
  v1::ScanRequest request;
  request.set_start_key("a");
  request.set_limit(8);
  request.set_page_size(3);
  const auto stream = stub_->Scan(&context, request);
  std::vector<int> pages;
  v1::ScanResponse response;
  while (stream->Read(&response)) pages.push_back(response.rows_size());
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_THAT(pages, ElementsAre(3, 3, 2));
  EXPECT_THAT(asked_from, ElementsAre("a", "ax", "axx"));
}

// Keys k0 to k99 in four shards, of which the node tells by their slots only.
void AnswerAsFourShards(const node::ReadRequest& request, node::ReadDone done) {
  const auto& page = std::get<kv::ScanPage>(request.read.operation);
  node::ReadReply reply;
  const auto first = static_cast<uint16_t>(page.slots->first.value / 4096 * 4096);
  const sharding::Arc arc{sharding::Slot{first},
                          sharding::Slot{static_cast<uint16_t>(first + 4095)}};
  reply.result.arc = arc;
  for (int i = 100; i < 200; ++i) {
    const std::string key = "k" + std::to_string(i);
    const sharding::Slot slot = sharding::SlotOf(key);
    if (key < page.from || !arc.Contains(slot) || !page.slots->Contains(slot)) continue;
    if (reply.result.rows.size() == page.max_rows) {
      reply.result.resume_key = key;
      break;
    }
    reply.result.rows.push_back(kv::Row{.key = key});
  }
  done(std::move(reply));
}

TEST_F(KvServiceTest, AScanThatNamesNoShardIsMergedOfAll) {
  node_.on_read = AnswerAsFourShards;
  for (const uint32_t page_size : {0, 20}) {
    grpc::ClientContext context;
    v1::ScanRequest request;
    request.set_page_size(page_size);
    const auto stream = stub_->Scan(&context, request);
    std::vector<std::string> keys;
    v1::ScanResponse response;
    while (stream->Read(&response)) {
      for (const v1::KeyValue& row : response.rows()) keys.push_back(row.key());
    }
    EXPECT_TRUE(stream->Finish().ok());
    EXPECT_EQ(keys.size(), 100);
    EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
  }
}

TEST_F(KvServiceTest, AMergedScanGoesOnAtItsToken) {
  node_.on_read = AnswerAsFourShards;
  std::vector<std::string> keys;
  v1::ScanRequest request;
  do {
    grpc::ClientContext context;
    request.set_page_size(30);
    const auto stream = stub_->Scan(&context, request);
    v1::ScanResponse response;
    ASSERT_TRUE(stream->Read(&response));
    for (const v1::KeyValue& row : response.rows()) keys.push_back(row.key());
    request.set_page_token(response.next_page_token());
    context.TryCancel();
  } while (!request.page_token().empty());
  EXPECT_EQ(keys.size(), 100);
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
}

TEST_F(KvServiceTest, AMergedScanEndsWithTheErrorOfOneShard) {
  node_.on_read = [&](const node::ReadRequest& request, node::ReadDone done) {
    const auto& page = std::get<kv::ScanPage>(request.read.operation);
    if (page.slots->first.value < 8192) return AnswerAsFourShards(request, std::move(done));
    done({.error = node::NoLeader(), .result = {}, .lag = {}});
  };
  grpc::ClientContext context;
  const auto stream = stub_->Scan(&context, v1::ScanRequest());
  v1::ScanResponse response;
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(KvServiceTest, AMergedScanRefusesATokenOfAnotherRange) {
  grpc::ClientContext context;
  v1::ScanRequest request;
  request.set_page_token("token");
  const auto stream = stub_->Scan(&context, request);
  v1::ScanResponse response;
  EXPECT_FALSE(stream->Read(&response));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("page token"));
}

TEST_F(KvServiceTest, AShutdownEndsIdleStreams) {
  grpc::ClientContext context;
  const auto stream = stub_->Pipeline(&context);
  ASSERT_TRUE(stream->Write(PutsFrom(1, 1)));
  EXPECT_THAT(ReadIds(*stream, 1), ElementsAre(1));
  endpoint_->Shutdown(std::chrono::milliseconds(1));
  v1::PipelineResponse response;
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_FALSE(stream->Finish().ok());
}

}  // namespace
}  // namespace flotilla::server
