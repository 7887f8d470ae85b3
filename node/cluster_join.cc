#include "node/cluster_join.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"
#include "node/address_codec.h"

namespace flotilla::node {

namespace {

constexpr Duration kAskAroundWhileJoining = std::chrono::milliseconds(100);
constexpr Duration kAskAroundAfterwards = std::chrono::seconds(1);
// How old an answer may be that a cluster is formed by.
constexpr Duration kAnswerCounts = std::chrono::seconds(2);
constexpr size_t kHearsayMax = 1000;

const NodeAddress* Find(const std::vector<NodeAddress>& addresses, NodeId node) {
  const auto it = std::find_if(addresses.begin(), addresses.end(),
                               [&](const NodeAddress& a) { return a.node == node; });
  return it == addresses.end() ? nullptr : &*it;
}

}  // namespace

ClusterJoin::ClusterJoin(Hello hello, DataFolder& folder, Clock& clock, Executor& executor,
                         PeerTransport& transport, Logger& logger, Random random,
                         Listener& listener)
    : hello_(std::move(hello)),
      folder_(folder),
      clock_(clock),
      executor_(executor),
      transport_(transport),
      logger_(logger),
      random_(random),
      listener_(listener) {}

ClusterJoin::~ClusterJoin() { executor_.Cancel(timer_); }

void ClusterJoin::Start() {
  executor_.Post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    for (const NodeAddress& founder : folder_.identity().founders) {
      if (founder.node != hello_.self.node) peers_.emplace(founder.node, founder);
    }
    for (const auto& [node, address] : peers_) listener_.OnPeerAddress(address);
    if (joined()) listener_.OnJoined();
    AskAround();
  });
}

std::string ClusterJoin::Describe() const {
  if (joined()) return "member of cluster " + ToString(folder_.identity().cluster);
  if (!last_refusal_.empty()) return last_refusal_;
  std::string waiting = "waiting for an answer from";
  for (const std::string& address : hello_.join) {
    if (!answers_.contains(address)) waiting += " " + address;
  }
  return waiting;
}

Hello ClusterJoin::LocalHello() const {
  Hello hello = hello_;
  hello.cluster = folder_.identity().cluster;
  hello.founders = folder_.identity().founders;
  if (joined()) hello.plan = folder_.identity().plan;
  for (const auto& [node, peer] : peers_) hello.others.push_back(peer.peer_address);
  return hello;
}

void ClusterJoin::AskAround() {
  if (failed_) return;
  ++round_;
  refusals_.clear();
  const Question question{.round = round_, .asked_at = clock_.Now()};
  std::erase_if(answers_, [&](const auto& answer) {
    return question.asked_at - answer.second.asked_at > kAnswerCounts;
  });
  const std::string hello = EncodeHello(LocalHello());
  std::vector<std::string> addresses = hello_.join;
  for (const auto& [node, peer] : peers_) addresses.push_back(peer.peer_address);
  // Two that joined at the same time may be connected to all whom they know, who are then not asked
  // any more, before these know of both.
  for (std::string& address : listener_.ListedAddresses()) addresses.push_back(std::move(address));
  const std::set<std::string> hearsay = std::exchange(hearsay_, {});
  addresses.insert(addresses.end(), hearsay.begin(), hearsay.end());
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  for (const std::string& address : addresses) {
    const bool known = std::any_of(peers_.begin(), peers_.end(), [&](const auto& peer) {
      return peer.second.peer_address == address && listener_.IsConnected(peer.first);
    });
    if (address == hello_.self.peer_address || (joined() && known)) continue;
    transport_.Exchange(address, hello,
                        [this, alive = std::weak_ptr<bool>(alive_), question,
                         address](absl::StatusOr<std::string> reply) {
                          if (!alive.expired()) OnReply(question, address, std::move(reply));
                        });
  }
  MaybeForm();
  // Jitter keeps nodes that started together from asking in step for ever.
  const Duration pause = joined() ? kAskAroundAfterwards : kAskAroundWhileJoining;
  const Duration jitter(random_.Below(static_cast<uint64_t>(pause.count() / 4)));
  timer_ =
      executor_.PostAt(clock_.Now() + pause + jitter, [this, alive = std::weak_ptr<bool>(alive_)] {
        if (!alive.expired()) AskAround();
      });
}

