// Nodes that look for each other, in every order and with every accident that once split a cluster.
#include "node/cluster_join.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "node/address_codec.h"
#include "tests/node/fake_transport.h"
#include "tests/simulation/sim_clock.h"
#include "tests/simulation/sim_disk.h"
#include "tests/simulation/sim_executor.h"
#include "tests/simulation/sim_world.h"
#include <gtest/gtest.h>

namespace flotilla::node {
namespace {

std::string AddressOf(uint64_t id) { return "n" + std::to_string(id) + ":6171"; }

// One process of a node; its disk outlives it.
class Joiner : public ClusterJoin::Listener {
 public:
  Joiner(simulation::SimWorld& world, simulation::SimDisk& disk, uint64_t id,
         std::vector<std::string> join, uint32_t initial_nodes, const kv::Limits& limits = {})
      : clock_(world),
        executor_(world, clock_, static_cast<simulation::NodeIndex>(id), {}, Random(id)) {
    // Every process of a node draws anew, as a real one does.
    Random random(world.Stream("joiner", world.events() * 100 + id));
    auto folder = DataFolder::Open(disk, "/data", NodeId(id), random);
    EXPECT_TRUE(folder.ok()) << folder.status();
    folder_ = *std::move(folder);
    Hello hello;
    hello.self = {NodeId(id), folder_->identity().incarnation, AddressOf(id), "client"};
    hello.initial_nodes = initial_nodes;
    hello.plan = {.shards = 1, .limits = limits, .session_limits = {}};
    hello.join = std::move(join);
    std::sort(hello.join.begin(), hello.join.end());
    join_ = std::make_unique<ClusterJoin>(std::move(hello), *folder_, clock_, executor_, transport,
                                          logger_, random.Split(), *this);
    join_->Start();
  }

  void OnJoined() override { ++joined; }
  void OnPeerAddress(const NodeAddress& peer) override { addresses[peer.node] = peer; }
  bool IsConnected(NodeId) const override { return connected; }
  std::vector<std::string> ListedAddresses() const override { return listed; }
  void OnJoinFailed(absl::Status status) override { failure = status; }

  ClusterJoin& join() { return *join_; }
  const Identity& identity() const { return folder_->identity(); }

  FakeTransport transport;
  bool connected = false;  // to all whom it knows
  std::vector<std::string> listed;
  int joined = 0;
  absl::Status failure;
  std::map<NodeId, NodeAddress> addresses;

 private:
  simulation::SimClock clock_;
  simulation::SimExecutor executor_;
  NullLogger logger_;
  std::unique_ptr<DataFolder> folder_;
  std::unique_ptr<ClusterJoin> join_;
};

class ClusterJoinTest : public testing::Test {
 protected:
  simulation::SimDisk& DiskOf(uint64_t id) {
    auto& disk = disks_[id];
    if (disk == nullptr) {
      disk = std::make_unique<simulation::SimDisk>(id);
    }
    return *disk;
  }
  Joiner& Start(uint64_t id, std::vector<uint64_t> join = {1, 2, 3}, uint32_t initial = 3,
                const kv::Limits& limits = {}) {
    std::vector<std::string> addresses;
    for (const uint64_t other : join) addresses.push_back(AddressOf(other));
    nodes_[id].reset();
    nodes_[id] = std::make_unique<Joiner>(world_, DiskOf(id), id, addresses, initial, limits);
    return *nodes_[id];
  }
  void Kill(uint64_t id) { nodes_.erase(id); }
  void Wipe(uint64_t id) {
    Kill(id);
    disks_.erase(id);
  }

