// ClusterService over a real connection, in front of a node that does as the test says.
#include "server/cluster_service.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/posix_clock.h"
#include "base/posix_executor.h"
#include "flotilla/v1/cluster_service.grpc.pb.h"
#include "gmock/gmock.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "kv/directory.h"
#include "node/authorizer.h"
#include "server/credentials.h"
#include "server/grpc_endpoint.h"
#include "tests/server/fake_node.h"

namespace flotilla::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr ShardId kShard(1);

class ClusterServiceTest : public testing::Test {
 protected:
  ClusterServiceTest() {
    node_.status.self.node = NodeId(1);
    KnowShard({sharding::Slot{0}, sharding::Slot{16383}}, NodeId(1));
    auto doorman = Doorman::Listen({"127.0.0.1", 0}, {});
    endpoint_ = GrpcEndpoint::Start(*std::move(doorman), *credentials_, {service_.get()}, {});
    stub_ = v1::ClusterService::NewStub(
        grpc::CreateChannel(FormatValue(endpoint_->address()), credentials_->ForDialer()));
  }

  void KnowShard(sharding::Arc arc, NodeId leader) {
    node_.shards = {{{.shard = kShard, .arc = arc, .version = 4},
                     {.shard = kShard,
                      .version = 4,
                      .leader = leader,
                      .leader_address = leader.is_none() ? "" : "elsewhere:6170"}}};
  }

  grpc::Status Split(const v1::SplitShardRequest& request) {
    grpc::ClientContext context;
    return stub_->SplitShard(&context, request, &split_);
  }

  grpc::Status SetDuty(uint64_t node, v1::NodeDuty duty) {
    v1::SetNodeDutyRequest request;
    request.set_node_id(node);
    request.set_duty(duty);
    v1::SetNodeDutyResponse response;
    grpc::ClientContext context;
    return stub_->SetNodeDuty(&context, request, &response);
  }

  grpc::Status Plan(uint64_t node, v1::NodeDuty duty) {
    v1::PlanChangesRequest request;
    v1::NodeDutyChange* change = request.add_duty_changes();
    change->set_node_id(node);
    change->set_duty(duty);
    grpc::ClientContext context;
    return stub_->PlanChanges(&context, request, &plan_);
  }

  grpc::Status Begin(const v1::BeginOperationRequest& request) {
    v1::BeginOperationResponse response;
    grpc::ClientContext context;
    grpc::Status status = stub_->BeginOperation(&context, request, &response);
    begun_ = response.operation_id();
    return status;
  }

  grpc::Status Cancel(uint64_t operation) {
    v1::CancelOperationRequest request;
    request.set_operation_id(operation);
    v1::CancelOperationResponse response;
    grpc::ClientContext context;
    return stub_->CancelOperation(&context, request, &response);
  }

  // What the node is asked for when it is asked at all.
  std::optional<kv::SplitShard> Accept(const v1::SplitShardRequest& request) {
    std::optional<kv::SplitShard> seen;
    node_.on_split = [&](const kv::SplitShard& split) {
      seen = split;
      return absl::OkStatus();
    };
    const bool accepted = Split(request).ok();
    EXPECT_EQ(accepted, seen.has_value());
    return seen;
  }

  static v1::SplitShardRequest SplitInto(uint64_t child) {
    v1::SplitShardRequest request;
    request.set_shard_id(kShard.value());
    request.set_child_shard_id(child);
    return request;
  }

  static v1::Error ErrorOf(const grpc::Status& status) {
    google::rpc::Status details;
    v1::Error error;
    EXPECT_TRUE(details.ParseFromString(status.error_details()));
    for (const auto& detail : details.details()) {
      if (detail.Is<v1::Error>()) detail.UnpackTo(&error);
    }
    return error;
  }

  uint64_t begun_ = 0;
  PosixClock clock_;
  FakeNode node_;
  PosixExecutor executor_{clock_, "test"};
  node::AllowAll allow_all_;
  const std::unique_ptr<CredentialsFactory> credentials_ = NewInsecureCredentials();
  const std::unique_ptr<grpc::Service> service_ =
      NewClusterService(node_, executor_, allow_all_, "test");
  std::unique_ptr<GrpcEndpoint> endpoint_;
  std::unique_ptr<v1::ClusterService::Stub> stub_;
  v1::SplitShardResponse split_;
  v1::PlanChangesResponse plan_;
};

