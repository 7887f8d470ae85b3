#include "server/reply_codec.h"

#include <string>
#include <utility>

#include "flotilla/v1/kv.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sharding/page_token.h"

namespace flotilla::server {
namespace {

using sharding::DecodePageToken;
using std::chrono::microseconds;
using std::chrono::milliseconds;

v1::PipelineResult Encoded(OperationKind kind, kv::CommandResult result) {
  v1::PipelineResult out;
  EncodeAnswer({.context = {.id = 3, .kind = kind},
                .reply = node::WriteReply{.error = {}, .result = std::move(result)}},
               &out);
  EXPECT_EQ(out.id(), 3u);
  return out;
}

v1::PipelineResult Encoded(OperationKind kind, node::ReadReply reply) {
  v1::PipelineResult out;
  EncodeAnswer(
      {.context = {.id = 3, .kind = kind, .range_fingerprint = 77}, .reply = std::move(reply)},
      &out);
  return out;
}

kv::CommandResult ResultOf(kv::ResultCode code, uint64_t version = 0) {
  kv::CommandResult result;
  result.code = code;
  result.version = version;
  return result;
}

TEST(ReplyCodec, AnswersWritesInTheirOwnTerms) {
  kv::CommandResult result = ResultOf(kv::ResultCode::kOk, 12);
  result.replayed = true;
  EXPECT_EQ(Encoded(OperationKind::kPut, result).put().version(), 12u);
  EXPECT_TRUE(Encoded(OperationKind::kPut, result).put().replayed());
  EXPECT_EQ(Encoded(OperationKind::kAppend, result).append().version(), 12u);
  EXPECT_TRUE(Encoded(OperationKind::kDelete, result).delete_().found());
  result.value = "-42";
  EXPECT_EQ(Encoded(OperationKind::kIncrement, result).increment().value(), -42);
  result.session_token = "t";
  EXPECT_EQ(Encoded(OperationKind::kOpenSession, result).open_session().session_token(), "t");
  EXPECT_TRUE(Encoded(OperationKind::kCloseSession, result).has_close_session());
  EXPECT_TRUE(Encoded(OperationKind::kKeepSessionAlive, result).has_keep_session_alive());
}

TEST(ReplyCodec, SomeRefusalsArePlainAnswers) {
  const auto absent = Encoded(OperationKind::kDelete, ResultOf(kv::ResultCode::kNotFound));
  EXPECT_TRUE(absent.has_delete_());
  EXPECT_FALSE(absent.delete_().found());

  kv::CommandResult failed = ResultOf(kv::ResultCode::kCompareFailed, 8);
  failed.value = "there";
  const auto compared = Encoded(OperationKind::kCompareAndSwap, failed).compare_and_swap();
  EXPECT_FALSE(compared.succeeded());
  EXPECT_EQ(compared.version(), 8u);
  EXPECT_EQ(compared.current_value(), "there");
}

TEST(ReplyCodec, TellsAnEmptyValueInTheWayFromAnAbsentKey) {
  kv::CommandResult failed = ResultOf(kv::ResultCode::kCompareFailed, 8);
  EXPECT_FALSE(
      Encoded(OperationKind::kCompareAndSwap, failed).compare_and_swap().has_current_value());
  failed.value = "";
  EXPECT_TRUE(
      Encoded(OperationKind::kCompareAndSwap, failed).compare_and_swap().has_current_value());
}

TEST(ReplyCodec, EveryOtherRefusalIsAnErrorWithAnOutcome) {
  using kv::ResultCode;
  struct Case {
    ResultCode code;
    v1::Reason reason;
    v1::Outcome outcome;
  };
  for (const Case& expected : {
           Case{ResultCode::kNotANumber, v1::REASON_NOT_A_NUMBER, v1::OUTCOME_NOT_APPLIED},
           Case{ResultCode::kOverflow, v1::REASON_NUMBER_OVERFLOW, v1::OUTCOME_NOT_APPLIED},
           Case{ResultCode::kTooLarge, v1::REASON_VALUE_TOO_LARGE, v1::OUTCOME_NOT_APPLIED},
           Case{ResultCode::kSessionUnknown, v1::REASON_SESSION_UNKNOWN, v1::OUTCOME_NOT_APPLIED},
           Case{ResultCode::kSequenceForgotten, v1::REASON_SEQUENCE_FORGOTTEN, v1::OUTCOME_UNKNOWN},
           Case{ResultCode::kWindowFull, v1::REASON_SESSION_WINDOW_FULL, v1::OUTCOME_NOT_APPLIED},
           Case{ResultCode::kWrongShard, v1::REASON_WRONG_SHARD, v1::OUTCOME_NOT_APPLIED},
           Case{ResultCode::kInvalid, v1::REASON_INVALID_REQUEST, v1::OUTCOME_NOT_APPLIED},
           Case{ResultCode::kEntryFull, v1::REASON_OVERLOADED, v1::OUTCOME_NOT_APPLIED},
       }) {
    const auto out = Encoded(OperationKind::kIncrement, ResultOf(expected.code));
    ASSERT_TRUE(out.has_error());
    EXPECT_EQ(out.error().reason(), expected.reason);
    EXPECT_EQ(out.error().outcome(), expected.outcome);
    EXPECT_NE(out.error().code(), 0);
    EXPECT_NE(out.error().message(), "");
  }
}

TEST(ReplyCodec, NeverPassesOffAnAnswerThatDoesNotFit) {
  EXPECT_EQ(Encoded(OperationKind::kIncrement, ResultOf(kv::ResultCode::kOk)).error().reason(),
            v1::REASON_INTERNAL);
  EXPECT_EQ(Encoded(OperationKind::kPut, ResultOf(kv::ResultCode::kNotFound)).error().reason(),
            v1::REASON_INTERNAL);
}

TEST(ReplyCodec, ListsTheResultsOfATxnAndNamesTheOperationThatFailed) {
  kv::CommandResult txn = ResultOf(kv::ResultCode::kOk);
  txn.conditions_held = true;
  txn.nested = {ResultOf(kv::ResultCode::kOk, 4), ResultOf(kv::ResultCode::kNotFound)};
  txn.nested[0].value = "17";
  const v1::TxnResponse response = Encoded(OperationKind::kTxn, txn).txn();
  EXPECT_TRUE(response.succeeded());
  EXPECT_EQ(response.results(0).number(), 17);
  EXPECT_EQ(response.results(0).version(), 4u);
  EXPECT_TRUE(response.results(1).not_found());

  kv::CommandResult failed = ResultOf(kv::ResultCode::kNotANumber);
  failed.failed_operation = 2;
  EXPECT_EQ(Encoded(OperationKind::kBatch, failed).error().failed_operation(), 2u);
}

TEST(ReplyCodec, ReportsErrorsWithRouteAndRoundsTheWaitUp) {
  node::WriteReply reply;
  reply.error.code = absl::StatusCode::kUnavailable;
  reply.error.reason = node::Reason::kNotLeader;
  reply.error.outcome = node::Outcome::kUnknown;
  reply.error.retry_after = microseconds(1500);
  reply.error.route = node::Route{
      .shard = ShardId(1), .version = 2, .leader = NodeId(3), .leader_address = "n3:6170"};
  v1::PipelineResult out;
  EncodeAnswer({.context = {.kind = OperationKind::kPut}, .reply = reply}, &out);
  EXPECT_EQ(out.error().code(), static_cast<int>(absl::StatusCode::kUnavailable));
  EXPECT_EQ(out.error().reason(), v1::REASON_NOT_LEADER);
  EXPECT_EQ(out.error().outcome(), v1::OUTCOME_UNKNOWN);
  EXPECT_EQ(out.error().retry_after_ms(), 2u);
  EXPECT_EQ(out.error().route().leader_node_id(), 3u);
  EXPECT_EQ(out.error().route().leader_address(), "n3:6170");
}

TEST(ReplyCodec, ReadsHaveNoOutcome) {
  node::Error error;
  error.code = absl::StatusCode::kUnavailable;
  const auto failed = Encoded(OperationKind::kGet, node::ReadReply{.error = error});
  EXPECT_EQ(failed.error().outcome(), v1::OUTCOME_UNSPECIFIED);
  v1::PipelineResult refused;
  EncodeAnswer({.context = {.kind = OperationKind::kScan}, .reply = error}, &refused);
  EXPECT_EQ(refused.error().outcome(), v1::OUTCOME_UNSPECIFIED);
  EncodeAnswer({.context = {.kind = OperationKind::kPut}, .reply = error}, &refused);
  EXPECT_EQ(refused.error().outcome(), v1::OUTCOME_NOT_APPLIED);
}

TEST(ReplyCodec, AnswersReadsWithRowsAndTheStateTheySaw) {
  node::ReadReply reply;
  reply.result.rows = {kv::Row{.key = "k", .value = "v", .version = 5, .created_version = 4}};
  reply.result.revision = 9;
  reply.result.applied = LogIndex(11);
  reply.lag = milliseconds(3);
  const v1::GetResponse get = Encoded(OperationKind::kGet, reply).get();
  EXPECT_EQ(get.row().value(), "v");
  EXPECT_EQ(get.row().created_version(), 4u);
  EXPECT_EQ(get.state().revision(), 9u);
  EXPECT_EQ(get.state().applied_index(), 11u);
  EXPECT_EQ(get.state().lag_ms(), 3u);

  reply.result.rows.push_back(std::nullopt);
  const v1::BatchGetResponse batch = Encoded(OperationKind::kBatchGet, reply).batch_get();
  ASSERT_EQ(batch.items_size(), 2);
  EXPECT_TRUE(batch.items(0).has_row());
  EXPECT_FALSE(batch.items(1).has_row());
}

TEST(ReplyCodec, AnAbsentKeyIsAnAnswerWithoutRow) {
  const auto out = Encoded(OperationKind::kGet, node::ReadReply{});
  EXPECT_TRUE(out.has_get());
  EXPECT_FALSE(out.get().has_row());
}

TEST(ReplyCodec, GivesAPageTokenOnlyWhileSomethingIsLeft) {
  node::ReadReply reply;
  reply.result.count = 6;
  EXPECT_EQ(Encoded(OperationKind::kScan, reply).scan().next_page_token(), "");
  reply.result.resume_key = "m";
  const v1::ScanResponse scan = Encoded(OperationKind::kScan, reply).scan();
  EXPECT_EQ(*DecodePageToken(scan.next_page_token(), 77), "m");
  EXPECT_EQ(scan.count(), 6u);
}

}  // namespace
}  // namespace flotilla::server
