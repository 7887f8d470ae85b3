#include "tests/raft/test_network.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"

namespace flotilla::raft {

Configuration MakeConfiguration(int voters, int learners) {
  Configuration configuration;
  const auto member = [](int id) {
    return Member{NodeId(static_cast<uint64_t>(id)), ReplicaId(static_cast<uint64_t>(id))};
  };
  for (int i = 1; i <= voters; ++i) configuration.voters.push_back(member(i));
  for (int i = voters + 1; i <= voters + learners; ++i) configuration.learners.push_back(member(i));
  configuration.next_replica_id = ReplicaId(static_cast<uint64_t>(voters + learners + 1));
  return configuration;
}

TestNetwork::TestNetwork(const RaftOptions& options, uint64_t seed)
    : options_(options), random_(seed) {}

TestDisk TestNetwork::FreshDisk(const Configuration& configuration) {
  TestDisk disk;
  disk.snapshot.configuration = configuration;
  return disk;
}

void TestNetwork::Start(int voters, int learners) {
  const Configuration configuration = MakeConfiguration(voters, learners);
  for (const Member& member : configuration.AllMembers()) {
    StartMember(member, FreshDisk(configuration));
  }
}

void TestNetwork::StartMember(const Member& self, TestDisk disk) {
  const int node = static_cast<int>(self.node.value());
  Node& at = nodes_[node];
  at.self = self;
  at.member = std::make_unique<TestMember>(group_, self, options_, std::move(disk), random_.Next());
  if (observer) at.member->observer = [this, node](const Outputs& out) { observer(node, out); };
  invariants_.OnRestart(*at.member);
  Collect(node);
}

TestNetwork::Node& TestNetwork::NodeAt(int node) {
  const auto at = nodes_.find(node);
  FLOTILLA_CHECK_MSG(at != nodes_.end(), "no node " + std::to_string(node));
  return at->second;
}

TestMember& TestNetwork::at(int node) {
  Node& at = NodeAt(node);
  FLOTILLA_CHECK_MSG(at.member != nullptr, std::to_string(node) + " is down");
  return *at.member;
}

const TestMember& TestNetwork::at(int node) const { return *nodes_.at(node).member; }

bool TestNetwork::IsUp(int node) const {
  const auto at = nodes_.find(node);
  return at != nodes_.end() && at->second.member != nullptr;
}

std::vector<int> TestNetwork::nodes() const {
  std::vector<int> ids;
  for (const auto& [id, node] : nodes_) ids.push_back(id);
  return ids;
}

int TestNetwork::Leader() const {
  int leader = 0;
  Term term;
  for (const auto& [id, node] : nodes_) {
    if (node.member == nullptr || node.member->core().role() != Role::kLeader) continue;
    if (node.member->core().term() <= term) continue;
    leader = id;
    term = node.member->core().term();
  }
  return leader;
}

void TestNetwork::Tick(int node, int times) {
  for (int i = 0; i < times; ++i) Step(node, [](RaftCore& core) { core.Tick(); });
}

void TestNetwork::TickAll(int times) {
  for (int i = 0; i < times; ++i) {
    for (int node : nodes()) {
      if (IsUp(node)) Tick(node);
    }
    Stabilize();
  }
}

void TestNetwork::Elect(int node) {
  Step(node, [](RaftCore& core) { core.Campaign(); });
  Stabilize();
  FLOTILLA_CHECK(core(node).role() == Role::kLeader);
}

Position TestNetwork::Propose(int node, const std::string& command) {
  const auto position =
      Step(node, [&](RaftCore& core) { return core.Propose(MakeBytes(command)); });
  FLOTILLA_CHECK_MSG(position.ok(), position.status().ToString());
  return *position;
}

Position TestNetwork::Change(int node, const ConfigurationChange& change) {
  const auto position =
      Step(node, [&](RaftCore& core) { return core.ProposeConfiguration(change); });
  FLOTILLA_CHECK_MSG(position.ok(), position.status().ToString());
  return *position;
}

void TestNetwork::Collect(int node) {
  TestMember& member = at(node);
  member.TakeOutputs();
  for (Message& message : member.TakeMessages()) in_flight_.push_back(std::move(message));
  for (const SnapshotRequest& request : member.TakeSnapshotRequests()) {
    FLOTILLA_CHECK_GE(member.state().applied, request.at_least);
    const SnapshotMeta meta = member.core().MetaAt(member.state().applied);
    transfers_.push_back({request, member.self(), meta, member.state()});
  }
  for (const ReadReady& read : member.TakeReads()) reads_[node].push_back(read);
  Check(node);
}

void TestNetwork::Check(int node) {
  std::vector<const TestDisk*> disks;
  std::vector<Member> owners;
  for (const auto& [id, other] : nodes_) {
    disks.push_back(other.member != nullptr ? &other.member->disk() : &other.disk);
    owners.push_back(other.self);
  }
  invariants_.OnStep(at(node), disks, owners);
}

void TestNetwork::CompleteAll(int node) {
  at(node).CompleteAll();
  Collect(node);
}

void TestNetwork::Stabilize() {
  bool moved = true;
  while (moved) {
    for (int node : nodes()) {
      if (!IsUp(node)) continue;
      CompleteAll(node);
      Step(node, [](RaftCore& core) { core.AnnounceCommit(); });
    }
    moved = DeliverInFlight() > 0 || !transfers_.empty();
    CompleteTransfers();
  }
}

void TestNetwork::CompleteTransfers() {
  for (const Transfer& transfer : std::exchange(transfers_, {})) {
    const bool ok = !IsCut(transfer.from.node, transfer.request.to.node);
    FinishTransfer(transfer, ok);
  }
}

void TestNetwork::FinishTransfer(const Transfer& transfer, bool ok) {
  const int from = static_cast<int>(transfer.from.node.value());
  const int to = static_cast<int>(transfer.request.to.node.value());
  ok = ok && IsUp(to) && NodeAt(to).self == transfer.request.to;
  if (ok) {
    at(to).Install(transfer.meta, transfer.state);
    Collect(to);
  }
  if (!IsUp(from) || NodeAt(from).self != transfer.from) return;
  Step(from, [&](RaftCore& core) {
    core.SnapshotFinished(transfer.request.to, transfer.request.term, ok, transfer.meta.index);
  });
}

size_t TestNetwork::DeliverInFlight() {
  std::deque<Message> messages = std::exchange(in_flight_, {});
  for (Message& message : messages) Deliver(std::move(message));
  return messages.size();
}

void TestNetwork::Deliver(Message message) {
  if (IsCut(message.from.node, message.to.node) || (lose && lose(message))) return;
  StartIfNew(message.to);
  const int node = static_cast<int>(message.to.node.value());
  if (!IsUp(node)) return;
  Step(node, [&](RaftCore& core) { core.Receive(std::move(message)); });
}

void TestNetwork::StartIfNew(const Member& replica) {
  const int node = static_cast<int>(replica.node.value());
  const auto at = nodes_.find(node);
  // A node never goes back to an older replica.
  if (at != nodes_.end() && at->second.self.replica >= replica.replica) return;
  StartMember(replica, TestDisk());
}

std::vector<Message> TestNetwork::Extract(const std::function<bool(const Message&)>& matches) {
  std::vector<Message> extracted;
  std::deque<Message> rest;
  for (Message& message : in_flight_) {
    if (matches(message)) {
      extracted.push_back(std::move(message));
    } else {
      rest.push_back(std::move(message));
    }
  }
  in_flight_ = std::move(rest);
  return extracted;
}

void TestNetwork::Isolate(int node) {
  for (int other : nodes()) {
    if (other == node) continue;
    Cut(node, other);
    Cut(other, node);
  }
}

bool TestNetwork::IsCut(NodeId from, NodeId to) const {
  return cut_.contains({static_cast<int>(from.value()), static_cast<int>(to.value())});
}

void TestNetwork::Crash(int node, size_t surviving_writes) {
  Node& at = NodeAt(node);
  FLOTILLA_CHECK(at.member != nullptr);
  at.disk = at.member->DiskAfterCrash(surviving_writes);
  at.member.reset();
}

void TestNetwork::Restart(int node) {
  Node& at = NodeAt(node);
  FLOTILLA_CHECK(at.member == nullptr);
  StartMember(at.self, at.disk);
}

}  // namespace flotilla::raft
