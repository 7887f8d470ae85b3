// The commands for nodes, steps and health, on a cluster that the test makes up.
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "client/cli/environment.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flotilla::client::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class RecordingAdmin final : public Admin {
 public:
  RecordingAdmin(std::vector<std::string>& calls, Status answer, Status awaited,
                 const std::vector<ClusterOperation>& operations, const ClusterPlan& plan)
      : calls_(calls),
        answer_(std::move(answer)),
        awaited_(std::move(awaited)),
        operations_(operations),
        plan_(plan) {}

  ClusterStatus DescribeCluster() override { return {}; }
  StatusOr<SplitResult> SplitShard(uint64_t, SplitOptions) override { return answer_; }
  Status TransferLeadership(uint64_t, uint64_t) override { return answer_; }
  Status AddReplica(uint64_t, uint64_t) override { return answer_; }
  Status RemoveReplica(uint64_t, uint64_t) override { return answer_; }
  Status MoveReplica(uint64_t, uint64_t, uint64_t) override { return answer_; }
  Status SetNodeDuty(uint64_t node, NodeDuty duty) override {
    static constexpr const char* kNames[] = {"serve", "drain", "leave"};
    calls_.push_back(std::to_string(node) + " is to " + kNames[static_cast<int>(duty)]);
    return answer_;
  }
  StatusOr<std::vector<ClusterOperation>> ListOperations() override {
    if (!answer_.ok()) return answer_;
    return operations_;
  }
  Status CancelOperation(uint64_t operation) override {
    calls_.push_back(std::to_string(operation) + " is cancelled");
    return answer_;
  }
  StatusOr<ClusterPlan> PlanChanges(const std::vector<NodeDutyChange>& changes) override {
    std::string call = "plan";
    for (const NodeDutyChange& change : changes) {
      call += " " + std::to_string(change.node_id) + "/" +
              std::to_string(static_cast<int>(change.duty));
    }
    calls_.push_back(call);
    if (!answer_.ok()) return answer_;
    return plan_;
  }
  Status AwaitEmptyNode(uint64_t node) override {
    calls_.push_back(std::to_string(node) + " is awaited");
    return awaited_;
  }

 private:
  std::vector<std::string>& calls_;
  const Status answer_;
  const Status awaited_;
  const std::vector<ClusterOperation>& operations_;
  const ClusterPlan& plan_;
};

struct Ran {
  int code;
  std::string out;
  std::string err;
};

class CliNodeTest : public ::testing::Test {
 protected:
  // One node that has everything.
  CliNodeTest() {
    ReplicaStatus replica;
    replica.shard_id = 1;
    replica.shard_version = 1;
    replica.last_slot = 16383;
    replica.role = "leader";
    replica.leader_node_id = 1;
    replica.members = {{1, true, 0, true, false}};
    ListedNode listed;
    listed.node_id = 1;
    listed.client_address = "n1:6170";
    listed.peer_address = "n1:6171";
    listed.zone = "a";
    listed.weight = 2;
    listed.duty = "serve";
    listed.silent_seconds = 0.5;
    NodeStatus node;
    node.node_id = 1;
    node.ready = true;
    node.phase = "serving";
    node.replicas = {replica};
    node.directory.from_leader = true;
    node.directory.replica = replica;
    node.directory.nodes = {listed};
    cluster_.nodes = {node};
  }

  Ran Run(std::vector<std::string> args) {
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    Environment environment{
        .in = in,
        .out = out,
        .err = err,
        .connect = {},
        .describe_cluster =
            [this](const std::string&, std::chrono::milliseconds) {
              return StatusOr<ClusterStatus>(cluster_);
            },
        .connect_admin =
            [this](const std::string&, const AdminOptions&) {
              return StatusOr<std::unique_ptr<Admin>>(
                  std::make_unique<RecordingAdmin>(calls_, answer_, awaited_, operations_, plan_));
            },
        .now = [] { return std::chrono::steady_clock::time_point(); },
        .pause = [this](std::chrono::milliseconds) { return on_pause_(); }};
    const int code = RunCommandLine(std::move(args), environment);
    return {code, out.str(), err.str()};
  }

