// A group of members joined by a network that the test controls. Everything happens when the test
// says so, in an order that it can repeat; GroupInvariants are checked after every step.
//
// Node n runs replica n to begin with. A replica that a configuration adds later comes to life with
// the first message addressed to it, as on a real node.
#ifndef FLOTILLA_TESTS_RAFT_TEST_NETWORK_H_
#define FLOTILLA_TESTS_RAFT_TEST_NETWORK_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/random.h"
#include "raft/messages.h"
#include "raft/raft_core.h"
#include "raft/types.h"
#include "tests/raft/group_invariants.h"
#include "tests/raft/test_member.h"

namespace flotilla::raft {

// A configuration with the voters 1..voters, then learners, replica n on node n.
Configuration MakeConfiguration(int voters, int learners = 0);

class TestNetwork {
 public:
  // A snapshot on its way.
  struct Transfer {
    SnapshotRequest request;
    Member from;
    SnapshotMeta meta;
    TestState state;
  };

  explicit TestNetwork(const RaftOptions& options = {}, uint64_t seed = 1);

  // Fresh members with this configuration in an empty log.
  void Start(int voters, int learners = 0);
  // One fresh replica with what is on `disk`.
  void StartMember(const Member& self, TestDisk disk);
  static TestDisk FreshDisk(const Configuration& configuration);

  TestMember& at(int node);
  const TestMember& at(int node) const;
  RaftCore& core(int node) { return at(node).core(); }
  bool IsUp(int node) const;
  std::vector<int> nodes() const;
  // The node whose member leads in the highest term, 0 if none does.
  int Leader() const;
  const GroupInvariants& invariants() const { return invariants_; }

  // One step of a member, then the checks: the way to touch a core in a test.
  template <typename F>
  auto Step(int node, F&& step) {
    const StepScope scope(*this, node);
    return step(core(node));
  }
  void Tick(int node, int times = 1);
  void TickAll(int times = 1);
  // Campaigns and lets everything settle.
  void Elect(int node);
  // Proposes at `node`, CHECKing that it is taken.
  Position Propose(int node, const std::string& command);
  Position Change(int node, const ConfigurationChange& change);

  // Completes all work and delivers all messages and snapshots until nothing moves. Leaders
  // announce their commits, so that all members end up alike.
  void Stabilize();
  // The same without the network.
  void CompleteAll(int node);
  // Takes what members want sent. Done by every step.
  void Collect(int node);

  // Messages in flight, oldest first; the test may reorder, drop and repeat them.
  std::deque<Message>& in_flight() { return in_flight_; }
  std::vector<Transfer>& transfers() { return transfers_; }
  // Delivers the message as if it came now, unless its link is cut.
  void Deliver(Message message);
  // Delivers all in flight, but not what is sent in answer. Returns how many there were.
  size_t DeliverInFlight();
  // Removes from flight, and returns, the messages for which `matches` holds.
  std::vector<Message> Extract(const std::function<bool(const Message&)>& matches);
  void FinishTransfer(const Transfer& transfer, bool ok);

  void Cut(int from, int to) { cut_.insert({from, to}); }
  void Isolate(int node);
  void Heal() { cut_.clear(); }
  bool IsCut(NodeId from, NodeId to) const;
  // Messages for which it holds are lost.
  std::function<bool(const Message&)> lose;
  // Sees the outputs of all members that start from now on.
  std::function<void(int node, const Outputs&)> observer;

  // All that was not synced is lost, but for the first `surviving_writes`.
  void Crash(int node, size_t surviving_writes = 0);
  void Restart(int node);

  // The reads of a member that are done, in order.
  std::vector<ReadReady>& reads(int node) { return reads_[node]; }
  const std::vector<std::string>& commands(int node) { return at(node).commands(); }

 private:
  struct Node {
    std::unique_ptr<TestMember> member;  // null while crashed
    Member self;
    TestDisk disk;  // while crashed
  };
  class StepScope {
   public:
    StepScope(TestNetwork& network, int node) : network_(network), node_(node) {}
    ~StepScope() { network_.Collect(node_); }

   private:
    TestNetwork& network_;
    int node_;
  };

  void Check(int node);
  Node& NodeAt(int node);
  // Makes room for a replica that the node does not run yet.
  void StartIfNew(const Member& replica);
  void CompleteTransfers();

  RaftOptions options_;
  Random random_;
  ShardId group_{1};
  std::map<int, Node> nodes_;
  std::deque<Message> in_flight_;
  std::vector<Transfer> transfers_;
  std::set<std::pair<int, int>> cut_;
  std::map<int, std::vector<ReadReady>> reads_;
  GroupInvariants invariants_;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_TESTS_RAFT_TEST_NETWORK_H_