TEST_F(ClusterServiceTest, SplitsInTheMiddleUnlessToldWhere) {
  const auto in_the_middle = Accept(SplitInto(7));
  ASSERT_TRUE(in_the_middle.has_value());
  EXPECT_EQ(in_the_middle->at, sharding::Slot{8192});
  EXPECT_EQ(in_the_middle->child, ShardId(7));
  EXPECT_EQ(in_the_middle->shard_version, 4);
  v1::SplitShardRequest request = SplitInto(8);
  request.set_slot(100);
  request.set_shard_version(3);
  const auto as_told = Accept(request);
  ASSERT_TRUE(as_told.has_value());
  EXPECT_EQ(as_told->at, sharding::Slot{100});
  EXPECT_EQ(as_told->shard_version, 3);
}

TEST_F(ClusterServiceTest, AnswersASplitWithBothShards) {
  ASSERT_TRUE(Accept(SplitInto(7)).has_value());
  EXPECT_EQ(split_.shard().shard_id(), 1);
  EXPECT_EQ(split_.shard().shard_version(), 5);
  EXPECT_EQ(split_.shard().first_slot(), 0);
  EXPECT_EQ(split_.shard().last_slot(), 8191);
  EXPECT_EQ(split_.child().shard_id(), 7);
  EXPECT_EQ(split_.child().shard_version(), 5);
  EXPECT_EQ(split_.child().first_slot(), 8192);
  EXPECT_EQ(split_.child().last_slot(), 16383);
}

TEST_F(ClusterServiceTest, RefusesSplitsThatMakeNoSense) {
  EXPECT_FALSE(Accept(SplitInto(0)).has_value());
  v1::SplitShardRequest beyond = SplitInto(7);
  beyond.set_slot(16384);
  EXPECT_FALSE(Accept(beyond).has_value());
  KnowShard({sharding::Slot{5}, sharding::Slot{5}}, NodeId(1));
  EXPECT_FALSE(Accept(SplitInto(7)).has_value());
  EXPECT_EQ(Split(SplitInto(7)).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ClusterServiceTest, NamesTheLeaderToWhoeverAskedAnotherNode) {
  KnowShard({}, NodeId(2));
  const grpc::Status status = Split(SplitInto(7));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("node 2 leads"));
  const v1::Error error = ErrorOf(status);
  EXPECT_EQ(error.reason(), v1::REASON_NOT_LEADER);
  EXPECT_EQ(error.outcome(), v1::OUTCOME_NOT_APPLIED);
  EXPECT_EQ(error.route().leader_node_id(), 2);
  EXPECT_EQ(error.route().leader_address(), "elsewhere:6170");
  KnowShard({}, NodeId());
  EXPECT_EQ(ErrorOf(Split(SplitInto(7))).reason(), v1::REASON_NO_LEADER);
}

TEST_F(ClusterServiceTest, ALeaderThatRefusesNamesNobody) {
  node_.on_split = [](const kv::SplitShard&) {
    return absl::FailedPreconditionError("the shard is of version 5, not 4");
  };
  const grpc::Status status = Split(SplitInto(7));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(status.error_details(), "");
}

TEST_F(ClusterServiceTest, ChangesMembershipAsAsked) {
  raft::ConfigurationChange seen;
  node_.on_change = [&](const raft::ConfigurationChange& change) {
    seen = change;
    return absl::OkStatus();
  };
  v1::ChangeMembershipRequest request;
  request.set_shard_id(1);
  request.add_add_voter_node_ids(4);
  request.add_remove_node_ids(2);
  v1::ChangeMembershipResponse response;
  grpc::ClientContext context;
  EXPECT_TRUE(stub_->ChangeMembership(&context, request, &response).ok());
  EXPECT_THAT(seen.add_voters, ElementsAre(NodeId(4)));
  EXPECT_THAT(seen.remove, ElementsAre(NodeId(2)));
}