  // Carries hellos between live nodes that are not cut off, for this long.
  void Run(Duration time = std::chrono::seconds(3)) {
    const Duration end = world_.now() + time;
    while (world_.now() < end) {
      world_.RunFor(std::chrono::milliseconds(5));
      std::vector<uint64_t> ids;
      for (const auto& [id, node] : nodes_) ids.push_back(id);
      for (const uint64_t id : ids) Carry(id);
      DeliverDue();
    }
  }
  void Carry(uint64_t from) {
    std::vector<FakeTransport::PendingExchange> exchanges;
    std::swap(exchanges, nodes_[from]->transport.exchanges);
    for (FakeTransport::PendingExchange& exchange : exchanges) {
      under_way_.push_back({world_.now() + round_trip_, from, std::move(exchange)});
    }
  }
  void DeliverDue() {
    std::vector<UnderWay> all = std::exchange(under_way_, {});
    for (UnderWay& one : all) {
      if (one.due > world_.now()) {
        under_way_.push_back(std::move(one));
      } else if (nodes_.contains(one.from)) {
        Deliver(one.from, one.exchange);
      }
    }
  }
  void Deliver(uint64_t from, FakeTransport::PendingExchange& exchange) {
    absl::StatusOr<std::string> reply = absl::UnavailableError("nobody listens");
    for (auto& [id, node] : nodes_) {
      if (AddressOf(id) != exchange.address || cut_.contains(id) || cut_.contains(from)) continue;
      const absl::StatusOr<Hello> hello = DecodeHello(exchange.hello);
      ASSERT_TRUE(hello.ok());
      const absl::StatusOr<Hello> answer = node->join().OnExchange(*hello);
      reply = answer.ok() ? absl::StatusOr<std::string>(EncodeHello(*answer))
                          : absl::StatusOr<std::string>(answer.status());
    }
    exchange.done(std::move(reply));
  }
  bool OneClusterOf(std::vector<uint64_t> ids) {
    std::set<ClusterId> clusters;
    for (const uint64_t id : ids) clusters.insert(nodes_[id]->identity().cluster);
    return clusters.size() == 1 && !clusters.begin()->is_none();
  }

