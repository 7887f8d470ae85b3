// An operator's operations on a cluster that exists in the test alone.
#include "client/shard_admin.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace flotilla::client {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// What a test wants of the cluster, and what it has become. The nodes are 1, 2, ...; a learner gets
// nearer with every look.
struct ClusterModel {
  struct Member {
    uint64_t node = 0;
    bool voter = true;
    uint64_t lag = 0;
    bool snapshot = false;
  };
  struct Shard {
    uint64_t id = 1;
    uint64_t version = 1;
    uint32_t first = 0;
    uint32_t last = 16383;
    uint64_t leader = 1;  // 0: none
    std::vector<Member> members = {{1}, {2}, {3}};
  };

  uint64_t nodes = 4;
  std::vector<uint64_t> silent;  // nodes that do not answer
  std::vector<Shard> shards = {{}};
  uint64_t lag_made_good_per_look = 2000;
  std::vector<Status> refusals;  // of the next calls, the last one first
  bool lose_next_answer = false;
  // Where nodes think that the leader is; 0: where it is.
  uint64_t rumoured_leader = 0;

  // The directory.
  uint64_t directory_leader = 1;
  std::map<uint64_t, std::string> duties;  // "serve" unless it is said here
  uint64_t moved_per_look = 0;             // replicas, away from nodes that are to be emptied
  bool steps_under_way = false;
  std::vector<ClusterOperation> operations;
  // Of those that were begun here, which are the first ones.
  using Change = std::variant<ReplicaChange, ShardCut>;
  std::vector<Change> changes;
  uint64_t bytes_to_copy = 100;
  uint64_t bytes_copied_per_look = 50;
  std::string outcome = "succeeded";

  std::vector<std::string> calls;
  MonoTime now;

  Shard* Find(uint64_t id) {
    const auto found = std::find_if(shards.begin(), shards.end(),
                                    [id](const Shard& shard) { return shard.id == id; });
    return found == shards.end() ? nullptr : &*found;
  }
};

std::string EndpointOf(uint64_t node) { return "n" + std::to_string(node); }

class FakeChannel final : public AdminChannel {
 public:
  explicit FakeChannel(ClusterModel& model) : model_(model) {}

  ClusterStatus Describe() override {
    ClusterStatus cluster;
    for (uint64_t node = 1; node <= model_.nodes; ++node) {
      NodeStatus status;
      status.endpoint = EndpointOf(node);
      if (std::count(model_.silent.begin(), model_.silent.end(), node) > 0) {
        status.status = Status(StatusCode::kUnavailable, "silence");
      } else {
        status.node_id = node;
        AddReplicas(node, status);
        status.directory = Directory(node);
      }
      cluster.nodes.push_back(std::move(status));
    }
    CatchUp();
    MoveAway();
    return cluster;
  }

  AdminReply TransferLeadership(const std::string& endpoint, uint64_t id, uint64_t node) override {
    return Call(endpoint, id, "lead " + std::to_string(node),
                [&](ClusterModel::Shard& shard) { shard.leader = node; });
  }

