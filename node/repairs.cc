#include "node/repairs.h"

#include <algorithm>

namespace flotilla::node {

namespace {

const raft::Member* FindNode(const std::vector<raft::Member>& members, NodeId node) {
  const auto it = std::find_if(members.begin(), members.end(),
                               [&](const raft::Member& member) { return member.node == node; });
  return it == members.end() ? nullptr : &*it;
}

}  // namespace

bool HasCaughtUp(const raft::RaftStatus& leader, const raft::Member& learner) {
  constexpr uint64_t kEntriesBehind = 1000;
  return std::any_of(leader.peers.begin(), leader.peers.end(), [&](const raft::PeerProgress& peer) {
    return peer.member == learner && !peer.match.is_none() && peer.recently_active &&
           !peer.snapshot_pending && peer.match + kEntriesBehind >= leader.commit;
  });
}

void Repairs::Requested(const raft::Member& unfit, MonoTime now) {
  requests_[unfit.node] = {unfit.replica, now};
}

std::optional<raft::ConfigurationChange> Repairs::NextStep(const raft::RaftStatus& leader,
                                                           MonoTime now) {
  std::erase_if(requests_,
                [now](const auto& entry) { return entry.second.when + kRequestCounts < now; });
  const raft::Configuration& configuration = leader.configuration;
  if (configuration.IsJoint() || !leader.configuration_committed) return std::nullopt;
  if (auto step = BringBack(leader); step.has_value()) return step;
  for (const auto& [node, request] : requests_) {
    const raft::Member* voter = FindNode(configuration.voters, node);
    const raft::Member* learner = FindNode(configuration.learners, node);
    const raft::Member* member = voter != nullptr ? voter : learner;
    if (member == nullptr || member->replica != request.unfit) continue;
    // An operator's learner has promised nothing: it goes, and the operator adds it again or not.
    const bool to_return = voter != nullptr || configuration.IsReturning(node);
    return raft::ConfigurationChange{.remove = {node}, .to_return = to_return};
  }
  return std::nullopt;
}

std::optional<raft::ConfigurationChange> Repairs::BringBack(const raft::RaftStatus& leader) const {
  for (const NodeId node : leader.configuration.returning) {
    const raft::Member* learner = FindNode(leader.configuration.learners, node);
    if (learner == nullptr) return raft::ConfigurationChange{.add_learners = {node}};
    if (HasCaughtUp(leader, *learner)) return raft::ConfigurationChange{.add_voters = {node}};
  }
  return std::nullopt;
}

}  // namespace flotilla::node
