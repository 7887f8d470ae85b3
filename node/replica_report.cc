// What a leader says of its shard to the directory.
#include <algorithm>
#include <map>
#include <utility>

#include "node/replica.h"

namespace flotilla::node {

namespace {

using sharding::ReplicaRole;

sharding::ConfigurationClaim ClaimOf(const raft::Configuration& configuration, LogIndex index) {
  // By node; while one is replaced by another on the same node, the newer counts.
  std::map<NodeId, sharding::ReplicaPlace> places;
  const auto place = [&](const std::vector<raft::Member>& members, ReplicaRole role) {
    for (const raft::Member& member : members) {
      sharding::ReplicaPlace& known = places[member.node];
      if (member.replica > known.replica) known = {member.node, member.replica, role};
    }
  };
  place(configuration.voters, ReplicaRole::kVoter);
  place(configuration.voters_outgoing, ReplicaRole::kVoter);
  place(configuration.learners, ReplicaRole::kLearner);
  sharding::ConfigurationClaim claim{
      .index = index, .joint = configuration.IsJoint(), .replicas = {}};
  for (const auto& [node, replica] : places) claim.replicas.push_back(replica);
  return claim;
}

}  // namespace

LearnerProgress Replica::ProgressOf(const raft::RaftStatus& status,
                                    const raft::Member& learner) const {
  LearnerProgress progress = sender_.ProgressTo(learner);
  progress.node = learner.node;
  progress.entries_behind = status.last_index.value();
  for (const raft::PeerProgress& peer : status.peers) {
    if (peer.member == learner) progress.entries_behind = status.last_index - peer.match;
  }
  return progress;
}

std::vector<ShardReport> Replica::Report() const {
  if (failure_.has_value() || !IsLeader() || !applier_.has_state()) return {};
  const raft::RaftStatus status = core_.Status();
  ShardReport report;
  report.claim.descriptor = applied_.descriptor;
  report.claim.configuration = ClaimOf(applied_.configuration, applied_.configuration_index);
  report.claim.leader = {.term = status.term, .node = self_.node};
  // Until what the shard gave away is swept, what it stores says little of what it owns.
  const bool owns_all = !applied_.sweep_from.has_value() && !applied_.IsNewborn();
  const uint64_t bytes =
      std::min(engine_stats_.bytes, applied_.owned_bytes_max.value_or(UINT64_MAX));
  if (owns_all) report.claim.counters.bytes = bytes;
  LoadReading load = meter_.Read(CurrentOffice());
  report.claim.counters.load = load.per_second;
  report.claim.counters.report = load.window;
  report.load_sample = std::move(load.sample);
  for (const raft::Member& learner : status.configuration.learners) {
    if (HasCaughtUp(status, learner)) report.caught_up.push_back(learner.node);
    report.learners.push_back(ProgressOf(status, learner));
  }
  std::vector<ShardReport> reports{std::move(report)};
  // A child may have no leader yet; its slots change hands now.
  if (applied_.last_split.has_value()) {
    ShardReport child;
    child.claim.descriptor = applied_.last_split->child;
    reports.push_back(std::move(child));
  }
  return reports;
}

}  // namespace flotilla::node
