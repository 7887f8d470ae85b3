#include "node/repairs.h"

#include <algorithm>

namespace flotilla::node {

namespace {

const raft::Member* FindNode(const std::vector<raft::Member>& members, NodeId node) {
  const auto it = std::find_if(members.begin(), members.end(),
                               [&](const raft::Member& member) { return member.node == node; });
  return it == members.end() ? nullptr : &*it;
}

// A learner may vote once it would not hold the next commit up for long.
bool HasCaughtUp(const raft::RaftStatus& leader, const raft::Member& learner) {
  constexpr uint64_t kEntriesBehind = 1000;
  return std::any_of(leader.peers.begin(), leader.peers.end(), [&](const raft::PeerProgress& peer) {
    return peer.member == learner && peer.recently_active && !peer.snapshot_pending &&
           peer.match + kEntriesBehind >= leader.commit;
  });
}

}  // namespace

void Repairs::Requested(const raft::Member& failed) { failed_[failed.node] = failed.replica; }

std::optional<raft::ConfigurationChange> Repairs::NextStep(const raft::RaftStatus& leader) {
  const raft::Configuration& configuration = leader.configuration;
  if (configuration.IsJoint() || !leader.configuration_committed) return std::nullopt;
  for (auto it = failed_.begin(); it != failed_.end();) {
    const auto [node, replica] = *it;
    const raft::Member* voter = FindNode(configuration.voters, node);
    const raft::Member* learner = FindNode(configuration.learners, node);
    const raft::Member* member = voter != nullptr ? voter : learner;
    if (member == nullptr) return raft::ConfigurationChange{.add_learners = {node}};
    if (member->replica <= replica) return raft::ConfigurationChange{.remove = {node}};
    if (voter != nullptr) {
      it = failed_.erase(it);
      continue;
    }
    if (HasCaughtUp(leader, *learner)) return raft::ConfigurationChange{.add_voters = {node}};
    ++it;
  }
  return std::nullopt;
}

}  // namespace flotilla::node