  DirectoryStatus& directory() { return cluster_.nodes[0].directory; }
  // What happens between the looks of a command that watches; then it ends.
  void Then(std::vector<std::function<void()>> changes) {
    on_pause_ = [changes = std::move(changes), next = size_t{0}]() mutable {
      if (next == changes.size()) return false;
      changes[next++]();
      return true;
    };
  }

  ClusterStatus cluster_;
  Status answer_;
  Status awaited_;
  std::vector<std::string> calls_;
  std::vector<ClusterOperation> operations_;
  ClusterPlan plan_;
  std::function<bool()> on_pause_ = [] { return false; };
};

TEST_F(CliNodeTest, ListShowsWhatTheDirectoryKnows) {
  ListedNode dead;
  dead.node_id = 2;
  dead.weight = 1;
  dead.duty = "leave";
  dead.silent_seconds = 12.9;
  directory().nodes.push_back(dead);
  EXPECT_EQ(Run({"node", "list", "-o", "table"}).out,
            "NODE  CLIENT   PEER     ZONE  WEIGHT  STATE                   REPLICAS  LEADERS  "
            "DIRECTORY\n"
            "1     n1:6170  n1:6171  a     2       up                      1         1        "
            "leader\n"
            "2                             1       leaving, down for 12 s  0         0        \n");
  EXPECT_THAT(
      Run({"node", "list", "--json"}).out,
      StartsWith(R"({"nodes":[{"node_id":1,"client_address":"n1:6170","peer_address":"n1:6171",)"
                 R"("zone":"a","weight":2,"duty":"serve","state":"up","down_seconds":null,)"
                 R"("replicas":1,"leaders":1,"directory_role":"leader"},)"));
}

TEST_F(CliNodeTest, DutiesAreSetAndEmptyingIsWaitedForWhenAsked) {
  EXPECT_EQ(Run({"node", "drain", "4"}).out, "node 4 is being emptied (0.0 s)\n");
  EXPECT_EQ(Run({"node", "drain", "4", "--wait"}).out, "node 4 holds nothing any more (0.0 s)\n");
  EXPECT_EQ(Run({"node", "serve", "4"}).out, "node 4 is to serve (0.0 s)\n");
  EXPECT_THAT(Run({"node", "remove", "4"}).out, HasSubstr("may be stopped"));
  EXPECT_EQ(Run({"node", "remove", "4", "--no-wait", "--json"}).out,
            R"({"operation":"remove","node_id":4,"waited":false,"seconds":0.0})"
            "\n");
  EXPECT_THAT(calls_, ElementsAre("4 is to drain", "4 is to drain", "4 is awaited", "4 is to serve",
                                  "4 is to leave", "4 is awaited", "4 is to leave"));
}

TEST_F(CliNodeTest, ErrorsSayWhatWhyAndWhatToDo) {
  answer_ = Status(StatusCode::kNotFound, "the cluster has no node 9");
  const Ran ran = Run({"node", "remove", "9"});
  EXPECT_EQ(ran.code, 3);
  EXPECT_EQ(ran.err,
            "error: node remove 9: NOT_FOUND\n"
            "why:   the cluster has no node 9\n"
            "try:   flotilla node list shows the nodes\n");
  EXPECT_THAT(Run({"node", "drain", "9", "--dry-run"}).err,
              StartsWith("error: node drain 9 --dry-run: NOT_FOUND\n"));
  for (const std::vector<std::string>& args :
       std::vector<std::vector<std::string>>{{"node"},
                                             {"node", "drain"},
                                             {"node", "serve", "one"},
                                             {"node", "serve", "1", "--wait"},
                                             {"op"}}) {
    EXPECT_EQ(Run(args).code, 2) << ::testing::PrintToString(args);
  }
}

TEST_F(CliNodeTest, WaitingInVainSaysHowToTakeItBack) {
  awaited_ = Status(StatusCode::kDeadlineExceeded, "gave up: 3 replicas left on node 4");
  const Ran ran = Run({"node", "drain", "4", "--wait"});
  EXPECT_EQ(ran.code, 4);
  EXPECT_EQ(ran.err,
            "error: node drain 4: DEADLINE_EXCEEDED\n"
            "why:   gave up: 3 replicas left on node 4\n"
            "try:   flotilla op list shows what is moving; flotilla node serve 4 takes it back\n");
}

