// What goes over the wire, and that the names and numbers of the client are those of the protocol.
#include "client/wire_codec.h"

#include "flotilla/v1/cluster.pb.h"
#include "flotilla/v1/kv.pb.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flotilla::client {
namespace {

using std::chrono::milliseconds;

OutgoingOperation Outgoing(uint64_t id, const Operation& operation) {
  OutgoingOperation out;
  out.id = id;
  out.operation = &operation;
  out.shard = ShardId(4);
  out.shard_version = 2;
  out.timeout = milliseconds(500);
  return out;
}
OutgoingOperation OutgoingWrite(uint64_t id, const Operation& operation, uint64_t sequence) {
  OutgoingOperation out = Outgoing(id, operation);
  out.session_token = "token";
  out.sequence = sequence;
  out.acknowledged_below = 3;
  return out;
}

TEST(WireCodec, ReasonsAreThoseOfTheProtocol) {
  const auto* reasons = v1::Reason_descriptor();
  for (int i = 1; i < reasons->value_count(); ++i) {
    const auto* value = reasons->value(i);
    EXPECT_EQ("REASON_" + ToString(static_cast<Reason>(value->number())), value->name());
  }
}

TEST(WireCodec, WhatOperationsShareIsSaidOnce) {
  const Operation put = Put{"k", "v"};
  const Operation get = Get{"k"};
  const std::vector<OutgoingOperation> batch = {Outgoing(1, get), OutgoingWrite(2, put, 7),
                                                OutgoingWrite(3, put, 8)};
  v1::PipelineRequest message;
  EncodeBatch(batch, message);
  EXPECT_EQ(message.header().shard_id(), 4);
  EXPECT_EQ(message.header().shard_version(), 2);
  EXPECT_EQ(message.header().session_token(), "token");
  EXPECT_EQ(message.header().acknowledged_below(), 3);
  EXPECT_EQ(message.header().timeout_ms(), 500);
  ASSERT_EQ(message.operations_size(), 3);
  EXPECT_FALSE(message.operations(0).get().has_header());
  EXPECT_EQ(message.operations(1).sequence(), 7);
  EXPECT_FALSE(message.operations(2).put().has_header());
}

TEST(WireCodec, WhatDiffersIsSaidByTheOperation) {
  const Operation put = Put{"k", "v"};
  OutgoingOperation other_session = OutgoingWrite(2, put, 8);
  other_session.session_token = "other";
  OutgoingOperation other_shard = OutgoingWrite(3, put, 9);
  other_shard.shard = ShardId(5);
  OutgoingOperation hasty = OutgoingWrite(4, put, 10);
  hasty.timeout = milliseconds(20);
  OutgoingOperation traced = OutgoingWrite(5, put, 11);
  traced.traceparent = "00-trace";
  const std::vector<OutgoingOperation> batch = {OutgoingWrite(1, put, 7), other_session,
                                                other_shard, hasty, traced};
  v1::PipelineRequest message;
  EncodeBatch(batch, message);
  EXPECT_EQ(message.operations(1).put().header().session_token(), "other");
  EXPECT_EQ(message.operations(2).put().header().shard_id(), 5);
  EXPECT_EQ(message.operations(3).put().header().timeout_ms(), 20);
  EXPECT_EQ(message.operations(4).put().header().traceparent(), "00-trace");
}

TEST(WireCodec, AnyVersionIsNotTakenForThatOfTheMessage) {
  const Operation put = Put{"k", "v"};
  const Operation scan = Scan{.slots = sharding::Arc{sharding::Slot{3}, sharding::Slot{9}}};
  OutgoingOperation any_version = Outgoing(1, scan);
  any_version.shard_version = 0;
  v1::PipelineRequest message;
  EncodeBatch(std::vector<OutgoingOperation>{any_version, OutgoingWrite(2, put, 7)}, message);
  EXPECT_EQ(message.header().shard_version(), 0);
  EXPECT_EQ(message.operations(0).scan().header().shard_version(), 0);
  EXPECT_EQ(message.operations(0).scan().slots().first_slot(), 3);
  EXPECT_EQ(message.operations(0).scan().slots().last_slot(), 9);
  EXPECT_EQ(message.operations(1).put().header().shard_version(), 2);
}

TEST(WireCodec, APageSaysWhatItIsOf) {
  v1::PipelineResult message;
  auto& scan = *message.mutable_scan();
  scan.add_rows()->set_key("a");
  scan.set_resume_key("b");
  scan.mutable_state()->set_lag_ms(7);
  const auto page = [&message] {
    v1::PipelineResult copy = message;
    return std::get<ShardPage>(std::get<Result>(DecodeReply(copy).outcome));
  };
  EXPECT_EQ(page().arc, std::nullopt);
  EXPECT_EQ(page().resume_key, "b");
  EXPECT_EQ(page().lag, milliseconds(7));
  scan.mutable_state()->mutable_slots()->set_first_slot(5);
  EXPECT_EQ(page().arc, std::nullopt) << "they end before they begin";
  scan.mutable_state()->mutable_slots()->set_last_slot(16384);
  EXPECT_EQ(page().arc, std::nullopt) << "of another ring";
  scan.mutable_state()->mutable_slots()->set_last_slot(16383);
  EXPECT_EQ(page().arc, (sharding::Arc{sharding::Slot{5}, sharding::Slot{16383}}));
}

TEST(WireCodec, ATimeoutIsNeverRoundedToTheServersDefault) {
  const Operation get = Get{"k"};
  OutgoingOperation out = Outgoing(1, get);
  out.timeout = Duration(1);
  v1::PipelineRequest message;
  EncodeBatch(std::span(&out, 1), message);
  EXPECT_EQ(message.header().timeout_ms(), 1);
}

TEST(WireCodec, AStaleReadSaysSo) {
  const Operation get = Get{"k"};
  OutgoingOperation out = Outgoing(1, get);
  out.level = ReadLevel::kStale;
  v1::PipelineRequest message;
  EncodeBatch(std::span(&out, 1), message);
  EXPECT_EQ(message.operations(0).get().consistency(), v1::READ_CONSISTENCY_STALE);
}

TEST(WireCodec, ErrorsCarryAllThatIsKnown) {
  v1::PipelineResult result;
  result.set_id(9);
  v1::Error& error = *result.mutable_error();
  error.set_code(14);
  error.set_reason(v1::REASON_NOT_LEADER);
  error.set_outcome(v1::OUTCOME_NOT_APPLIED);
  error.set_message("elsewhere");
  error.set_retry_after_ms(30);
  error.set_failed_operation(2);
  error.mutable_route()->set_shard_id(4);
  error.mutable_route()->set_shard_version(6);
  error.mutable_route()->set_leader_address("n2:6170");
  const Reply reply = DecodeReply(result);
  EXPECT_EQ(reply.id, 9);
  const auto& decoded = std::get<ServerError>(reply.outcome);
  EXPECT_EQ(decoded.code, StatusCode::kUnavailable);
  EXPECT_EQ(decoded.reason, Reason::kNotLeader);
  EXPECT_EQ(decoded.outcome, Outcome::kNotApplied);
  EXPECT_EQ(decoded.message, "elsewhere (operation 2)");
  EXPECT_EQ(decoded.retry_after, milliseconds(30));
  EXPECT_EQ(decoded.route->leader_endpoint, "n2:6170");
}

TEST(WireCodec, AnOutcomeThatIsNotSaidIsUnknown) {
  v1::PipelineResult result;
  result.mutable_error()->set_code(14);
  EXPECT_EQ(std::get<ServerError>(DecodeReply(result).outcome).outcome, Outcome::kUnknown);
}

TEST(WireCodec, AResultOfANewerServerIsAnErrorOfUnknownOutcome) {
  v1::PipelineResult result;
  result.set_id(1);
  const Reply reply = DecodeReply(result);
  EXPECT_EQ(std::get<ServerError>(reply.outcome).reason, Reason::kInternal);
  EXPECT_EQ(std::get<ServerError>(reply.outcome).outcome, Outcome::kUnknown);
}

TEST(WireCodec, OnlyTheDirectorysLeaderKnowsWhoIsSilent) {
  v1::GetClusterStatusResponse response;
  v1::DirectoryStatus& message = *response.mutable_directory();
  message.set_leader_node_id(2);
  message.set_map_version(7);
  v1::DirectoryNode& node = *message.add_nodes();
  node.set_node_id(3);
  node.set_zone("a");
  node.set_weight(2);
  node.set_duty(v1::NODE_DUTY_LEAVE);
  DirectoryStatus directory = DecodeNodeStatus(response).directory;
  EXPECT_EQ(directory.leader_node_id, 2);
  EXPECT_EQ(directory.map_version, 7);
  ASSERT_EQ(directory.nodes.size(), 1);
  EXPECT_EQ(directory.nodes[0].duty, "leave");
  EXPECT_EQ(directory.nodes[0].zone, "a");
  EXPECT_EQ(directory.nodes[0].silent_seconds, std::nullopt);
  EXPECT_FALSE(directory.from_leader);
  EXPECT_FALSE(directory.replica.has_value());
  node.set_silent_ms(0);
  v1::StepUnderWay& step = *message.add_steps();
  step.set_what("move");
  step.set_operation_id(17);
  step.mutable_progress()->set_bytes_total(5);
  message.mutable_replica()->set_role(v1::REPLICA_ROLE_LEADER);
  directory = DecodeNodeStatus(response).directory;
  EXPECT_EQ(directory.nodes[0].silent_seconds, 0);
  EXPECT_TRUE(directory.from_leader);
  EXPECT_EQ(directory.steps[0].what, "move");
  EXPECT_EQ(directory.steps[0].operation_id, 17);
  EXPECT_EQ(directory.steps[0].progress.bytes_total, 5);
  EXPECT_EQ(directory.steps[0].progress.seconds_left, std::nullopt);
  EXPECT_EQ(directory.replica->role, "leader");
}

TEST(WireCodec, AShardMapOfAnotherRingIsNotTaken) {
  v1::GetShardMapResponse response;
  v1::Shard& good = *response.add_shards();
  good.set_shard_id(1);
  good.set_first_slot(0);
  good.set_last_slot(16383);
  v1::Shard& beyond = *response.add_shards();
  beyond.set_last_slot(70000);
  v1::Shard& reversed = *response.add_shards();
  reversed.set_first_slot(9);
  reversed.set_last_slot(3);
  response.add_nodes()->set_client_address("n1:6170");
  response.add_nodes();
  const ShardMap map = DecodeShardMap(response);
  EXPECT_EQ(map.shards.size(), 1);
  EXPECT_THAT(map.endpoints, testing::ElementsAre("n1:6170"));
}

}  // namespace
}  // namespace flotilla::client
