// The commands for shards, on an Admin that does as the test says.
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
using ::testing::IsEmpty;
using ::testing::StartsWith;

struct Script {
  Status answer;
  std::vector<std::string> calls;
  AdminOptions options;
};

class ScriptedAdmin final : public Admin {
 public:
  explicit ScriptedAdmin(Script& script) : script_(script) {}

  ClusterStatus DescribeCluster() override { return {}; }
  StatusOr<SplitResult> SplitShard(uint64_t shard, SplitOptions options) override {
    const std::string at = options.at.has_value() ? std::to_string(*options.at) : "the middle";
    Status answer = Call("split " + std::to_string(shard) + " at " + at);
    if (!answer.ok()) return answer;
    return SplitResult{{shard, 2, 0, 8191}, {5, 2, 8192, 16383}};
  }
  Status TransferLeadership(uint64_t shard, uint64_t node) override {
    return Call("transfer " + std::to_string(shard) + " " + std::to_string(node));
  }
  Status AddReplica(uint64_t shard, uint64_t node) override {
    return Call("add " + std::to_string(shard) + " " + std::to_string(node));
  }
  Status RemoveReplica(uint64_t shard, uint64_t node) override {
    return Call("remove " + std::to_string(shard) + " " + std::to_string(node));
  }
  Status MoveReplica(uint64_t shard, uint64_t from, uint64_t to) override {
    return Call("move " + std::to_string(shard) + " " + std::to_string(from) + " " +
                std::to_string(to));
  }
  Status SetNodeDuty(uint64_t node, NodeDuty duty) override {
    return Call("duty " + std::to_string(static_cast<int>(duty)) + " of " + std::to_string(node));
  }
  StatusOr<std::vector<ClusterOperation>> ListOperations() override {
    return std::vector<ClusterOperation>();
  }
  Status CancelOperation(uint64_t) override { return Status(); }
  StatusOr<ClusterPlan> PlanChanges(const std::vector<NodeDutyChange>&) override {
    return ClusterPlan();
  }
  Status AwaitEmptyNode(uint64_t node) override {
    return Call("await " + std::to_string(node) + " empty");
  }

 private:
  Status Call(std::string call) {
    script_.calls.push_back(std::move(call));
    script_.options.on_progress({1, "node 4 is 7 entries behind"});
    return script_.answer;
  }

  Script& script_;
};

struct Ran {
  int code;
  std::string out;
  std::string err;
};

class CliShardTest : public ::testing::Test {
 protected:
  Ran Run(std::vector<std::string> args) {
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    Environment environment{
        .in = in,
        .out = out,
        .err = err,
        .out_is_terminal = terminal_,
        .err_is_terminal = terminal_,
        .connect = {},
        .describe_cluster =
            [this](const std::string&, std::chrono::milliseconds) {
              return StatusOr<ClusterStatus>(cluster_);
            },
        .connect_admin =
            [this](const std::string&, const AdminOptions& options) {
              script_.options = options;
              return StatusOr<std::unique_ptr<Admin>>(std::make_unique<ScriptedAdmin>(script_));
            },
        .now = [] { return std::chrono::steady_clock::time_point(); }};
    const int code = RunCommandLine(std::move(args), environment);
    return {code, out.str(), err.str()};
  }

  // Shard 1 on three nodes and a learner; node 1 leads.
  void AddShard() {
    for (const uint64_t node_id : {1, 2}) {
      NodeStatus node;
      node.node_id = node_id;
      ReplicaStatus replica;
      replica.shard_id = 1;
      replica.shard_version = 3;
      replica.last_slot = 16383;
      replica.role = node_id == 1 ? "leader" : "follower";
      replica.last_log_index = 50;
      replica.engine_bytes = 1000 * node_id;
      replica.pending_requests = 1;
      replica.requests_per_second = 10.4;
      replica.members = {{1, true, 50, true, false},
                         {2, true, 43, true, false},
                         {3, true, 50, false, false},
                         {4, false, 0, true, true}};
      node.replicas = {replica};
      cluster_.nodes.push_back(node);
    }
  }

  bool terminal_ = false;
  ClusterStatus cluster_;
  Script script_;
};

TEST_F(CliShardTest, ListMergesWhatTheNodesSay) {
  AddShard();
  EXPECT_EQ(Run({"shard", "list", "-o", "table"}).out,
            "SHARD  SLOTS    VERSION  LEADER  REPLICAS                              LAG  BYTES  "
            "PENDING  REQUESTS PER S\n"
            "1      0-16383  3        1       1,2:7,3:silent,4:learner:snapshot:50  50   2000   "
            "2        21\n");
  EXPECT_EQ(Run({"shard", "list", "--json"}).out,
            R"({"shards":[{"shard_id":1,"shard_version":3,"first_slot":0,"last_slot":16383,)"
            R"("leader_node_id":1,"bytes":2000,"pending_requests":2,"requests_per_second":20.8,)"
            R"("replicas":[{"node_id":1,"role":"leader","state":"ok","lag":0,"bytes":1000},)"
            R"({"node_id":2,"role":"voter","state":"ok","lag":7,"bytes":2000},)"
            R"({"node_id":3,"role":"voter","state":"silent","lag":0,"bytes":0},)"
            R"({"node_id":4,"role":"learner","state":"snapshot","lag":50,"bytes":0}]}]})"
            "\n");
}