  AdminReply BeginOperation(const std::string& endpoint, const ReplicaChange& change) override {
    const std::string from = change.from == 0 ? "" : " from " + std::to_string(change.from);
    const std::string to = change.to == 0 ? "" : " to " + std::to_string(change.to);
    return Begin(endpoint, from + to, change.shard, change);
  }
  AdminReply BeginSplit(const std::string& endpoint, const ShardCut& cut) override {
    return Begin(endpoint, " split at " + std::to_string(cut.at), cut.shard, cut);
  }
  AdminReply ListOperations(const std::string& endpoint) override {
    AdminReply reply = OfDirectory(endpoint);
    if (!reply.status.ok()) return reply;
    for (size_t i = 0; i < model_.changes.size(); ++i) CarryOn(model_.operations[i], i);
    reply.operations = model_.operations;
    return reply;
  }
  AdminReply CancelOperation(const std::string& endpoint, uint64_t operation) override {
    AdminReply reply = OfDirectory(endpoint);
    if (!reply.status.ok()) return reply;
    for (ClusterOperation& known : model_.operations) {
      if (known.operation_id != operation) continue;
      known.state = "cancelling";
      return reply;
    }
    reply.status = Status(StatusCode::kNotFound, "there is no such operation");
    return reply;
  }
  AdminReply PlanChanges(const std::string& endpoint,
                         const std::vector<NodeDutyChange>& changes) override {
    model_.calls.push_back(endpoint + ": plan " + std::to_string(changes.size()));
    AdminReply reply = OfDirectory(endpoint);
    if (reply.status.ok()) reply.plan.replicas_to_copy = changes.size();
    return reply;
  }
  AdminReply SetNodeDuty(const std::string& endpoint, uint64_t node, NodeDuty duty) override {
    static constexpr const char* kNames[] = {"serve", "drain", "leave"};
    const std::string name = kNames[static_cast<int>(duty)];
    model_.calls.push_back(endpoint + ": " + std::to_string(node) + " is to " + name);
    AdminReply reply = OfDirectory(endpoint);
    if (!reply.status.ok()) return reply;
    if (node > model_.nodes) {
      reply.status = Status(StatusCode::kNotFound, "the cluster has no such node");
    } else {
      model_.duties[node] = name;
    }
    return reply;
  }

  MonoTime Now() override { return model_.now; }
  void Pause(Duration time) override { model_.now += time; }

 private:
  AdminReply OfDirectory(const std::string& endpoint) {
    AdminReply reply;
    if (endpoint != EndpointOf(model_.directory_leader)) {
      reply.status = Status(StatusCode::kFailedPrecondition, "not here", "NOT_LEADER");
      reply.leader_endpoint = EndpointOf(model_.directory_leader);
    } else if (!model_.refusals.empty()) {
      reply.status = model_.refusals.back();
      model_.refusals.pop_back();
    }
    return reply;
  }

  AdminReply Begin(const std::string& endpoint, const std::string& text, uint64_t shard,
                   const ClusterModel::Change& change) {
    model_.calls.push_back(endpoint + ":" + text);
    AdminReply reply = OfDirectory(endpoint);
    if (!reply.status.ok()) return reply;
    ClusterOperation operation;
    operation.operation_id = reply.operation_id = model_.operations.size() + 1;
    operation.what = "change shard " + std::to_string(shard);
    operation.shard_id = shard;
    operation.state = "running";
    operation.progress.bytes_total = model_.bytes_to_copy;
    model_.operations.push_back(operation);
    model_.changes.push_back(change);
    if (std::exchange(model_.lose_next_answer, false)) {
      for (int i = 0; i < 10; ++i) (void)ListOperations(endpoint);
      reply.status = Status(StatusCode::kUnavailable, "the connection broke");
      model_.refusals = {Status(StatusCode::kFailedPrecondition, "it is done")};
    }
    return reply;
  }

  void CarryOn(ClusterOperation& operation, size_t number) {
    TransferProgress& progress = operation.progress;
    progress.bytes_done =
        std::min(progress.bytes_total, progress.bytes_done + model_.bytes_copied_per_look);
    if (operation.has_ended() || progress.bytes_done < progress.bytes_total) return;
    operation.state = model_.outcome;
    operation.reason = model_.outcome == "failed" ? "node 4 is down" : "";
    if (model_.outcome != "succeeded") return;
    std::visit([this](const auto& change) { Take(change); }, model_.changes[number]);
  }
  void Take(const ReplicaChange& change) {
    std::vector<ClusterModel::Member>& members = model_.Find(change.shard)->members;
    std::erase_if(members, [&](const auto& member) { return member.node == change.from; });
    if (change.to != 0) members.push_back({change.to});
  }
  void Take(const ShardCut& cut) {
    ClusterModel::Shard& shard = *model_.Find(cut.shard);
    ClusterModel::Shard child = shard;
    child.id = 1'000'000 + model_.shards.size();
    child.version = ++shard.version;
    child.first = cut.at;
    shard.last = cut.at - 1;
    model_.shards.push_back(child);
  }

