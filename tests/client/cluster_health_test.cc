// What is made of the nodes' words: who is there, what is wrong, and how much more may fail.
#include <string>
#include <vector>

#include "flotilla/cluster_status.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flotilla {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Three nodes with two shards and the directory on each; node 1 leads all.
class ClusterHealthTest : public ::testing::Test {
 protected:
  ClusterHealthTest() {
    for (const uint64_t id : {1, 2, 3}) {
      NodeStatus node;
      node.endpoint = "n" + std::to_string(id);
      node.node_id = id;
      node.phase = "serving";
      node.ready = true;
      node.replicas = {Replica(1, id), Replica(2, id)};
      node.replicas[0].last_slot = 8191;
      node.replicas[1].first_slot = 8192;
      node.replicas[1].last_slot = 16383;
      node.directory.leader_node_id = 1;
      node.directory.replicas_wanted = 3;
      node.directory.replica = Replica(0, id);
      cluster_.nodes.push_back(node);
    }
    for (NodeStatus& node : cluster_.nodes) {
      for (const uint64_t id : {1, 2, 3}) node.directory.nodes.push_back(Listed(id));
    }
    DirectoryStatus& led = cluster_.nodes[0].directory;
    led.from_leader = true;
    for (ListedNode& listed : led.nodes) listed.silent_seconds = 0.5;
  }

