#include "server/request_codec.h"

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "flotilla/v1/kv.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kv/command.h"
#include "kv/read.h"
#include "sharding/page_token.h"
#include "tests/support/golden_file.h"

namespace flotilla::server {
namespace {

using sharding::DecodePageToken;
using sharding::EncodePageToken;
using sharding::RangeFingerprint;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr MonoTime kNow{seconds(1000)};

std::string Token() {
  return kv::EncodeSessionToken({.shard = ShardId(1), .index = LogIndex(7), .position = 2});
}

ClientOperation Decode(v1::PipelineOperation operation, MonoTime deadline = MonoTime::max()) {
  CallInfo call;
  call.now = kNow;
  call.deadline = deadline;
  return RequestCodec({}).Decode(operation, call);
}

kv::Command CommandOf(const ClientOperation& operation) {
  const auto* write = std::get_if<node::WriteRequest>(&operation.request);
  if (write == nullptr) {
    ADD_FAILURE() << "not a write";
    return {};
  }
  return *kv::DecodeCommand(View(write->command));
}

node::ReadRequest ReadOf(const ClientOperation& operation) {
  const auto* read = std::get_if<node::ReadRequest>(&operation.request);
  if (read == nullptr) ADD_FAILURE() << "not a read";
  return read == nullptr ? node::ReadRequest{} : *read;
}

std::string RefusalOf(const ClientOperation& operation) {
  const auto* error = std::get_if<node::Error>(&operation.request);
  if (error == nullptr) return "accepted";
  EXPECT_EQ(error->reason, node::Reason::kInvalidRequest);
  EXPECT_EQ(error->outcome, node::Outcome::kNotApplied);
  return error->message;
}

v1::PipelineOperation PutOf(const std::string& key, const std::string& value) {
  v1::PipelineOperation operation;
  operation.set_id(5);
  operation.mutable_put()->set_key(key);
  operation.mutable_put()->set_value(value);
  return operation;
}

v1::PipelineOperation GetOf(const std::string& key) {
  v1::PipelineOperation operation;
  operation.mutable_get()->set_key(key);
  return operation;
}

TEST(RequestCodec, TurnsAPutIntoItsCommand) {
  const ClientOperation operation = Decode(PutOf("k", std::string("v\0w", 3)));
  EXPECT_EQ(operation.answer.id, 5u);
  EXPECT_EQ(operation.answer.kind, OperationKind::kPut);
  const kv::Command command = CommandOf(operation);
  EXPECT_EQ(std::get<kv::Put>(command.operation).key, "k");
  EXPECT_EQ(std::get<kv::Put>(command.operation).value, std::string("v\0w", 3));
  EXPECT_FALSE(command.identity.session.has_value());
}

TEST(RequestCodec, KeepsTheOrderAndTheIdsOfAMessage) {
  v1::PipelineRequest request;
  for (int i = 0; i < 3; ++i) {
    *request.add_operations() = PutOf("k" + std::to_string(i), "v");
    request.mutable_operations(i)->set_id(10 + i);
  }
  const std::vector<ClientOperation> decoded = RequestCodec({}).Decode(request, CallInfo{});
  ASSERT_EQ(decoded.size(), 3u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(decoded[i].answer.id, 10u + i);
    EXPECT_EQ(std::get<kv::Put>(CommandOf(decoded[i]).operation).key, "k" + std::to_string(i));
  }
}

TEST(RequestCodec, LetsAnOperationsOwnHeaderGoBeforeTheMessages) {
  v1::PipelineRequest request;
  request.mutable_header()->set_session_token(Token());
  request.mutable_header()->set_shard_id(3);
  request.mutable_header()->set_shard_version(4);
  request.mutable_header()->set_acknowledged_below(8);
  *request.add_operations() = PutOf("a", "");
  request.mutable_operations(0)->set_sequence(9);
  *request.add_operations() = PutOf("b", "");
  request.mutable_operations(1)->mutable_put()->mutable_header()->set_sequence(10);
  request.mutable_operations(1)->mutable_put()->mutable_header()->set_shard_id(30);

  const std::vector<ClientOperation> decoded = RequestCodec({}).Decode(request, CallInfo{});
  const kv::WriteIdentity first = CommandOf(decoded[0]).identity;
  EXPECT_EQ(first.session->index, LogIndex(7));
  EXPECT_EQ(first.sequence, 9u);
  EXPECT_EQ(first.acknowledged_below, 8u);
  EXPECT_EQ(std::get<node::WriteRequest>(decoded[0].request).target.shard, ShardId(3));
  EXPECT_EQ(CommandOf(decoded[1]).identity.sequence, 10u);
  EXPECT_EQ(std::get<node::WriteRequest>(decoded[1].request).target.shard, ShardId(30));
  EXPECT_EQ(std::get<node::WriteRequest>(decoded[1].request).target.version, 4u);
}

TEST(RequestCodec, TakesTheEarlierOfTheDeadlinesAndCapsThem) {
  const auto deadline = [](uint32_t timeout_ms, MonoTime transport) {
    v1::PipelineOperation get = GetOf("k");
    get.mutable_get()->mutable_header()->set_timeout_ms(timeout_ms);
    return ReadOf(Decode(get, transport)).context.deadline - kNow;
  };
  EXPECT_EQ(deadline(250, MonoTime::max()), milliseconds(250));
  EXPECT_EQ(deadline(0, MonoTime::max()), RequestOptions().default_timeout);
  EXPECT_EQ(deadline(5000, kNow + seconds(2)), seconds(2));
  EXPECT_EQ(deadline(4'000'000'000, MonoTime::max()), RequestOptions().max_timeout);
}

TEST(RequestCodec, CarriesTraceAndRequestIdFromTheHeaderOrTheCall) {
  v1::PipelineOperation get = GetOf("k");
  get.mutable_get()->mutable_header()->set_request_id("mine");
  CallInfo call;
  call.request_id = "transport's";
  call.traceparent = "00-ab-cd-01";
  const node::ReadRequest read = ReadOf(RequestCodec({}).Decode(get, call));
  EXPECT_EQ(View(read.context.request_id), "mine");
  EXPECT_EQ(View(read.context.traceparent), "00-ab-cd-01");
}

TEST(RequestCodec, OperationsShareTheTraceOfTheirMessage) {
  v1::PipelineRequest request;
  request.mutable_header()->set_request_id("shared");
  request.mutable_header()->set_traceparent(std::string(RequestCodec::kMaxTraceBytes, 't'));
  for (int i = 0; i < 2; ++i) *request.add_operations() = GetOf("k");
  const std::vector<ClientOperation> decoded = RequestCodec({}).Decode(request, CallInfo{});
  EXPECT_EQ(View(ReadOf(decoded[0]).context.request_id), "shared");
  EXPECT_EQ(ReadOf(decoded[0]).context.request_id, ReadOf(decoded[1]).context.request_id);
  EXPECT_EQ(ReadOf(decoded[0]).context.traceparent, ReadOf(decoded[1]).context.traceparent);
}

TEST(RequestCodec, RefusesALongTraceWhereverItStands) {
  const std::string text(RequestCodec::kMaxTraceBytes + 1, 't');
  v1::PipelineRequest message;
  message.mutable_header()->set_request_id(text);
  for (int i = 0; i < 2; ++i) *message.add_operations() = GetOf("k");
  for (const ClientOperation& operation : RequestCodec({}).Decode(message, CallInfo{})) {
    EXPECT_EQ(RefusalOf(operation), "request_id has at most 128 bytes, not 129");
  }
  v1::PipelineOperation get = GetOf("k");
  get.mutable_get()->mutable_header()->set_traceparent(text);
  EXPECT_EQ(RefusalOf(Decode(get)), "traceparent has at most 128 bytes, not 129");
  CallInfo call;
  call.request_id = text;
  get = GetOf("k");
  EXPECT_EQ(RefusalOf(RequestCodec({}).Decode(get, call)),
            "request_id has at most 128 bytes, not 129");
}

TEST(RequestCodec, ARefusalRepeatsLittleOfTheRequest) {
  v1::PipelineOperation get = GetOf("k");
  get.mutable_get()->mutable_header()->set_keyspace(std::string(1 << 20, 'k'));
  EXPECT_LT(RefusalOf(Decode(get)).size(), 200u);
}

TEST(RequestCodec, ARequestIsSampledWhenItsTraceSaysSo) {
  const auto is_sampled = [](std::string traceparent) {
    CallInfo call;
    call.traceparent = std::move(traceparent);
    v1::PipelineOperation get = GetOf("k");
    return ReadOf(RequestCodec({}).Decode(get, call)).context.sampled;
  };
  const std::string ids = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-";
  EXPECT_TRUE(is_sampled(ids + "01"));
  EXPECT_TRUE(is_sampled(ids + "03"));
  EXPECT_FALSE(is_sampled(ids + "02"));
  EXPECT_FALSE(is_sampled(ids));
  EXPECT_FALSE(is_sampled(""));
}

TEST(RequestCodec, ReadsAreLinearizableUnlessStaleByName) {
  EXPECT_EQ(ReadOf(Decode(GetOf("k"))).level, node::ReadLevel::kLinearizable);
  v1::PipelineOperation stale = GetOf("k");
  stale.mutable_get()->set_consistency(v1::READ_CONSISTENCY_STALE);
  EXPECT_EQ(ReadOf(Decode(stale)).level, node::ReadLevel::kStale);
  stale.mutable_get()->set_consistency(static_cast<v1::ReadConsistency>(77));
  EXPECT_THAT(RefusalOf(Decode(stale)), HasSubstr("unknown consistency 77"));
}

TEST(RequestCodec, TurnsATxnIntoItsCommand) {
  v1::PipelineOperation operation;
  v1::TxnRequest& txn = *operation.mutable_txn();
  auto* absent = txn.add_conditions();
  absent->set_key("{t}a");
  absent->set_absent(true);
  auto* version = txn.add_conditions();
  version->set_key("{t}b");
  version->set_version(9);
  txn.add_then()->mutable_put()->set_key("{t}a");
  auto* increment = txn.add_then()->mutable_increment();
  increment->set_key("{t}n");
  increment->set_delta(-2);
  txn.add_otherwise()->mutable_delete_()->set_key("{t}a");

  const auto decoded = std::get<kv::Txn>(CommandOf(Decode(operation)).operation);
  ASSERT_EQ(decoded.conditions.size(), 2u);
  EXPECT_EQ(decoded.conditions[0].kind, kv::Condition::Kind::kAbsent);
  EXPECT_EQ(decoded.conditions[1].version, 9u);
  ASSERT_EQ(decoded.then.size(), 2u);
  EXPECT_EQ(std::get<kv::Increment>(decoded.then[1]).delta, -2);
  EXPECT_EQ(std::get<kv::Delete>(decoded.otherwise.at(0)).key, "{t}a");
}

TEST(RequestCodec, RefusesWhatTheLimitsForbid) {
  EXPECT_THAT(RefusalOf(Decode(PutOf("", "v"))), HasSubstr("empty"));
  EXPECT_THAT(RefusalOf(Decode(PutOf(std::string(4097, 'k'), "v"))),
              testing::AllOf(HasSubstr("4096"), HasSubstr("4097")));
  EXPECT_THAT(RefusalOf(Decode(PutOf("k", std::string((1 << 20) + 1, 'v')))),
              testing::AllOf(HasSubstr("1048576"), HasSubstr("1048577")));
  EXPECT_NE(RefusalOf(Decode(GetOf(""))), "accepted");
}

TEST(RequestCodec, RefusesAnotherKeyspace) {
  v1::PipelineOperation operation = GetOf("k");
  operation.mutable_get()->mutable_header()->set_keyspace("other");
  EXPECT_THAT(RefusalOf(Decode(operation)), HasSubstr("there is no keyspace \"other\""));
}

TEST(RequestCodec, RefusesASessionWithoutSequenceAndASequenceWithoutSession) {
  v1::PipelineOperation operation = PutOf("k", "v");
  operation.set_sequence(1);
  EXPECT_THAT(RefusalOf(Decode(operation)), HasSubstr("without a session token"));
  operation.set_sequence(0);
  operation.mutable_put()->mutable_header()->set_session_token(Token());
  EXPECT_THAT(RefusalOf(Decode(operation)), HasSubstr("without a sequence number"));
}

TEST(RequestCodec, RefusesEveryMalformedSessionToken) {
  const std::string token = Token();
  for (size_t size = 1; size < token.size(); ++size) {
    v1::PipelineOperation operation = PutOf("k", "v");
    operation.set_sequence(1);
    operation.mutable_put()->mutable_header()->set_session_token(token.substr(0, size));
    EXPECT_NE(RefusalOf(Decode(operation)), "accepted") << size;
  }
}

TEST(RequestCodec, LetsSessionCallsNameTheirSessionWithoutASequence) {
  v1::PipelineOperation operation;
  operation.mutable_close_session();
  EXPECT_THAT(RefusalOf(Decode(operation)), HasSubstr("a session token is needed"));
  operation.mutable_close_session()->mutable_header()->set_session_token(Token());
  EXPECT_TRUE(CommandOf(Decode(operation)).identity.session.has_value());
  operation.mutable_open_session();
  EXPECT_FALSE(CommandOf(Decode(operation)).identity.session.has_value());
}

TEST(RequestCodec, RefusesConditionsThatExpectNothing) {
  v1::PipelineOperation operation;
  v1::Condition& condition = *operation.mutable_compare_and_swap()->mutable_condition();
  condition.set_key("k");
  EXPECT_THAT(RefusalOf(Decode(operation)), HasSubstr("expects nothing"));
  condition.set_absent(false);
  EXPECT_THAT(RefusalOf(Decode(operation)), HasSubstr("must be true"));
}

TEST(RequestCodec, RefusesOperationsThatItDoesNotKnow) {
  const ClientOperation unknown = Decode(v1::PipelineOperation());
  EXPECT_EQ(std::get<node::Error>(unknown.request).code, absl::StatusCode::kUnimplemented);
  v1::PipelineOperation batch;
  batch.mutable_batch()->add_operations();
  EXPECT_THAT(RefusalOf(Decode(batch)), HasSubstr("does not know"));
}

TEST(RequestCodec, CapsPagesAndTakesLimitAndPageSizeTogether) {
  const auto rows = [](uint32_t page_size, uint64_t limit) {
    v1::PipelineOperation scan;
    scan.mutable_scan()->set_page_size(page_size);
    scan.mutable_scan()->set_limit(limit);
    return std::get<kv::ScanPage>(ReadOf(Decode(scan)).read.operation).max_rows;
  };
  EXPECT_EQ(rows(0, 0), 1000u);
  EXPECT_EQ(rows(5000, 0), 1000u);
  EXPECT_EQ(rows(10, 0), 10u);
  EXPECT_EQ(rows(10, 3), 3u);
  EXPECT_EQ(rows(0, uint64_t{1} << 40), 1000u);
}

TEST(RequestCodec, ResumesAScanAtItsTokenInEitherDirection) {
  v1::PipelineOperation scan;
  scan.mutable_scan()->set_start_key("a");
  scan.mutable_scan()->set_end_key("z");
  scan.mutable_scan()->set_page_token(EncodePageToken(RangeFingerprint("a", "z", false), "m"));
  auto page = std::get<kv::ScanPage>(ReadOf(Decode(scan)).read.operation);
  EXPECT_EQ(page.from, "m");
  EXPECT_EQ(page.to, "z");

  scan.mutable_scan()->set_reverse(true);
  EXPECT_THAT(RefusalOf(Decode(scan)), HasSubstr("another range"));
  scan.mutable_scan()->set_page_token(EncodePageToken(RangeFingerprint("a", "z", true), "m"));
  page = std::get<kv::ScanPage>(ReadOf(Decode(scan)).read.operation);
  EXPECT_EQ(page.from, "a");
  EXPECT_EQ(page.to, "m");
}

TEST(PageToken, RefusesEveryTruncationAndAnotherRange) {
  const uint32_t range = RangeFingerprint("a", "b", false);
  const std::string token = EncodePageToken(range, "key");
  EXPECT_EQ(*DecodePageToken(token, range), "key");
  EXPECT_FALSE(DecodePageToken(token, range + 1).ok());
  EXPECT_FALSE(DecodePageToken(token + "x", range).ok());
  for (size_t size = 0; size < token.size(); ++size) {
    EXPECT_FALSE(DecodePageToken(token.substr(0, size), range).ok()) << size;
  }
}

TEST(PageToken, ReadsWhatEarlierBuildsGave) {
  const std::string token = tests::ReadGoldenFile("page_token.hex");
  EXPECT_EQ(*DecodePageToken(token, RangeFingerprint("a", "z", false)), "resume");
  EXPECT_EQ(tests::ToHex(EncodePageToken(RangeFingerprint("a", "z", false), "resume")),
            tests::ToHex(token));
}

TEST(PageToken, TellsRangesApartWhoseKeysRunTogether) {
  EXPECT_NE(RangeFingerprint("ab", "c", false), RangeFingerprint("a", "bc", false));
  EXPECT_NE(RangeFingerprint("a", "b", false), RangeFingerprint("a", "b", true));
}

}  // namespace
}  // namespace flotilla::server