  simulation::SimWorld world_{42};
  std::map<uint64_t, std::unique_ptr<simulation::SimDisk>> disks_;
  std::map<uint64_t, std::unique_ptr<Joiner>> nodes_;
  std::set<uint64_t> cut_;
  Duration round_trip_{0};
  struct UnderWay {
    Duration due;
    uint64_t from;
    FakeTransport::PendingExchange exchange;
  };
  std::vector<UnderWay> under_way_;
};

TEST_F(ClusterJoinTest, ThreeEmptyNodesFormOneCluster) {
  for (const uint64_t id : {3, 1, 2}) Start(id);
  Run();
  EXPECT_TRUE(OneClusterOf({1, 2, 3}));
  for (const uint64_t id : {1, 2, 3}) {
    EXPECT_EQ(nodes_[id]->joined, 1);
    EXPECT_EQ(nodes_[id]->identity().founders.size(), 3u);
  }
}

// Each asks anew every tenth of a second.
TEST_F(ClusterJoinTest, NodesFarFromEachOtherFormACluster) {
  round_trip_ = std::chrono::milliseconds(900);
  for (const uint64_t id : {3, 1, 2}) Start(id);
  Run();
  EXPECT_TRUE(OneClusterOf({1, 2, 3}));
}

TEST_F(ClusterJoinTest, ASingleNodeFormsItsClusterAlone) {
  Start(1, {}, 1);
  Run();
  EXPECT_TRUE(OneClusterOf({1}));
}

TEST_F(ClusterJoinTest, NothingIsFormedWhileOneListedNodeIsSilent) {
  Start(1);
  Start(2);
  Run();
  EXPECT_EQ(nodes_[1]->joined, 0);
  EXPECT_NE(nodes_[1]->join().Describe().find(AddressOf(3)), std::string::npos);
  Start(3);
  Run();
  EXPECT_TRUE(OneClusterOf({1, 2, 3}));
}

TEST_F(ClusterJoinTest, DifferentPlansFormNothing) {
  Start(1);
  Start(2);
  Start(3, {1, 2, 3}, 2);
  Run();
  for (const uint64_t id : {1, 2, 3}) EXPECT_EQ(nodes_[id]->joined, 0);
}

// Limits decide what a command does: replicas that began with different ones would diverge.
TEST_F(ClusterJoinTest, DifferentLimitsFormNothingAndAreNamed) {
  Start(1);
  Start(2);
  kv::Limits larger;
  larger.max_value_bytes *= 2;
  Start(3, {1, 2, 3}, 3, larger);
  Run();
  for (const uint64_t id : {1, 2, 3}) EXPECT_EQ(nodes_[id]->joined, 0);
  EXPECT_NE(nodes_[1]->join().Describe().find("max-value-size"), std::string::npos)
      << nodes_[1]->join().Describe();
}

TEST_F(ClusterJoinTest, AFounderBeginsWithTheClustersLimitsWhateverItsOwnAreByThen) {
  for (const uint64_t id : {1, 2, 3}) Start(id);
  cut_ = {3};
  Run(std::chrono::milliseconds(50));
  cut_.clear();
  Run();
  Kill(3);
  kv::Limits larger;
  larger.max_value_bytes *= 2;
  Start(3, {1, 2, 3}, 3, larger);
  Run();
  EXPECT_EQ(nodes_[3]->identity().plan, nodes_[1]->identity().plan);
  EXPECT_EQ(nodes_[3]->join().LocalHello().plan, nodes_[1]->identity().plan);
}

TEST_F(ClusterJoinTest, AListLongerThanThePlanFormsNothing) {
  for (const uint64_t id : {1, 2, 3, 4}) Start(id, {1, 2, 3, 4}, 3);
  Run();
  for (const uint64_t id : {1, 2, 3, 4}) EXPECT_EQ(nodes_[id]->joined, 0);
}

TEST_F(ClusterJoinTest, ARestartRejoinsWithTheSameLine) {
  for (const uint64_t id : {1, 2, 3}) Start(id);
  Run();
  const ClusterId cluster = nodes_[2]->identity().cluster;
  Kill(2);
  Start(2);
  Run();
  EXPECT_EQ(nodes_[2]->joined, 1);
  EXPECT_EQ(nodes_[2]->identity().cluster, cluster);
}

TEST_F(ClusterJoinTest, AFounderThatDiedBeforeItHeardLearnsLater) {
  for (const uint64_t id : {1, 2, 3}) Start(id);
  world_.RunFor(std::chrono::milliseconds(5));
  // Node 1 forms as soon as both answers are in; the others are cut off at that moment.
  Carry(1);
  DeliverDue();
  ASSERT_FALSE(nodes_[1]->identity().cluster.is_none());
  Kill(1);
  Run();
  EXPECT_EQ(nodes_[2]->joined, 0);
  Start(1);
  Run();
  EXPECT_TRUE(OneClusterOf({1, 2, 3}));
}

TEST_F(ClusterJoinTest, AWipedFounderIsRefusedByName) {
  for (const uint64_t id : {1, 2, 3}) Start(id);
  Run();
  Wipe(3);
  Start(3);
  Run();
  EXPECT_EQ(nodes_[3]->joined, 0);
  EXPECT_TRUE(nodes_[3]->identity().cluster.is_none());
  // It asks, and is refused; or it hears the founders, and knows by itself.
  const bool told = !nodes_[3]->failure.ok() ||
                    nodes_[3]->join().Describe().find("new node id") != std::string::npos;
  EXPECT_TRUE(told) << nodes_[3]->join().Describe();
}

TEST_F(ClusterJoinTest, AWipedFormerDoesNotFormASecondClusterBesideTheFirst) {
  for (const uint64_t id : {1, 2, 3}) Start(id);
  Run();
  const ClusterId cluster = nodes_[2]->identity().cluster;
  Wipe(1);
  cut_ = {2, 3};
  Start(1);
  Run();
  EXPECT_TRUE(nodes_[1]->identity().cluster.is_none());
  cut_.clear();
  Run();
  EXPECT_TRUE(nodes_[1]->identity().cluster.is_none());
  EXPECT_EQ(nodes_[2]->identity().cluster, cluster);
}

TEST_F(ClusterJoinTest, ALaterNodeJoinsWithoutBeingAFounder) {
  for (const uint64_t id : {1, 2, 3}) Start(id);
  Run();
  Start(4);
  Run();
  EXPECT_TRUE(OneClusterOf({1, 2, 3, 4}));
  EXPECT_EQ(nodes_[4]->identity().founders.size(), 3u);
  EXPECT_TRUE(nodes_[1]->addresses.contains(NodeId(4)));
}

// Found by the simulator: as members of one group they could not reach each other.
TEST_F(ClusterJoinTest, LaterNodesMeetThoughNobodyListsThem) {
  for (const uint64_t id : {1, 2, 3}) Start(id);
  Run();
  Start(4, {1, 2, 3});
  Run();
  Start(5, {1, 2, 3});
  Run();
  EXPECT_TRUE(nodes_[4]->addresses.contains(NodeId(5)));
  EXPECT_TRUE(nodes_[5]->addresses.contains(NodeId(4)));
}

// Found by the simulator: the one could not be given a replica by the other, for ever.
TEST_F(ClusterJoinTest, NodesThatMissedEachOtherMeetThroughTheDirectory) {
  for (const uint64_t id : {1, 2, 3}) Start(id);
  Run();
  Start(4, {1, 2, 3});
  Run();
  // The others name node 4 to node 5, which cannot reach it now. Then all are connected to all whom
  // they know, and ask nobody any more.
  cut_.insert(4);
  Start(5, {1, 2, 3});
  Run();
  for (auto& [id, node] : nodes_) node->connected = true;
  Run(std::chrono::seconds(20));
  cut_.clear();
  Run(std::chrono::seconds(20));
  ASSERT_FALSE(nodes_[4]->addresses.contains(NodeId(5)));
  ASSERT_FALSE(nodes_[5]->addresses.contains(NodeId(4)));
  nodes_[4]->listed = {AddressOf(1), AddressOf(4), AddressOf(5)};
  Run(std::chrono::seconds(20));
  EXPECT_EQ(nodes_[4]->addresses[NodeId(5)].peer_address, AddressOf(5));
  EXPECT_EQ(nodes_[5]->addresses[NodeId(4)].peer_address, AddressOf(4));
}

TEST_F(ClusterJoinTest, TwoNodesUnderOneIdFormNothing) {
  Start(1);
  Start(2);
  // A second node 2, at the third address.
  simulation::SimDisk other(99);
  nodes_[3] = std::make_unique<Joiner>(
      world_, other, 2, std::vector<std::string>{AddressOf(1), AddressOf(2), AddressOf(3)}, 3);
  Run();
  EXPECT_EQ(nodes_[1]->joined, 0);
  nodes_.clear();
}

TEST_F(ClusterJoinTest, NodesOfTwoClustersRefuseEachOther) {
  Start(1, {}, 1);
  Start(2, {}, 1);
  Run();
  const absl::StatusOr<Hello> reply = nodes_[1]->join().OnExchange(nodes_[2]->join().LocalHello());
  EXPECT_EQ(reply.status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(ClusterJoinTest, ANodeWithTheFolderOfAnotherClusterIsToldSo) {
  Start(3, {3}, 1);
  Run();
  Kill(3);
  for (const uint64_t id : {1, 2}) Start(id, {1, 2}, 2);
  Run();
  Start(3, {1, 2}, 2);
  Run();
  EXPECT_TRUE(absl::IsFailedPrecondition(nodes_[3]->failure)) << nodes_[3]->failure;
  EXPECT_NE(nodes_[3]->failure.message().find("belongs to another cluster"), std::string::npos);
  for (const uint64_t id : {1, 2}) EXPECT_TRUE(nodes_[id]->failure.ok());
}

TEST_F(ClusterJoinTest, AStrangerAmongThePeersStopsNobodyElse) {
  Start(3, {3}, 1);
  Run();
  Kill(3);
  for (const uint64_t id : {1, 2}) Start(id, {1, 2}, 2);
  Run();
  Kill(1);
  Start(3, {1, 2}, 2);
  Start(1, {1, 2, 3}, 2);
  Run();
  for (const uint64_t id : {1, 2}) EXPECT_TRUE(nodes_[id]->failure.ok()) << nodes_[id]->failure;
}

TEST_F(ClusterJoinTest, APeerThatMovedIsFoundAgain) {
  for (const uint64_t id : {1, 2, 3}) Start(id);
  Run();
  Hello moved = nodes_[2]->join().LocalHello();
  moved.self.peer_address = "elsewhere:1";
  ASSERT_TRUE(nodes_[1]->join().OnExchange(moved).ok());
  EXPECT_EQ(nodes_[1]->addresses[NodeId(2)].peer_address, "elsewhere:1");
}

TEST_F(ClusterJoinTest, NoCommonProtocolVersionIsRefused) {
  Start(1, {}, 1);
  Run();
  Hello newer = nodes_[1]->join().LocalHello();
  newer.self.node = NodeId(9);
  newer.protocol_oldest = 7;
  newer.protocol_newest = 8;
  EXPECT_EQ(nodes_[1]->join().CheckPeer(newer).code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace flotilla::node
