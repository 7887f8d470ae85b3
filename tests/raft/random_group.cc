#include "tests/raft/random_group.h"

#include <algorithm>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "raft/quorum.h"

namespace flotilla::raft {

namespace {

constexpr int kNodes = 7;

}  // namespace

RandomGroup::RandomGroup(uint64_t seed)
    : random_(seed), options_(DrawOptions(random_)), network_(options_, random_.Next()) {
  const int voters = static_cast<int>(random_.Between(1, 5));
  network_.Start(voters, static_cast<int>(random_.Below(2)));
  DrawWeights();
}

RaftOptions RandomGroup::DrawOptions(Random& random) {
  RaftOptions options;
  options.election_timeout_ticks = static_cast<int>(random.Between(3, 10));
  options.heartbeat_ticks = static_cast<int>(random.Between(1, 2));
  options.pre_vote = random.Chance(4, 5);
  options.check_quorum = random.Chance(4, 5);
  // Small enough to be hit all the time.
  if (random.Chance(1, 2)) options.max_message_bytes = random.Between(1, 300);
  if (random.Chance(1, 2)) options.max_inflight_messages_per_peer = random.Between(1, 4);
  if (random.Chance(1, 2)) options.max_inflight_bytes_per_peer = random.Between(1, 500);
  if (random.Chance(1, 2)) options.max_uncommitted_bytes = random.Between(1, 1000);
  if (random.Chance(1, 2)) options.max_apply_batch_bytes = random.Between(1, 300);
  if (random.Chance(1, 2)) options.max_unapplied_bytes = random.Between(1, 500);
  if (random.Chance(1, 2)) options.entry_cache_bytes = random.Between(0, 300);
  return options;
}

// Swarm testing: in each run some kinds of faults do not happen at all, so that others can get far.
void RandomGroup::DrawWeights() {
  actions_ = {
      {"deliver", &RandomGroup::DeliverSome, 500}, {"tick", &RandomGroup::TickOne, 60},
      {"write", &RandomGroup::CompleteWrite, 150}, {"report", &RandomGroup::ReportWrites, 150},
      {"apply", &RandomGroup::CompleteApply, 100}, {"fetch", &RandomGroup::CompleteFetch, 50},
      {"propose", &RandomGroup::ProposeSome, 50},  {"restart", &RandomGroup::RestartOne, 30},
      {"snapshot", &RandomGroup::EndSnapshot, 30}, {"flush", &RandomGroup::FlushState, 30},
      {"heal", &RandomGroup::HealAll, 15}};
  const std::vector<Action> optional = {{"lose", &RandomGroup::LoseMessage, 20},
                                        {"repeat", &RandomGroup::RepeatMessage, 20},
                                        {"read", &RandomGroup::Read, 30},
                                        {"compact", &RandomGroup::Compact, 20},
                                        {"transfer", &RandomGroup::TransferLeadership, 5},
                                        {"change", &RandomGroup::ChangeMembers, 20},
                                        {"crash", &RandomGroup::CrashOne, 3},
                                        {"cut", &RandomGroup::CutLink, 5},
                                        {"isolate", &RandomGroup::IsolateOne, 2},
                                        {"peer lost", &RandomGroup::LosePeer, 4}};
  for (Action action : optional) {
    if (random_.Chance(1, 4)) continue;
    if (random_.Chance(1, 4)) action.weight *= 3;
    actions_.push_back(action);
  }
}

void RandomGroup::Attack(int steps) {
  uint64_t total = 0;
  for (const Action& action : actions_) total += action.weight;
  for (int i = 0; i < steps; ++i) {
    uint64_t draw = random_.Below(total);
    for (const Action& action : actions_) {
      if (draw < action.weight) {
        if ((this->*action.run)()) ++counts_[action.name];
        break;
      }
      draw -= action.weight;
    }
    CheckReads();
  }
}

int RandomGroup::AnyUp() {
  std::vector<int> up;
  for (int node : network_.nodes()) {
    if (network_.IsUp(node)) up.push_back(node);
  }
  return up.empty() ? 0 : random_.Pick(up);
}

int RandomGroup::AnyLeader() {
  std::vector<int> leaders;
  for (int node : network_.nodes()) {
    if (network_.IsUp(node) && network_.core(node).role() == Role::kLeader) leaders.push_back(node);
  }
  return leaders.empty() ? 0 : random_.Pick(leaders);
}

NodeId RandomGroup::AnyNode() { return NodeId(random_.Between(1, kNodes)); }

bool RandomGroup::DeliverSome() {
  auto& in_flight = network_.in_flight();
  if (in_flight.empty()) return false;
  // Mostly in order, as connections are.
  const size_t index = random_.Chance(3, 4) ? 0 : random_.Below(in_flight.size());
  Message message = std::move(in_flight[index]);
  in_flight.erase(in_flight.begin() + static_cast<std::ptrdiff_t>(index));
  network_.Deliver(std::move(message));
  return true;
}

bool RandomGroup::LoseMessage() {
  auto& in_flight = network_.in_flight();
  if (in_flight.empty()) return false;
  const auto index = static_cast<std::ptrdiff_t>(random_.Below(in_flight.size()));
  in_flight.erase(in_flight.begin() + index);
  return true;
}

bool RandomGroup::RepeatMessage() {
  auto& in_flight = network_.in_flight();
  if (in_flight.empty() || in_flight.size() > 200) return false;
  in_flight.push_back(in_flight[random_.Below(in_flight.size())]);
  return true;
}

bool RandomGroup::TickOne() {
  const int node = AnyUp();
  if (node == 0) return false;
  network_.Tick(node, static_cast<int>(random_.Between(1, 2)));
  return true;
}

bool RandomGroup::CompleteWrite() {
  const int node = AnyUp();
  if (node == 0 || !network_.at(node).HasWrites()) return false;
  network_.at(node).CompleteWrite();
  network_.Collect(node);
  return true;
}

bool RandomGroup::ReportWrites() {
  const int node = AnyUp();
  if (node == 0 || !network_.at(node).HasUnreported()) return false;
  network_.at(node).ReportWrites();
  network_.Collect(node);
  return true;
}

bool RandomGroup::CompleteApply() {
  const int node = AnyUp();
  if (node == 0 || !network_.at(node).HasApplies()) return false;
  network_.at(node).CompleteApply();
  network_.Collect(node);
  return true;
}

bool RandomGroup::CompleteFetch() {
  const int node = AnyUp();
  if (node == 0 || !network_.at(node).HasFetches()) return false;
  network_.at(node).CompleteFetch(random_.Chance(1, 20));
  network_.Collect(node);
  return true;
}

bool RandomGroup::FlushState() {
  const int node = AnyUp();
  if (node == 0) return false;
  network_.at(node).FlushState();
  return true;
}

bool RandomGroup::Compact() {
  const int node = AnyUp();
  if (node == 0) return false;
  const TestDisk& disk = network_.at(node).disk();
  // Mostly with regard for slow peers, sometimes as far as possible.
  LogIndex index = disk.state.applied;
  if (random_.Chance(1, 2)) index = std::min(index, network_.core(node).CompactionHint());
  if (index <= disk.snapshot.index) return false;
  network_.at(node).Compact(index);
  network_.Collect(node);
  return true;
}

bool RandomGroup::ProposeSome() {
  const int node = AnyLeader();
  if (node == 0) return false;
  const uint64_t count = random_.Between(1, 3);
  bool taken = false;
  for (uint64_t i = 0; i < count; ++i) {
    std::string command = std::to_string(++proposals_) + std::string(random_.Below(60), 'x');
    taken |= network_.core(node).Propose(MakeBytes(std::move(command))).ok();
  }
  network_.Collect(node);
  return taken;
}

bool RandomGroup::Read() {
  const int node = AnyUp();
  if (node == 0) return false;
  const LogIndex least = network_.invariants().commit();
  const auto read = network_.core(node).ReadIndex();
  if (read.ok()) pending_reads_[{node, *read}] = least;
  if (random_.Chance(1, 2)) network_.Collect(node);
  return read.ok();
}

void RandomGroup::CheckReads() {
  for (int node : network_.nodes()) {
    for (const ReadReady& ready : std::exchange(network_.reads(node), {})) {
      const auto pending = pending_reads_.find({node, ready.id});
      FLOTILLA_CHECK(pending != pending_reads_.end());
      // Linearizable: it shows everything that was committed when it was registered.
      if (!ready.index.is_none()) {
        FLOTILLA_CHECK_GE(ready.index, pending->second);
        ++counts_["read done"];
      }
      pending_reads_.erase(pending);
    }
  }
}

bool RandomGroup::TransferLeadership() {
  const int node = AnyLeader();
  if (node == 0) return false;
  const bool taken = network_.core(node).TransferLeadership(AnyNode()).ok();
  network_.Collect(node);
  return taken;
}

bool RandomGroup::ChangeMembers() {
  const int node = AnyLeader();
  if (node == 0) return false;
  const Configuration& now = network_.core(node).configuration();
  const auto is_among = [](const std::vector<Member>& members, NodeId candidate) {
    return std::any_of(members.begin(), members.end(),
                       [candidate](const Member& member) { return member.node == candidate; });
  };
  ConfigurationChange change;
  const uint64_t count = random_.Between(1, 3);
  for (uint64_t i = 0; i < count; ++i) {
    const NodeId candidate = AnyNode();
    const bool coin = random_.Chance(1, 2);
    if (is_among(now.learners, candidate)) {
      (coin ? change.add_voters : change.remove).push_back(candidate);
    } else if (is_among(now.voters, candidate)) {
      (coin ? change.demote : change.remove).push_back(candidate);
    } else {
      change.add_learners.push_back(candidate);
    }
  }
  const bool taken = network_.core(node).ProposeConfiguration(change).ok();
  network_.Collect(node);
  return taken;
}

void RandomGroup::Crash(int node, size_t surviving_writes) {
  network_.Crash(node, surviving_writes);
  std::erase_if(pending_reads_, [node](const auto& read) { return read.first.first == node; });
  network_.reads(node).clear();
}

bool RandomGroup::CrashOne() {
  const int node = AnyUp();
  if (node == 0) return false;
  Crash(node, random_.Below(4));
  for (int other : network_.nodes()) {
    if (!network_.IsUp(other) || random_.Chance(1, 2)) continue;
    network_.Step(other,
                  [node](RaftCore& core) { core.PeerLost(NodeId(static_cast<uint64_t>(node))); });
  }
  return true;
}

bool RandomGroup::RestartOne() {
  for (int node : network_.nodes()) {
    if (network_.IsUp(node)) continue;
    network_.Restart(node);
    return true;
  }
  return false;
}

bool RandomGroup::CutLink() {
  network_.Cut(static_cast<int>(AnyNode().value()), static_cast<int>(AnyNode().value()));
  return true;
}

bool RandomGroup::IsolateOne() {
  const int node = AnyUp();
  if (node != 0) network_.Isolate(node);
  return node != 0;
}

bool RandomGroup::HealAll() {
  network_.Heal();
  return true;
}

bool RandomGroup::EndSnapshot() {
  auto& transfers = network_.transfers();
  if (transfers.empty()) return false;
  const auto index = static_cast<std::ptrdiff_t>(random_.Below(transfers.size()));
  const TestNetwork::Transfer transfer = transfers[static_cast<size_t>(index)];
  transfers.erase(transfers.begin() + index);
  const bool cut = network_.IsCut(transfer.from.node, transfer.request.to.node);
  network_.FinishTransfer(transfer, !cut && random_.Chance(3, 4));
  return true;
}

bool RandomGroup::LosePeer() {
  const int node = AnyUp();
  if (node == 0) return false;
  const NodeId lost = AnyNode();
  network_.Step(node, [lost](RaftCore& core) { core.PeerLost(lost); });
  return true;
}

bool RandomGroup::CanDoWithout(int node) const {
  for (int other : network_.nodes()) {
    if (!network_.IsUp(other)) continue;
    const Configuration& configuration = network_.at(other).core().configuration();
    if (configuration.voters.empty()) continue;
    // The node's member may hold the only copy of what the others need to go on.
    if (!IsQuorum(configuration, [&](ReplicaId replica) {
          for (const Member& member : configuration.AllMembers()) {
            if (member.replica != replica) continue;
            const int at = static_cast<int>(member.node.value());
            return at != node && network_.IsUp(at) && network_.at(at).self() == member;
          }
          return false;
        })) {
      return false;
    }
  }
  return true;
}

void RandomGroup::BreakOneForGood() {
  const int node = AnyUp();
  if (!CanDoWithout(node)) return;
  const bool may_be_deaf = options_.pre_vote && options_.check_quorum;
  broken_ = node;
  if (may_be_deaf && random_.Chance(1, 2)) {
    // It hears nobody, but is heard.
    for (int other : network_.nodes()) network_.Cut(other, node);
    ++counts_["deaf"];
  } else {
    Crash(node, 0);
    ++counts_["dead"];
  }
}

void RandomGroup::RunRound() {
  for (int node : network_.nodes()) {
    if (network_.IsUp(node)) network_.Tick(node);
  }
  network_.Stabilize();
  CheckReads();
}

bool RandomGroup::HasConverged() const {
  const int leader = network_.Leader();
  if (leader == 0 || leader == broken_) return false;
  const RaftCore& core = network_.at(leader).core();
  if (core.commit() != core.last_index() || core.configuration().IsJoint()) return false;
  for (const Member& member : core.configuration().AllMembers()) {
    const int node = static_cast<int>(member.node.value());
    if (node == broken_) continue;
    if (!network_.IsUp(node) || network_.at(node).self() != member) return false;
    if (network_.at(node).state() != network_.at(leader).state()) return false;
  }
  return true;
}

void RandomGroup::CheckLiveness() {
  network_.Heal();
  for (int node : network_.nodes()) {
    if (!network_.IsUp(node)) network_.Restart(node);
  }
  network_.Stabilize();
  if (random_.Chance(1, 2)) BreakOneForGood();
  Converge(LogIndex());
  const int leader = network_.Leader();
  const LogIndex before = network_.core(leader).commit();
  const auto position =
      network_.Step(leader, [](RaftCore& core) { return core.Propose(MakeBytes("last")); });
  if (!position.ok()) return;  // leadership is being transferred
  const auto read = network_.Step(leader, [](RaftCore& core) { return core.ReadIndex(); });
  FLOTILLA_CHECK(read.ok());
  pending_reads_[{leader, *read}] = before;
  Converge(before);
  FLOTILLA_CHECK(!pending_reads_.contains({leader, *read}));
}

// Lets time pass until all agree on more than `beyond`. Without PreVote and CheckQuorum members
// that were removed may depose the leader for a while (Raft thesis 4.2.3), hence the generous
// limit.
void RandomGroup::Converge(LogIndex beyond) {
  const int limit = 60 * options_.election_timeout_ticks;
  for (int rounds = 0; !HasConverged() || network_.core(network_.Leader()).commit() <= beyond;
       ++rounds) {
    FLOTILLA_CHECK_MSG(rounds < limit, "no convergence:\n" + Describe());
    RunRound();
  }
}

std::string RandomGroup::Describe() const {
  std::ostringstream os;
  os << "pre_vote=" << options_.pre_vote << " check_quorum=" << options_.check_quorum
     << " broken=" << broken_ << "\n";
  for (int node : network_.nodes()) {
    os << node << ": ";
    if (!network_.IsUp(node)) {
      os << "down\n";
      continue;
    }
    const RaftStatus status = network_.at(node).core().Status();
    os << status.self << " " << ToString(status.role) << " term " << status.term << " leader "
       << status.leader << " log [" << status.first_index << ", " << status.last_index
       << "] commit " << status.commit << " applied " << status.applied << " durable "
       << status.durable << " " << status.configuration << "\n";
    for (const PeerProgress& peer : status.peers) {
      os << "   " << peer.member << " match " << peer.match << " active " << peer.recently_active
         << " snapshot " << peer.snapshot_pending << "\n";
    }
  }
  return os.str();
}

uint64_t RandomGroup::Fingerprint() const {
  uint64_t fingerprint = network_.invariants().commit().value();
  for (int node : network_.nodes()) {
    if (!network_.IsUp(node)) continue;
    fingerprint = fingerprint * 31 + network_.at(node).state().hash;
    fingerprint = fingerprint * 31 + network_.at(node).core().term().value();
  }
  return fingerprint;
}

}  // namespace flotilla::raft