void ClusterJoin::OnReply(const Question& question, const std::string& address,
                          absl::StatusOr<std::string> reply) {
  if (failed_) return;
  if (!reply.ok()) {
    if (question.round == round_ && absl::IsFailedPrecondition(reply.status())) {
      OnRefused(address, std::string(StdView(reply.status().message())));
    }
    return;
  }
  const absl::StatusOr<Hello> hello = DecodeHello(*reply);
  if (!hello.ok()) {
    last_refusal_ = address + ": " + std::string(StdView(hello.status().message()));
    return;
  }
  Learn(*hello);
  if (failed_ || clock_.Now() - question.asked_at > kAnswerCounts) return;
  Answer& answer = answers_[address];
  if (answer.asked_at <= question.asked_at) answer = {*hello, question.asked_at};
  MaybeForm();
}

// One stranger in the join list is a mistake of its own. When all that are listed refuse a node, it
// is on the wrong folder, or in the wrong place.
void ClusterJoin::OnRefused(const std::string& address, const std::string& why) {
  refusals_.insert(address);
  last_refusal_ = address + " refuses this node: " + why;
  const bool by_all = std::all_of(hello_.join.begin(), hello_.join.end(), [&](const auto& listed) {
    return listed == hello_.self.peer_address || refusals_.contains(listed);
  });
  if (!joined() || !by_all) return;
  Fail(
      absl::FailedPreconditionError("every node that the join list names refuses this one, whose "
                                    "data folder belongs to cluster " +
                                    ToString(folder_.identity().cluster) + "; " + last_refusal_));
}

absl::StatusOr<Hello> ClusterJoin::OnExchange(const Hello& peer) {
  FLOTILLA_RETURN_IF_ERROR(CheckPeer(peer));
  Learn(peer);
  return LocalHello();
}

absl::Status ClusterJoin::CheckPeer(const Hello& peer) const {
  if (peer.protocol_oldest > hello_.protocol_newest ||
      peer.protocol_newest < hello_.protocol_oldest) {
    return absl::FailedPreconditionError("no common version of the peer protocol");
  }
  const ClusterId ours = folder_.identity().cluster;
  if (!ours.is_none() && !peer.cluster.is_none() && ours != peer.cluster) {
    return absl::FailedPreconditionError("node " + ToString(peer.self.node) +
                                         " belongs to another cluster");
  }
  if (peer.self.node == hello_.self.node && peer.self.incarnation != hello_.self.incarnation) {
    return absl::FailedPreconditionError("two nodes use the id " + ToString(peer.self.node));
  }
  const NodeAddress* founder = Find(folder_.identity().founders, peer.self.node);
  if (founder != nullptr && founder->incarnation != peer.self.incarnation) {
    return absl::FailedPreconditionError(
        "node " + ToString(peer.self.node) +
        " lost the disk that it founded this cluster with; start it under a new node id");
  }
  return absl::OkStatus();
}

// What any hello teaches: where the peer is and, for an empty node, which cluster there is.
void ClusterJoin::Learn(const Hello& peer) {
  if (peer.self.node == hello_.self.node) {
    if (peer.self.incarnation != hello_.self.incarnation) {
      last_refusal_ = "another node at " + peer.self.peer_address + " uses our node id";
    }
    return;
  }
  if (const absl::Status status = CheckPeer(peer); !status.ok()) {
    last_refusal_ = std::string(StdView(status.message()));
    return;
  }
  NodeAddress& known = peers_[peer.self.node];
  if (known != peer.self) {
    known = peer.self;
    listener_.OnPeerAddress(known);
  }
  // Two nodes that joined later stand in nobody's join list: they meet through those who know both.
  for (const std::string& address : peer.others) {
    if (hearsay_.size() < kHearsayMax) hearsay_.insert(address);
  }
  if (!joined() && !peer.cluster.is_none()) Adopt(peer);
}