  template <typename Effect>
  AdminReply Call(const std::string& endpoint, uint64_t id, const std::string& text,
                  Effect effect) {
    model_.calls.push_back(endpoint + ": " + text);
    AdminReply reply;
    ClusterModel::Shard& shard = *model_.Find(id);
    if (endpoint != EndpointOf(shard.leader)) {
      reply.status = Status(StatusCode::kFailedPrecondition, "not here", "NOT_LEADER");
      reply.leader_endpoint = EndpointOf(shard.leader);
      return reply;
    }
    if (!model_.refusals.empty()) {
      reply.status = model_.refusals.back();
      model_.refusals.pop_back();
      return reply;
    }
    effect(shard);
    if (std::exchange(model_.lose_next_answer, false)) {
      reply.status = Status(StatusCode::kAborted, "who knows");
    }
    return reply;
  }

  void AddReplicas(uint64_t node, NodeStatus& status) {
    for (const ClusterModel::Shard& shard : model_.shards) {
      for (const ClusterModel::Member& own : shard.members) {
        if (own.node == node) status.replicas.push_back(Replica(shard, node));
      }
    }
  }

  ReplicaStatus Replica(const ClusterModel::Shard& shard, uint64_t node) {
    const uint64_t leader = model_.rumoured_leader != 0 ? model_.rumoured_leader : shard.leader;
    ReplicaStatus replica;
    replica.shard_id = shard.id;
    replica.shard_version = shard.version;
    replica.first_slot = shard.first;
    replica.last_slot = shard.last;
    replica.role = node == leader ? "leader" : "follower";
    replica.last_log_index = 10'000;
    for (const ClusterModel::Member& member : shard.members) {
      replica.members.push_back({member.node, member.voter, 10'000 - member.lag,
                                 member.lag < 9'000 || member.snapshot, member.snapshot});
    }
    return replica;
  }

  DirectoryStatus Directory(uint64_t node) const {
    DirectoryStatus directory;
    directory.leader_node_id =
        model_.rumoured_leader != 0 ? model_.rumoured_leader : model_.directory_leader;
    directory.from_leader = node == model_.directory_leader;
    for (uint64_t listed = 1; listed <= model_.nodes; ++listed) {
      const auto duty = model_.duties.find(listed);
      directory.nodes.emplace_back().node_id = listed;
      directory.nodes.back().duty = duty == model_.duties.end() ? "serve" : duty->second;
    }
    if (model_.steps_under_way) directory.steps = {{"move", 1, 0}};
    return directory;
  }

  void MoveAway() {
    uint64_t left = model_.moved_per_look;
    for (const auto& [node, duty] : model_.duties) {
      for (ClusterModel::Shard& shard : model_.shards) {
        if (duty == "serve" || left == 0) continue;
        left -= std::erase_if(shard.members,
                              [id = node](const auto& member) { return member.node == id; });
      }
    }
  }

  // Where nothing is made good, nothing is heard either.
  void CatchUp() {
    for (ClusterModel::Shard& shard : model_.shards) {
      for (ClusterModel::Member& member : shard.members) {
        member.lag -= std::min(member.lag, model_.lag_made_good_per_look);
        member.snapshot = member.snapshot && member.lag > 3000;
      }
    }
  }

  ClusterModel& model_;
};

class ShardAdminTest : public ::testing::Test {
 protected:
  ShardAdmin NewAdmin() {
    AdminOptions options;
    options.on_progress = [this](const AdminProgress& progress) { progress_.push_back(progress); };
    return {options, std::make_unique<FakeChannel>(model_)};
  }

  ClusterModel model_;
  std::vector<AdminProgress> progress_;
};

TEST_F(ShardAdminTest, AMoveIsBegunAndAwaited) {
  EXPECT_TRUE(NewAdmin().MoveReplica(1, 2, 4).ok());
  EXPECT_THAT(model_.calls, ElementsAre("n1: from 2 to 4"));
  ASSERT_FALSE(progress_.empty());
  EXPECT_EQ(progress_[0].shard_id, 1);
  EXPECT_EQ(progress_[0].what, "operation 1, change shard 1: 50 of 100 bytes");
  EXPECT_TRUE(NewAdmin().MoveReplica(1, 2, 4).ok()) << "what is done is done";
  EXPECT_TRUE(NewAdmin().AddReplica(1, 2).ok());
  EXPECT_TRUE(NewAdmin().RemoveReplica(1, 4).ok());
  EXPECT_THAT(model_.calls, ElementsAre("n1: from 2 to 4", "n1: to 2", "n1: from 4"));
}

TEST_F(ShardAdminTest, AnOperationThatDoesNotSucceedIsAnError) {
  model_.outcome = "failed";
  const Status failed = NewAdmin().AddReplica(1, 4);
  EXPECT_EQ(failed.code(), StatusCode::kAborted);
  EXPECT_EQ(failed.message(), "operation 1, change shard 1, has failed: node 4 is down");
  model_.outcome = "cancelled";
  EXPECT_EQ(NewAdmin().AddReplica(1, 4).code(), StatusCode::kCancelled);
}

TEST_F(ShardAdminTest, AnOperationWhoseBeginWasNotAnsweredIsNotBegunTwice) {
  model_.lose_next_answer = true;
  EXPECT_TRUE(NewAdmin().MoveReplica(1, 2, 4).ok());
  EXPECT_EQ(model_.operations.size(), 1);
}

TEST_F(ShardAdminTest, WhatIsInTheWayForAMomentIsWaitedFor) {
  model_.refusals = {Status(StatusCode::kUnavailable, "operation 9 changes the shard"),
                     Status(StatusCode::kFailedPrecondition, "not here", "NOT_LEADER")};
  EXPECT_TRUE(NewAdmin().AddReplica(1, 4).ok());
  EXPECT_EQ(model_.operations.size(), 1);
}

TEST_F(ShardAdminTest, GoesWhereTheErrorSends) {
  model_.rumoured_leader = 3;
  EXPECT_TRUE(NewAdmin().RemoveReplica(1, 2).ok());
  EXPECT_THAT(model_.calls, ElementsAre("n3: from 2", "n1: from 2"));
}

TEST_F(ShardAdminTest, WhatComesNoFurtherIsNotWaitedForForEver) {
  model_.bytes_copied_per_look = 0;
  AdminOptions options;
  options.timeout = seconds(10);
  const Status status = ShardAdmin(options, std::make_unique<FakeChannel>(model_)).AddReplica(1, 4);
  EXPECT_EQ(status.code(), StatusCode::kDeadlineExceeded);
  EXPECT_THAT(status.message(), HasSubstr("the operation goes on: operation 1, change shard 1"));
  EXPECT_LE(model_.now - MonoTime(), seconds(11));
}

TEST_F(ShardAdminTest, ACopyMayTakeAsLongAsItNeeds) {
  model_.bytes_to_copy = 1'000;
  model_.bytes_copied_per_look = 1;
  EXPECT_TRUE(NewAdmin().AddReplica(1, 4).ok());
  EXPECT_GT(model_.now - MonoTime(), seconds(100));
}

TEST_F(ShardAdminTest, WhatMakesNoSenseIsRefusedAtOnce) {
  model_.nodes = 5;
  EXPECT_EQ(NewAdmin().TransferLeadership(1, 4).code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(NewAdmin().TransferLeadership(9, 1).code(), StatusCode::kNotFound);
  EXPECT_EQ(NewAdmin().SplitShard(9, {}).status().code(), StatusCode::kNotFound);
  EXPECT_THAT(model_.calls, IsEmpty());
  model_.refusals = {Status(StatusCode::kInvalidArgument, "it is there")};
  EXPECT_EQ(NewAdmin().MoveReplica(1, 2, 2).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(model_.calls.size(), 1);
}

TEST_F(ShardAdminTest, WithoutALeaderItSaysSoInTheEnd) {
  model_.Find(1)->leader = 0;
  const Status status = NewAdmin().TransferLeadership(1, 2);
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(status.reason(), reason::kNoLeader);
  EXPECT_THAT(status.message(), HasSubstr("shard 1 has no leader now"));
}

TEST_F(ShardAdminTest, ASplitIsBegunAndAwaited) {
  const auto split = NewAdmin().SplitShard(1);
  ASSERT_TRUE(split.ok());
  EXPECT_EQ(split->child.shard_id, 1'000'001);
  EXPECT_EQ(split->child.first_slot, 8192);
  EXPECT_EQ(split->shard.last_slot, 8191);
  EXPECT_EQ(split->shard.shard_version, 2);
  SplitOptions options;
  options.at = 100;
  ASSERT_TRUE(NewAdmin().SplitShard(1, options).ok());
  EXPECT_THAT(model_.calls, ElementsAre("n1: split at 8192", "n1: split at 100"));
}

TEST_F(ShardAdminTest, WhatIsSplitThereAlreadyIsNotSplitAgain) {
  SplitOptions options;
  options.at = 100;
  ASSERT_TRUE(NewAdmin().SplitShard(1, options).ok());
  model_.refusals = {Status(StatusCode::kInvalidArgument, "slot 100 does not cut slots 0 to 99")};
  const auto again = NewAdmin().SplitShard(1, options);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->child.first_slot, 100);
  options.at = 200;
  model_.refusals = {Status(StatusCode::kInvalidArgument, "slot 200 does not cut slots 0 to 99")};
  EXPECT_EQ(NewAdmin().SplitShard(1, options).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(ShardAdminTest, ASplitWhoseAnswerIsLostHappensOnce) {
  model_.lose_next_answer = true;
  const auto split = NewAdmin().SplitShard(1);
  ASSERT_TRUE(split.ok());
  EXPECT_EQ(split->shard.shard_version, 2);
  EXPECT_EQ(model_.shards.size(), 2u);
}

TEST_F(ShardAdminTest, ASplitThatFailsSaysWhy) {
  model_.outcome = "failed";
  const Status status = NewAdmin().SplitShard(1).status();
  EXPECT_EQ(status.code(), StatusCode::kAborted);
  EXPECT_THAT(status.message(), HasSubstr("node 4 is down"));
}

TEST_F(ShardAdminTest, OneSlotCannotBeSplit) {
  model_.Find(1)->last = 0;
  EXPECT_EQ(NewAdmin().SplitShard(1).status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(model_.calls, IsEmpty());
}

TEST_F(ShardAdminTest, ANodesDutyIsSetWhereTheDirectoryIsLed) {
  model_.directory_leader = 2;
  EXPECT_TRUE(NewAdmin().SetNodeDuty(3, NodeDuty::kDrain).ok());
  EXPECT_THAT(model_.calls, ElementsAre("n2: 3 is to drain"));
  model_.calls.clear();
  model_.rumoured_leader = 3;
  EXPECT_TRUE(NewAdmin().SetNodeDuty(3, NodeDuty::kServe).ok());
  EXPECT_THAT(model_.calls, ElementsAre("n3: 3 is to serve", "n2: 3 is to serve"));
}

TEST_F(ShardAdminTest, OperationsAreListedAndCancelledWhereTheDirectoryIsLed) {
  model_.directory_leader = 2;
  model_.rumoured_leader = 3;
  model_.operations.resize(1);
  model_.operations[0].operation_id = 17;
  model_.operations[0].state = "running";
  EXPECT_TRUE(NewAdmin().CancelOperation(17).ok());
  EXPECT_EQ(NewAdmin().CancelOperation(18).code(), StatusCode::kNotFound);
  const auto operations = NewAdmin().ListOperations();
  ASSERT_TRUE(operations.ok());
  ASSERT_EQ(operations->size(), 1);
  EXPECT_EQ((*operations)[0].state, "cancelling");
}

TEST_F(ShardAdminTest, PlansAreMadeWhereTheDirectoryIsLed) {
  model_.directory_leader = 2;
  model_.rumoured_leader = 3;
  model_.refusals = {Status(StatusCode::kUnavailable, "the directory's leader is new")};
  const auto plan = NewAdmin().PlanChanges({{3, NodeDuty::kDrain}});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->replicas_to_copy, 1);
  EXPECT_THAT(model_.calls, ElementsAre("n3: plan 1", "n2: plan 1", "n3: plan 1", "n2: plan 1"));
  EXPECT_THAT(model_.duties, IsEmpty());
}

TEST_F(ShardAdminTest, ADirectoryWithoutALeaderIsWaitedFor) {
  model_.refusals = {Status(StatusCode::kFailedPrecondition, "no leader now", reason::kNoLeader)};
  EXPECT_TRUE(NewAdmin().SetNodeDuty(3, NodeDuty::kLeave).ok());
  EXPECT_EQ(model_.calls.size(), 2);
  EXPECT_EQ(NewAdmin().SetNodeDuty(9, NodeDuty::kLeave).code(), StatusCode::kNotFound);
  EXPECT_EQ(model_.calls.size(), 3) << "that is final";
}

TEST_F(ShardAdminTest, AnEmptyNodeIsAwaitedAsLongAsSomethingMoves) {
  model_.duties[3] = "drain";
  model_.steps_under_way = true;
  AdminOptions options;
  options.timeout = seconds(10);
  options.on_progress = [this](const AdminProgress& progress) {
    if (progress.what == "0 replicas left on node 3") return;
    EXPECT_EQ(progress.what, "1 replica left on node 3");
    if (model_.now - MonoTime() > seconds(60)) model_.moved_per_look = 1;
  };
  ShardAdmin admin(options, std::make_unique<FakeChannel>(model_));
  EXPECT_TRUE(admin.AwaitEmptyNode(3).ok());
  EXPECT_GT(model_.now - MonoTime(), seconds(60));
}

TEST_F(ShardAdminTest, ANodeThatIsNotEmptiedIsGivenUp) {
  model_.duties[3] = "leave";
  const Status status = NewAdmin().AwaitEmptyNode(3);
  EXPECT_EQ(status.code(), StatusCode::kDeadlineExceeded);
  EXPECT_THAT(status.message(), HasSubstr("1 replica left on node 3, and nothing is moving"));
  EXPECT_EQ(NewAdmin().AwaitEmptyNode(2).code(), StatusCode::kFailedPrecondition);
  EXPECT_TRUE(NewAdmin().AwaitEmptyNode(9).ok()) << "it was forgotten";
}

TEST_F(ShardAdminTest, ANodeIsNotEmptyWhileShardsAreUnknown) {
  model_.duties[4] = "leave";
  model_.Find(1)->last = 8191;
  EXPECT_EQ(NewAdmin().AwaitEmptyNode(4).code(), StatusCode::kDeadlineExceeded);
  model_.Find(1)->last = 16383;
  EXPECT_TRUE(NewAdmin().AwaitEmptyNode(4).ok());
}

TEST_F(ShardAdminTest, ADeposedLeaderIsNotBelieved) {
  ClusterStatus cluster = FakeChannel(model_).Describe();
  cluster.nodes[2].replicas[0].role = "leader";
  cluster.nodes[2].replicas[0].term = 7;
  cluster.nodes[0].replicas[0].term = 6;
  cluster.nodes[1].replicas[0].requests_per_second = 2;
  cluster.nodes[1].replicas[0].engine_bytes = 10;
  const std::vector<ShardStatus> shards = cluster.shards();
  ASSERT_EQ(shards.size(), 1);
  EXPECT_EQ(shards[0].leader_node_id, 3);
  EXPECT_EQ(shards[0].requests_per_second, 2);
  EXPECT_EQ(shards[0].bytes, 10);
  ASSERT_EQ(shards[0].replicas.size(), 3);
  EXPECT_EQ(shards[0].replicas[0].role, "voter");
  EXPECT_EQ(shards[0].replicas[2].role, "leader");
}

}  // namespace
}  // namespace flotilla::client