TEST_F(CliNodeTest, ADryRunShowsThePlanAndSetsNoDuty) {
  plan_.steps = {{"transfer shard 3 from node 4 to node 1", "drain", 3, 0},
                 {"move shard 3 from node 4 to node 2", "drain", 3, 700}};
  plan_.replicas_to_copy = 1;
  plan_.bytes_to_copy = 700;
  plan_.ideal_replicas_to_copy = 2;
  plan_.ideal_bytes_to_copy = 600;
  plan_.nodes = {{2, 0, 1}, {4, 1, 0}};
  const Ran ran = Run({"node", "drain", "4", "--dry-run", "-o", "table"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out,
            "STEP                                    CAUSE  BYTES\n"
            "transfer shard 3 from node 4 to node 1  drain  -\n"
            "move shard 3 from node 4 to node 2      drain  700\n"
            "\n"
            "2 steps, 1 replica and 700 bytes to copy; perfectly even shares take at least "
            "2 replicas and 600 bytes\n"
            "node 4 has 1 replica and would have 0\n");
  EXPECT_EQ(Run({"node", "remove", "4", "--dry-run"}).code, 0);
  EXPECT_EQ(Run({"node", "serve", "4", "--dry-run"}).code, 0);
  EXPECT_EQ(Run({"cluster", "plan"}).code, 0);
  EXPECT_THAT(calls_, ElementsAre("plan 4/1", "plan 4/2", "plan 4/0", "plan"));
  EXPECT_EQ(Run({"node", "drain", "4", "--dry-run", "--wait"}).code, 2);
  EXPECT_EQ(Run({"node", "remove", "4", "--dry-run", "--no-wait"}).code, 2);
}

TEST_F(CliNodeTest, APlanSaysWhatElseIsToBeExpected) {
  EXPECT_EQ(Run({"cluster", "plan"}).out, "nothing to do\n");
  plan_.steps_under_way = 1;
  plan_.unsettled_shards = {0, 3};
  plan_.complete = false;
  EXPECT_EQ(Run({"cluster", "plan"}).out,
            "nothing to do\n"
            "1 step under way counted as done: flotilla op list\n"
            "more may follow: the directory is being changed, and planned after that\n"
            "more may follow: shard 3 is being changed, and planned after that\n");
  plan_ = ClusterPlan();
  plan_.steps = {{"split shard 1 at slot 5", "size", 1, 0}};
  plan_.complete = false;
  const Ran ran = Run({"cluster", "plan", "-o", "plain"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, StartsWith("split shard 1 at slot 5\tsize\t\n\n1 step, 0 replicas"));
  EXPECT_THAT(ran.out, HasSubstr("more may follow: what comes of the splits must be seen first\n"));
}

TEST_F(CliNodeTest, WhatCannotBeDoneIsToldByThePlan) {
  plan_.shortfalls = {{0, "no_target"}, {3, "no_quorum"}};
  plan_.nodes = {{4, 2, 2}};
  const Ran ran = Run({"node", "drain", "4", "--dry-run"});
  EXPECT_EQ(ran.code, 4);
  EXPECT_EQ(ran.out,
            "nothing can be done now\n"
            "undone: the directory: no node may take the replica that should be added or moved\n"
            "undone: shard 3: too few of its voters live, so nothing of it can be changed\n"
            "node 4 has 2 replicas and would have 2\n");
  EXPECT_EQ(ran.err,
            "error: node drain 4 --dry-run: UNAVAILABLE\n"
            "why:   2 replicas would stay on the node\n"
            "try:   add a node, or bring one back; flotilla cluster health\n");
  EXPECT_EQ(Run({"node", "drain", "4", "--dry-run", "--json"}).out,
            R"({"operation":"node drain","dry_run":true,"possible":false,"steps":[],)"
            R"("shortfalls":[{"shard_id":0,"obstacle":"no_target",)"
            R"("text":"no node may take the replica that should be added or moved"},)"
            R"({"shard_id":3,"obstacle":"no_quorum",)"
            R"("text":"too few of its voters live, so nothing of it can be changed"}],)"
            R"("replicas_to_copy":0,"bytes_to_copy":0,"ideal_replicas_to_copy":0,)"
            R"("ideal_bytes_to_copy":0,"complete":true,"unsettled_shard_ids":[],)"
            R"("steps_under_way":0,"balancer_off":false,)"
            R"("nodes":[{"node_id":4,"replicas":2,"planned_replicas":2}]})"
            "\n");
  EXPECT_THAT(Run({"cluster", "plan"}).err, HasSubstr("2 shards would stay as it should not be"));
}

// It is down for a moment, or the balancer is off: there is no obstacle, and yet nothing happens.
TEST_F(CliNodeTest, WhatWouldNotHappenByItselfIsToldByThePlan) {
  plan_.nodes = {{4, 2, 2}};
  const Ran down = Run({"node", "drain", "4", "--dry-run"});
  EXPECT_EQ(down.code, 4);
  EXPECT_THAT(down.out, StartsWith("nothing can be done now\n"));
  EXPECT_THAT(down.err, HasSubstr("2 replicas would stay on the node: what a node holds that is"));
  plan_.unsettled_shards = {3};
  EXPECT_EQ(Run({"node", "drain", "4", "--dry-run"}).code, 0) << "more may follow";
  plan_ = ClusterPlan();
  plan_.balancer_off = true;
  EXPECT_EQ(Run({"cluster", "plan"}).code, 0);
  plan_.steps = {{"move shard 3 from node 4 to node 2", "drain", 3, 700}};
  const Ran off = Run({"cluster", "plan"});
  EXPECT_EQ(off.code, 4);
  EXPECT_THAT(off.err, HasSubstr("the balancer is off (--balance=false)"));
}

TEST_F(CliNodeTest, StepsAreListed) {
  EXPECT_EQ(Run({"op", "list", "--json"}).out, "{\"steps\":[]}\n");
  directory().steps = {{"move shard 3 from node 1 to node 4", 3, 2.5},
                       {"add the directory to node 4", 0, 1}};
  directory().steps[0].operation_id = 17;
  directory().steps[0].progress = {300, 400, 5, 12.6};
  EXPECT_EQ(Run({"op", "list", "-o", "table"}).out,
            "ID  SHARD      STEP                                SECONDS  DONE  LEFT\n"
            "17  3          move shard 3 from node 1 to node 4  2        75%   12 s\n"
            "-   directory  add the directory to node 4         1        -     -\n");
  EXPECT_THAT(Run({"op", "list", "--json"}).out,
              StartsWith(R"({"steps":[{"operation_id":17,)"
                         R"("step":"move shard 3 from node 1 to node 4","shard_id":3,)"
                         R"("seconds":2.5,"bytes_done":300,"bytes_total":400,)"
                         R"("entries_behind":5,"seconds_left":12.6})"));
  directory().from_leader = false;
  const Ran ran = Run({"op", "list"});
  EXPECT_EQ(ran.code, 4);
  EXPECT_THAT(ran.err, HasSubstr("the directory's leader does not answer"));
}

TEST_F(CliNodeTest, StepsAreWatched) {
  directory().steps = {{"split shard 1 at slot 5", 1, 2}};
  Then({[this] { directory().from_leader = false; },
        [this] {
          directory().from_leader = true;
          directory().steps = {{"add shard 1 to node 4", 1, 0}};
        },
        [] {}});
  EXPECT_EQ(Run({"op", "watch"}).out,
            "begun  split shard 1 at slot 5, 2 s\n"
            "begun  add shard 1 to node 4, 0 s\n"
            "ended  split shard 1 at slot 5, 2 s\n");
}

TEST_F(CliNodeTest, OperationsThatHaveEndedAreListedWhenAskedFor) {
  operations_ = {{17,
                  "move shard 3 from node 1 to node 4",
                  3,
                  "drain",
                  "failed",
                  "node 4 is down",
                  1'700'000'000'000,
                  2.5,
                  {}}};
  EXPECT_EQ(
      Run({"op", "list", "--all", "-o", "table"}).out,
      "ID  SHARD  STEP                                CAUSE  STATE   SECONDS  REASON\n"
      "17  3      move shard 3 from node 1 to node 4  drain  failed  2        node 4 is down\n");
  EXPECT_THAT(Run({"op", "show", "17", "--json"}).out,
              StartsWith(R"({"operation_id":17,"step":"move shard 3 from node 1 to node 4",)"
                         R"("shard_id":3,"cause":"drain","state":"failed",)"
                         R"("reason":"node 4 is down")"));
  const Ran ran = Run({"op", "show", "18"});
  EXPECT_EQ(ran.code, 3);
  EXPECT_THAT(ran.err, HasSubstr("there is no operation 18"));
}

TEST_F(CliNodeTest, OneOperationIsWatchedUntilItEnds) {
  operations_ = {{17, "split shard 1 at slot 5", 1, "size", "running", "", 0, 1, {}}};
  Then({[] {}, [this] { operations_[0].state = "succeeded"; }});
  const Ran done = Run({"op", "watch", "17"});
  EXPECT_EQ(done.code, 0);
  EXPECT_EQ(done.out,
            "running    split shard 1 at slot 5, 1 s\n"
            "succeeded  split shard 1 at slot 5, 1 s\n");
  operations_[0].state = "failed";
  operations_[0].reason = "it came no further for too long";
  const Ran failed = Run({"op", "watch", "17"});
  EXPECT_EQ(failed.code, 1);
  EXPECT_EQ(failed.out,
            "failed     split shard 1 at slot 5, 1 s: it came no further for too long\n");
}

TEST_F(CliNodeTest, AnOperationIsCancelled) {
  const Ran ran = Run({"op", "cancel", "17"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, "operation 17 is being cancelled (0.0 s)\n");
  EXPECT_THAT(calls_, ElementsAre("17 is cancelled"));
  answer_ = Status(StatusCode::kFailedPrecondition, "operation 17 has ended: it has succeeded");
  EXPECT_THAT(Run({"op", "cancel", "17"}).err, HasSubstr("it has succeeded"));
}

TEST_F(CliNodeTest, HealthSaysWhatIsWrongAndWhatItCanBear) {
  const Ran well = Run({"cluster", "health"});
  EXPECT_EQ(well.code, 0);
  EXPECT_EQ(well.out, "healthy\nno further node may fail\n");
  cluster_.nodes[0].disk_full = true;
  directory().steps = {{"add shard 1 to node 4", 1, 7.9}};
  const Ran ill = Run({"cluster", "health"});
  EXPECT_EQ(ill.code, 4);
  EXPECT_EQ(ill.out,
            "degraded:\n"
            "  the disk of node 1 is full\n"
            "no further node may fail\n"
            "under way:\n"
            "  add shard 1 to node 4, 7 s\n");
  EXPECT_EQ(Run({"cluster", "health", "--json"}).out,
            R"({"state":"degraded","problems":[{"kind":"disk_full",)"
            R"("text":"the disk of node 1 is full","shard_ids":[],"node_id":1}],)"
            R"("failures_tolerated":0,)"
            R"("steps":[{"step":"add shard 1 to node 4","shard_id":1,"seconds":7.9}]})"
            "\n");
}

TEST_F(CliNodeTest, HealthIsWatchedForChanges) {
  Then({[] {}, [this] { cluster_.nodes[0].disk_full = true; }, [] {}, [] {}, [] {},
        [this] { cluster_.nodes[0].disk_full = false; }});
  EXPECT_EQ(Run({"cluster", "health", "--watch"}).out,
            "healthy\nno further node may fail\n"
            "\n"
            "degraded:\n  the disk of node 1 is full\nno further node may fail\n"
            "\n"
            "healthy\nno further node may fail\n");
}

TEST_F(CliNodeTest, NobodyAnswers) {
  cluster_.nodes[0] = NodeStatus();
  cluster_.nodes[0].status = Status(StatusCode::kUnavailable, "refused", reason::kUnreachable);
  EXPECT_EQ(Run({"node", "list"}).code, 4);
  EXPECT_EQ(Run({"op", "watch"}).code, 4);
  EXPECT_THAT(Run({"cluster", "health"}).out, StartsWith("unavailable:\n  no node answers"));
}

}  // namespace
}  // namespace flotilla::client::cli