TEST_F(CliShardTest, ListSaysWhenNobodyAnswers) {
  NodeStatus silent;
  silent.status = Status(StatusCode::kUnavailable, "n1: refused", reason::kUnreachable);
  cluster_.nodes = {silent};
  const Ran ran = Run({"shard", "list"});
  EXPECT_EQ(ran.code, 4);
  EXPECT_THAT(ran.err, StartsWith("error: shard list: UNAVAILABLE, UNREACHABLE\n"));
}

TEST_F(CliShardTest, SplitShowsBothShards) {
  EXPECT_EQ(Run({"shard", "split", "1"}).out,
            "shard 1: slots 0-8191, version 2\n"
            "shard 5: slots 8192-16383, version 2\n");
  EXPECT_EQ(Run({"shard", "split", "1", "--at", "8192", "--json"}).out,
            R"({"operation":"split",)"
            R"("shard":{"shard_id":1,"shard_version":2,"first_slot":0,"last_slot":8191},)"
            R"("child":{"shard_id":5,"shard_version":2,"first_slot":8192,"last_slot":16383},)"
            R"("seconds":0.0})"
            "\n");
  EXPECT_THAT(script_.calls, ElementsAre("split 1 at the middle", "split 1 at 8192"));
}

TEST_F(CliShardTest, ReplicasAndLeadershipGoWhereTheyAreSent) {
  EXPECT_EQ(Run({"shard", "transfer", "1", "2"}).out, "node 2 leads shard 1 (0.0 s)\n");
  EXPECT_EQ(Run({"shard", "add-replica", "1", "4"}).out, "node 4 is a voter of shard 1 (0.0 s)\n");
  EXPECT_EQ(Run({"shard", "remove-replica", "1", "3"}).out,
            "node 3 has no replica of shard 1 (0.0 s)\n");
  EXPECT_EQ(Run({"shard", "move", "1", "2", "4", "--json"}).out,
            R"({"operation":"move","shard_id":1,"from_node_id":2,"to_node_id":4,"seconds":0.0})"
            "\n");
  EXPECT_THAT(script_.calls, ElementsAre("transfer 1 2", "add 1 4", "remove 1 3", "move 1 2 4"));
}

TEST_F(CliShardTest, ProgressIsForTerminals) {
  EXPECT_THAT(Run({"shard", "move", "1", "2", "4"}).err, IsEmpty());
  terminal_ = true;
  EXPECT_EQ(Run({"shard", "move", "1", "2", "4"}).err,
            "\r\033[Kshard move 1: node 4 is 7 entries behind, 0.0 s\r\033[K");
}

TEST_F(CliShardTest, ErrorsSayWhatWhyAndWhatToDo) {
  script_.answer = Status(StatusCode::kFailedPrecondition, "node 4 has no vote in shard 1");
  const Ran ran = Run({"shard", "transfer", "1", "4", "--timeout", "7s"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err,
            "error: shard transfer 1: FAILED_PRECONDITION\n"
            "why:   node 4 has no vote in shard 1\n"
            "try:   flotilla shard list shows shards and replicas, cluster status the nodes\n");
  EXPECT_EQ(script_.options.timeout, std::chrono::seconds(7));
  script_.answer = Status(StatusCode::kUnavailable, "no leader", reason::kNoLeader);
  EXPECT_EQ(Run({"shard", "split", "1"}).code, 4);
}

TEST_F(CliShardTest, UsageErrorsAreExitCodeTwo) {
  for (const std::vector<std::string>& args :
       std::vector<std::vector<std::string>>{{"shard"},
                                             {"shard", "split"},
                                             {"shard", "split", "one"},
                                             {"shard", "split", "1", "--at", "70000"},
                                             {"shard", "transfer", "1"},
                                             {"shard", "move", "1", "2"},
                                             {"shard", "move", "1", "2", "-4"}}) {
    EXPECT_EQ(Run(args).code, 2) << ::testing::PrintToString(args);
  }
  EXPECT_THAT(script_.calls, IsEmpty());
  for (const char* command :
       {"list", "split", "transfer", "add-replica", "remove-replica", "move"}) {
    EXPECT_THAT(Run({"shard", command, "--help"}).out,
                HasSubstr(std::string("flotilla shard ") + command));
  }
}

}  // namespace
}  // namespace flotilla::client::cli