  static ReplicaStatus Replica(uint64_t shard, uint64_t node) {
    ReplicaStatus replica;
    replica.shard_id = shard;
    replica.shard_version = 1;
    replica.role = node == 1 ? "leader" : "follower";
    replica.leader_node_id = 1;
    replica.term = 5;
    replica.last_log_index = 10'000;
    for (const uint64_t member : {1, 2, 3}) {
      replica.members.push_back({member, true, 10'000, true, false});
    }
    return replica;
  }
  static ListedNode Listed(uint64_t id) {
    ListedNode listed;
    listed.node_id = id;
    listed.client_address = "n" + std::to_string(id);
    listed.weight = 1;
    listed.duty = "serve";
    return listed;
  }

  void Silence(uint64_t id) {
    NodeStatus& node = cluster_.nodes[id - 1];
    const std::string endpoint = node.endpoint;
    node = NodeStatus();
    node.endpoint = endpoint;
    node.status = Status(StatusCode::kUnavailable, "refused");
  }
  // As the directory's leader has it.
  ListedNode& Known(uint64_t id) { return cluster_.nodes[0].directory.nodes[id - 1]; }
  void SetDuty(uint64_t id, const std::string& duty) { Known(id).duty = duty; }

  std::string StateOf(uint64_t id) const {
    for (const ClusterNode& node : cluster_.members()) {
      if (node.node_id == id) return node.state;
    }
    return "gone";
  }
  std::vector<std::string> Problems() const {
    std::vector<std::string> texts;
    for (const HealthProblem& problem : cluster_.health().problems) texts.push_back(problem.text);
    return texts;
  }

  ClusterStatus cluster_;
};

TEST_F(ClusterHealthTest, AWellClusterOfThreeMayLoseOne) {
  const ClusterHealth health = cluster_.health();
  EXPECT_EQ(health.state, "healthy");
  EXPECT_THAT(Problems(), IsEmpty());
  EXPECT_EQ(health.failures_tolerated, 1);
}

TEST_F(ClusterHealthTest, ADeadNodeDegradesItsShards) {
  Silence(3);
  Known(3).silent_seconds = 12.7;
  const ClusterHealth health = cluster_.health();
  EXPECT_EQ(health.state, "degraded");
  EXPECT_THAT(Problems(), ElementsAre("shards 1, 2, the directory: 2 of 3 voters live",
                                      "node 3 is down for 12 s"));
  EXPECT_THAT(health.problems[0].shards, ElementsAre(1, 2, 0));
  EXPECT_EQ(health.problems[1].node_id, 3);
  EXPECT_EQ(health.failures_tolerated, 0);
}

TEST_F(ClusterHealthTest, WithoutAMajorityNothingIsServed) {
  Silence(2);
  Silence(3);
  Known(2).silent_seconds = Known(3).silent_seconds = 60;
  const ClusterHealth health = cluster_.health();
  EXPECT_EQ(health.state, "unavailable");
  EXPECT_THAT(Problems(), ::testing::Contains(HasSubstr("no majority, 1 of 3 voters live")));
  Silence(1);
  EXPECT_EQ(cluster_.health().state, "unavailable");
  EXPECT_THAT(Problems(), ElementsAre("no node answers: refused"));
  EXPECT_EQ(ClusterStatus().health().state, "unavailable");
}

TEST_F(ClusterHealthTest, AShardWithoutALeaderIsUnavailableTheDirectoryIsNot) {
  cluster_.nodes[0].directory.from_leader = false;
  cluster_.nodes[0].directory.replica->role = "follower";
  EXPECT_EQ(cluster_.health().state, "degraded");
  EXPECT_THAT(Problems(), ElementsAre("the directory: no leader that answers, 3 of 3 voters live",
                                      HasSubstr("the directory's leader does not answer")));
  cluster_.nodes[0].replicas[1].role = "follower";
  EXPECT_EQ(cluster_.health().state, "unavailable");
  EXPECT_EQ(cluster_.health().failures_tolerated, 0);
}

TEST_F(ClusterHealthTest, SlotsThatNobodyKnowsAreUnavailable) {
  for (NodeStatus& node : cluster_.nodes) node.replicas.pop_back();
  EXPECT_EQ(cluster_.health().state, "unavailable");
}

TEST_F(ClusterHealthTest, TheWeakestShardSaysHowManyMayFail) {
  for (ReplicaStatus* replica : {&cluster_.nodes[0].replicas[0], &cluster_.nodes[1].replicas[0]}) {
    replica->members.push_back({4, true, 10'000, true, false});
    replica->members.push_back({5, true, 10'000, true, false});
  }
  EXPECT_EQ(cluster_.health().failures_tolerated, 1);
  cluster_.nodes[0].replicas[1].members = {{1, true, 10'000, true, false}};
  EXPECT_EQ(cluster_.health().failures_tolerated, 0);
  EXPECT_THAT(Problems(), ElementsAre("shard 2: 1 voters, 3 wanted"));
}

TEST_F(ClusterHealthTest, LaggingAndFailedReplicasAreNamed) {
  cluster_.nodes[0].replicas[0].members[1].match_index = 8'999;
  cluster_.nodes[0].replicas[1].members[1].match_index = 9'000;
  EXPECT_THAT(Problems(),
              ElementsAre("shard 1: the replica on node 2 is more than 1000 entries behind"));
  cluster_.nodes[0].replicas[0].members[1].snapshot_pending = true;
  cluster_.nodes[1].replicas[1].failure = "checksum mismatch";
  EXPECT_THAT(Problems(),
              ElementsAre("shard 2: the replica on node 2 stopped itself: checksum mismatch",
                          "shard 1: the replica on node 2 is being sent a snapshot",
                          "shard 2: 2 of 3 voters live"));
}

TEST_F(ClusterHealthTest, ALearnerIsMovingAndNotAProblem) {
  cluster_.nodes[0].replicas[0].members.push_back({4, false, 0, true, true});
  cluster_.nodes[0].directory.steps = {{"add shard 1 to node 4", 1, 3}};
  EXPECT_EQ(cluster_.health().state, "healthy");
  ASSERT_EQ(cluster_.health().steps.size(), 1);
}

TEST_F(ClusterHealthTest, AFollowerThatANewLeaderHasNotHeardOfYetIsLive) {
  cluster_.nodes[0].replicas[0].members[1].active = false;
  EXPECT_EQ(cluster_.health().state, "healthy");
  cluster_.nodes[1].replicas[0].leader_node_id = 0;
  EXPECT_THAT(Problems(), ElementsAre("shard 1: 2 of 3 voters live"));
}

TEST_F(ClusterHealthTest, ADrainingNodeIsNotedUntilItIsEmpty) {
  SetDuty(3, "drain");
  EXPECT_EQ(StateOf(3), "draining");
  EXPECT_THAT(Problems(), ElementsAre("node 3 is draining: 3 replicas left"));
  SetDuty(3, "leave");
  EXPECT_EQ(StateOf(3), "leaving");
  ListedNode empty = Listed(4);
  empty.duty = "leave";
  empty.silent_seconds = 30;
  SetDuty(3, "serve");
  cluster_.nodes[0].directory.nodes.push_back(empty);
  EXPECT_EQ(StateOf(4), "down");
  EXPECT_THAT(Problems(), IsEmpty()) << "it was asked to go";
}

TEST_F(ClusterHealthTest, WhoAnswersNobodyHereMayBeUpAllTheSame) {
  Silence(2);
  EXPECT_EQ(StateOf(2), "down");
  cluster_.nodes[2].connected = {1, 2};
  EXPECT_EQ(StateOf(2), "unreachable");
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("node 2 does not answer here, at n2")));
  Known(2).silent_seconds = 6;
  EXPECT_EQ(StateOf(2), "down");
}

TEST_F(ClusterHealthTest, FullDisksAndNodesThatAreNotReadyAreNamed) {
  cluster_.nodes[1].disk_full = true;
  cluster_.nodes[2].ready = false;
  cluster_.nodes[2].detail = "waits for node 2";
  EXPECT_THAT(Problems(), ElementsAre("the disk of node 2 is full",
                                      "node 3 is not ready: serving, waits for node 2"));
}

TEST_F(ClusterHealthTest, MembersAreCountedByTheLeadersWord) {
  const std::vector<ClusterNode> members = cluster_.members();
  ASSERT_EQ(members.size(), 3);
  EXPECT_EQ(members[0].state, "up");
  EXPECT_EQ(members[0].replicas, 2);
  EXPECT_EQ(members[0].leaders, 2);
  EXPECT_EQ(members[0].directory_role, "leader");
  EXPECT_EQ(members[1].leaders, 0);
  EXPECT_EQ(members[1].directory_role, "voter");
}

TEST_F(ClusterHealthTest, ANodeThatIsNotListedIsShownWithItsPhase) {
  NodeStatus fresh;
  fresh.node_id = 4;
  fresh.phase = "joining";
  cluster_.nodes.push_back(fresh);
  EXPECT_EQ(StateOf(4), "joining");
  cluster_.nodes.back().phase = "serving";
  EXPECT_THAT(Problems(), ElementsAre(HasSubstr("node 4 has not reported to the directory yet")));
}

TEST_F(ClusterHealthTest, OfTwoLeadersOfTheDirectoryTheNewerIsBelieved) {
  DirectoryStatus& newer = cluster_.nodes[1].directory;
  newer.from_leader = true;
  newer.replica->term = 6;
  newer.nodes.pop_back();
  EXPECT_EQ(cluster_.directory().nodes.size(), 2);
  newer.replica->term = 4;
  EXPECT_EQ(cluster_.directory().nodes.size(), 3);
}

}  // namespace
}  // namespace flotilla