TEST_F(ClusterServiceTest, GivesANodeTheDutyThatWasAskedFor) {
  std::optional<std::pair<NodeId, sharding::NodeDuty>> seen;
  node_.on_duty = [&](NodeId node, sharding::NodeDuty duty) {
    seen.emplace(node, duty);
    return absl::OkStatus();
  };
  EXPECT_TRUE(SetDuty(4, v1::NODE_DUTY_LEAVE).ok());
  EXPECT_EQ(seen, std::pair(NodeId(4), sharding::NodeDuty::kLeave));
  EXPECT_TRUE(SetDuty(2, v1::NODE_DUTY_DRAIN).ok());
  EXPECT_EQ(seen, std::pair(NodeId(2), sharding::NodeDuty::kDrain));
  EXPECT_TRUE(SetDuty(2, v1::NODE_DUTY_SERVE).ok());
  EXPECT_EQ(seen, std::pair(NodeId(2), sharding::NodeDuty::kServe));
  seen.reset();
  EXPECT_EQ(SetDuty(2, v1::NODE_DUTY_UNSPECIFIED).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(seen, std::nullopt);
}

TEST_F(ClusterServiceTest, BeginsWhatIsAskedFor) {
  std::optional<sharding::Step> seen;
  node_.on_begin = [&](const sharding::Step& step) -> absl::StatusOr<kv::OperationId> {
    seen = step;
    return kv::OperationId(17);
  };
  v1::BeginOperationRequest request;
  EXPECT_EQ(Begin(request).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  request.mutable_move_replica()->set_shard_id(3);
  request.mutable_move_replica()->set_from_node_id(1);
  EXPECT_EQ(Begin(request).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(seen, std::nullopt);
  request.mutable_move_replica()->set_to_node_id(4);
  ASSERT_TRUE(Begin(request).ok());
  EXPECT_EQ(begun_, 17);
  EXPECT_EQ(seen, sharding::Step(sharding::MoveReplica{ShardId(3), NodeId(1), NodeId(4)}));
  request.mutable_add_replica()->set_node_id(4);
  EXPECT_EQ(Begin(request).error_code(), grpc::StatusCode::INVALID_ARGUMENT) << "of no shard";
  request.mutable_add_replica()->set_shard_id(3);
  ASSERT_TRUE(Begin(request).ok());
  EXPECT_EQ(seen, sharding::Step(sharding::AddReplica{ShardId(3), NodeId(4)}));
  request.mutable_remove_replica()->set_shard_id(3);
  request.mutable_remove_replica()->set_node_id(4);
  ASSERT_TRUE(Begin(request).ok());
  EXPECT_EQ(seen, sharding::Step(sharding::RemoveReplica{ShardId(3), NodeId(4)}));
  request.mutable_split_shard()->set_shard_id(3);
  request.mutable_split_shard()->set_at_slot(sharding::kSlotCount);
  EXPECT_EQ(Begin(request).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  request.mutable_split_shard()->set_at_slot(sharding::kSlotCount - 1);
  ASSERT_TRUE(Begin(request).ok());
  EXPECT_EQ(seen, sharding::Step(sharding::SplitShard{ShardId(3), {sharding::kSlotCount - 1}}));
  node_.on_begin = [](const sharding::Step&) { return absl::NotFoundError("no such shard"); };
  EXPECT_EQ(Begin(request).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ClusterServiceTest, ListsOperations) {
  node::OperationStatus operation;
  operation.record.id = kv::OperationId(17);
  operation.record.step = sharding::AddReplica{.shard = kv::kDirectoryShard, .to = NodeId(4)};
  operation.record.state = kv::OperationState::kCancelling;
  operation.progress = {.bytes_done = 3, .bytes_total = 4, .left = std::chrono::seconds(9)};
  node_.on_operations = [&] { return std::vector<node::OperationStatus>{operation}; };
  grpc::ClientContext context;
  v1::ListOperationsResponse response;
  ASSERT_TRUE(stub_->ListOperations(&context, {}, &response).ok());
  ASSERT_EQ(response.operations_size(), 1);
  EXPECT_EQ(response.operations(0).operation_id(), 17);
  EXPECT_EQ(response.operations(0).what(), "add the directory to node 4");
  EXPECT_EQ(response.operations(0).shard_id(), 0);
  EXPECT_EQ(response.operations(0).state(), v1::OPERATION_STATE_CANCELLING);
  EXPECT_EQ(response.operations(0).progress().bytes_total(), 4);
  EXPECT_EQ(response.operations(0).progress().seconds_left(), 9);
}

TEST_F(ClusterServiceTest, ShowsWhatTheBalancerWouldDo) {
  std::vector<node::DutyChange> seen;
  node_.on_plan = [&](const std::vector<node::DutyChange>& changes) {
    seen = changes;
    const sharding::MoveReplica move{
        .shard = kv::kDirectoryShard, .from = NodeId(1), .to = NodeId(4)};
    node::PlanPreview plan;
    plan.steps = {{.planned = {move, sharding::Cause::kDrain}, .bytes = 7}};
    plan.shortfalls = {{ShardId(3), sharding::Obstacle::kNoTarget},
                       {kv::kDirectoryShard, sharding::Obstacle::kNoQuorum}};
    plan.movement = {.replicas = 1, .bytes = 7, .ideal_replicas = 2, .ideal_bytes = 5};
    plan.nodes = {{.node = NodeId(4), .replicas = 2, .planned_replicas = 3}};
    plan.unsettled = {ShardId(8)};
    plan.under_way = 6;
    plan.begins = plan.complete = false;
    return plan;
  };
  ASSERT_TRUE(Plan(4, v1::NODE_DUTY_LEAVE).ok());
  ASSERT_EQ(seen.size(), 1);
  EXPECT_EQ(seen[0].node, NodeId(4));
  EXPECT_EQ(seen[0].duty, sharding::NodeDuty::kLeave);
  EXPECT_THAT(
      plan_.ShortDebugString(),
      R"(steps { what: "move the directory from node 1 to node 4" cause: "drain" bytes: 7 } )"
      R"(shortfalls { shard_id: 3 obstacle: PLAN_OBSTACLE_NO_TARGET } )"
      R"(shortfalls { obstacle: PLAN_OBSTACLE_NO_QUORUM } )"
      R"(replicas_to_copy: 1 bytes_to_copy: 7 ideal_replicas_to_copy: 2 ideal_bytes_to_copy: 5 )"
      R"(unsettled_shard_ids: 8 steps_under_way: 6 balancer_off: true )"
      R"(nodes { node_id: 4 replicas: 2 planned_replicas: 3 })");
}

TEST_F(ClusterServiceTest, RefusesPlansThatMakeNoSenseAndNamesWhoMakesThem) {
  EXPECT_EQ(Plan(4, v1::NODE_DUTY_UNSPECIFIED).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  node_.on_plan = [](const auto&) { return absl::NotFoundError("the cluster has no node 4"); };
  EXPECT_EQ(Plan(4, v1::NODE_DUTY_DRAIN).error_code(), grpc::StatusCode::NOT_FOUND);
  node_.on_plan = [](const auto&) {
    return absl::FailedPreconditionError("node 2 leads the directory, not this one");
  };
  node_.status.directory.leader = NodeId(2);
  EXPECT_EQ(ErrorOf(Plan(4, v1::NODE_DUTY_DRAIN)).route().leader_node_id(), 2);
}

// The leader's own refusal is final; another node's is a way to the leader.
TEST_F(ClusterServiceTest, CancelsWhereTheDirectoryIsLed) {
  std::optional<kv::OperationId> seen;
  node_.on_cancel = [&](kv::OperationId operation) {
    seen = operation;
    return absl::OkStatus();
  };
  EXPECT_TRUE(Cancel(17).ok());
  EXPECT_EQ(seen, kv::OperationId(17));
  node_.on_cancel = [](kv::OperationId) {
    return absl::FailedPreconditionError("operation 17 has ended: it has failed");
  };
  node_.status.directory.leader = NodeId(1);
  const grpc::Status ended = Cancel(17);
  EXPECT_EQ(ended.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_TRUE(ended.error_details().empty());
  node_.status.directory.leader = NodeId(2);
  EXPECT_EQ(ErrorOf(Cancel(17)).reason(), v1::REASON_NOT_LEADER);
}

TEST_F(ClusterServiceTest, NamesTheDirectorysLeaderToWhoeverAskedAnotherNodeForADuty) {
  node_.on_duty = [](NodeId, sharding::NodeDuty) {
    return absl::FailedPreconditionError("node 2 leads the directory, not this one");
  };
  node_.status.directory.leader = NodeId(2);
  node_.status.directory.nodes = {{.node = NodeId(2), .client_address = "elsewhere:6170"}};
  const grpc::Status status = SetDuty(4, v1::NODE_DUTY_DRAIN);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  const v1::Error error = ErrorOf(status);
  EXPECT_EQ(error.reason(), v1::REASON_NOT_LEADER);
  EXPECT_EQ(error.route().leader_node_id(), 2);
  EXPECT_EQ(error.route().leader_address(), "elsewhere:6170");
  // One that was elected just now is no better than none.
  node_.status.directory.leader = NodeId(1);
  EXPECT_EQ(ErrorOf(SetDuty(4, v1::NODE_DUTY_DRAIN)).reason(), v1::REASON_NO_LEADER);
  node_.on_duty = [](NodeId, sharding::NodeDuty) { return absl::NotFoundError("no node 4"); };
  EXPECT_EQ(SetDuty(4, v1::NODE_DUTY_DRAIN).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ClusterServiceTest, DescribesTheDirectory) {
  using std::chrono::milliseconds;
  node::DirectoryStatus& directory = node_.status.directory;
  directory.leader = NodeId(1);
  directory.map_version = 7;
  directory.replicas_wanted = 3;
  directory.nodes = {{.node = NodeId(1), .zone = "a", .weight = 2},
                     {.node = NodeId(4), .duty = sharding::NodeDuty::kDrain}};
  directory.heard = {{NodeId(4), milliseconds(1500)}};
  directory.under_way = {{"move shard 3 from node 1 to node 4", ShardId(3), milliseconds(2500)},
                         {"add shard " + ToString(kv::kDirectoryShard) + " to node 4",
                          kv::kDirectoryShard, milliseconds(0)}};
  directory.replica.emplace().shard_version = 1;
  v1::GetClusterStatusResponse response;
  grpc::ClientContext context;
  ASSERT_TRUE(stub_->GetClusterStatus(&context, {}, &response).ok());
  const v1::DirectoryStatus& status = response.directory();
  EXPECT_EQ(status.leader_node_id(), 1);
  EXPECT_EQ(status.map_version(), 7);
  EXPECT_EQ(status.replicas_wanted(), 3);
  ASSERT_EQ(status.nodes_size(), 2);
  EXPECT_EQ(status.nodes(0).zone(), "a");
  EXPECT_EQ(status.nodes(0).weight(), 2);
  EXPECT_EQ(status.nodes(0).duty(), v1::NODE_DUTY_SERVE);
  EXPECT_FALSE(status.nodes(0).has_silent_ms());
  EXPECT_EQ(status.nodes(1).duty(), v1::NODE_DUTY_DRAIN);
  EXPECT_EQ(status.nodes(1).silent_ms(), 1500);
  ASSERT_EQ(status.steps_size(), 2);
  EXPECT_EQ(status.steps(0).what(), "move shard 3 from node 1 to node 4");
  EXPECT_EQ(status.steps(0).shard_id(), 3);
  EXPECT_EQ(status.steps(0).seconds(), 2.5);
  EXPECT_EQ(status.steps(1).what(), "add the directory to node 4");
  EXPECT_EQ(status.steps(1).shard_id(), 0);
  EXPECT_TRUE(status.has_replica());
}

TEST_F(ClusterServiceTest, TheLeaderTellsHowFarItsMembersAre) {
  node::ReplicaStatus replica;
  replica.shard = kShard;
  replica.shard_version = 4;
  replica.arc = {sharding::Slot{10}, sharding::Slot{20}};
  replica.requests_per_second = 2.5;
  raft::RaftStatus& raft = replica.raft;
  raft.self = {NodeId(1), ReplicaId(1)};
  raft.role = raft::Role::kLeader;
  raft.last_index = LogIndex(9);
  const raft::Member learner{NodeId(2), ReplicaId(2)};
  raft.configuration.voters = {raft.self};
  raft.configuration.learners = {learner};
  raft.peers = {{.member = learner, .match = LogIndex(5), .recently_active = true}};
  node_.status.replicas = {replica};
  v1::GetClusterStatusResponse response;
  grpc::ClientContext context;
  ASSERT_TRUE(stub_->GetClusterStatus(&context, {}, &response).ok());
  const v1::ReplicaStatus& status = response.replicas(0);
  EXPECT_EQ(status.first_slot(), 10);
  EXPECT_EQ(status.last_slot(), 20);
  EXPECT_EQ(status.requests_per_second(), 2.5);
  ASSERT_EQ(status.members_size(), 2);
  EXPECT_EQ(status.members(0).match_index(), 9);
  EXPECT_EQ(status.members(1).match_index(), 5);
  EXPECT_TRUE(status.members(1).active());
  EXPECT_FALSE(status.members(1).voter());
}

}  // namespace
}  // namespace flotilla::server