void ClusterJoin::Adopt(const Hello& peer) {
  const NodeAddress* self = Find(peer.founders, hello_.self.node);
  if (self != nullptr && self->incarnation != hello_.self.incarnation) {
    // Its votes and its log are gone: as this member it could break promises (etcd#10254, #13509).
    Fail(absl::FailedPreconditionError(
        "node " + ToString(hello_.self.node) +
        " is a founder of the cluster, but its data folder is empty: the disk was lost or wiped. "
        "Start it under a new node id"));
    return;
  }
  Save(peer.cluster, peer.founders, peer.plan);
}

bool ClusterJoin::AllListedAreEmpty(std::map<NodeId, NodeAddress>& founders) {
  founders.emplace(hello_.self.node, hello_.self);
  for (const std::string& address : hello_.join) {
    if (address == hello_.self.peer_address) continue;
    const auto answer = answers_.find(address);
    if (answer == answers_.end()) return false;
    const Hello& peer = answer->second.hello;
    if (!peer.cluster.is_none()) return false;
    const auto [it, added] = founders.emplace(peer.self.node, peer.self);
    // The same node under two addresses is one founder; two nodes under one id are none.
    if (!added && it->second.incarnation != peer.self.incarnation) return false;
    const bool same_plan = peer.initial_nodes == hello_.initial_nodes && peer.plan == hello_.plan &&
                           peer.join == hello_.join;
    if (!same_plan && peer.self.node != hello_.self.node) {
      last_refusal_ = "node " + ToString(peer.self.node) +
                      " would found the cluster with other settings: join, initial-nodes, "
                      "max-key-size, max-value-size and max-command-size must be the same on all "
                      "founders";
      return false;
    }
  }
  return true;
}

void ClusterJoin::MaybeForm() {
  if (joined() || failed_) return;
  std::map<NodeId, NodeAddress> founders;
  if (!AllListedAreEmpty(founders)) return;
  if (founders.size() != hello_.initial_nodes) {
    last_refusal_ = "the join list names " + std::to_string(founders.size()) +
                    " nodes, but initial-nodes is " + std::to_string(hello_.initial_nodes);
    return;
  }
  if (founders.begin()->first != hello_.self.node) return;
  std::vector<NodeAddress> members;
  for (const auto& [node, address] : founders) members.push_back(address);
  logger_.Info("cluster_formed", {{"founders", members.size()}});
  Save(ClusterId(random_.Next() | 1), std::move(members), hello_.plan);
}

void ClusterJoin::Save(ClusterId cluster, std::vector<NodeAddress> founders,
                       const FoundingPlan& plan) {
  Identity identity = folder_.identity();
  identity.cluster = cluster;
  identity.founders = std::move(founders);
  identity.plan = plan;
  if (const absl::Status status = folder_.SaveIdentity(std::move(identity)); !status.ok()) {
    Fail(Annotate(status, "cannot write IDENTITY"));
    return;
  }
  logger_.Info("cluster_joined", {{"cluster", cluster}});
  last_refusal_.clear();
  for (const NodeAddress& founder : folder_.identity().founders) {
    if (founder.node == hello_.self.node || peers_.contains(founder.node)) continue;
    peers_[founder.node] = founder;
    listener_.OnPeerAddress(founder);
  }
  executor_.Post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) listener_.OnJoined();
  });
}

void ClusterJoin::Fail(absl::Status status) {
  failed_ = true;
  last_refusal_ = std::string(StdView(status.message()));
  logger_.Error("join_failed", {{"error", last_refusal_}});
  listener_.OnJoinFailed(std::move(status));
}

}  // namespace flotilla::node
