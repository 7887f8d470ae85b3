// What a replica knows of its group's members, and does about them: changes that were asked for,
// and the repair of members that lost what they had.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "node/errors.h"
#include "node/replica.h"

namespace flotilla::node {

// A snapshot may be older than the change that added this replica: such a configuration does not
// know of its id yet, which is not the same as knowing it no more.
bool Replica::IsRemoved() const {
  const raft::Configuration& active = core_.configuration();
  return active == applied_.configuration && !active.IsMember(self_.replica) &&
         self_.replica < active.next_replica_id;
}

void Replica::ChangeMembership(const raft::ConfigurationChange& change,
                               absl::AnyInvocable<void(absl::Status)> done) {
  if (failure_.has_value()) {
    done(Annotate(*failure_, "the replica failed"));
    return;
  }
  if (!IsLeader()) {
    done(NotTheLeader());
    return;
  }
  const absl::StatusOr<raft::Position> position = Propose(change);
  if (!position.ok()) {
    done(position.status());
    return;
  }
  membership_waiters_.push_back({*position, std::move(done)});
  Touch();
}

void Replica::Obey(const ShardOrder& order) {
  if (failure_.has_value() || install_.has_value() || !IsLeader()) return;
  const raft::RaftStatus status = core_.Status();
  if (const auto* members = std::get_if<ChangeMembers>(&order.what)) {
    const bool settled = status.configuration_committed && !status.configuration.IsJoint() &&
                         status.configuration == applied_.configuration;
    if (!settled || members->configuration != applied_.configuration_index) return;
    raft::ConfigurationChange change;
    if (!members->add_learner.is_none()) change.add_learners = {members->add_learner};
    if (!members->promote.is_none()) change.add_voters = {members->promote};
    if (!members->remove.is_none()) change.remove = {members->remove};
    ChangeMembership(change, [](const absl::Status&) {});
  } else if (const auto* hand_over = std::get_if<HandOver>(&order.what)) {
    const bool under_way = !status.transfer_target.node.is_none();
    if (hand_over->term != status.term || under_way) return;
    // The directory does not know yet who has just died. Until an attempt is given up nothing can
    // be written here, and the order would be repeated.
    const auto ready = [&](const raft::Member& voter) {
      return voter.node == hand_over->to && HasCaughtUp(status, voter);
    };
    const std::vector<raft::Member>& voters = status.configuration.voters;
    if (std::none_of(voters.begin(), voters.end(), ready)) return;
    TransferLeadership(hand_over->to, [](const absl::Status&) {});
  } else {
    Split(std::get<kv::SplitShard>(order.what), [](const absl::Status&) {});
  }
}

// A change is through when the joint configuration that began it has been left again.
void Replica::SettleMembershipWaiters() {
  if (membership_waiters_.empty() || applied_.configuration.IsJoint()) return;
  std::vector<MembershipWaiter> waiters = std::exchange(membership_waiters_, {});
  for (MembershipWaiter& waiter : waiters) {
    if (waiter.position.index > applied_.index) {
      membership_waiters_.push_back(std::move(waiter));
    } else {
      waiter.done(absl::OkStatus());
    }
  }
}

// What this replica proposed in an earlier office is for other leaders to carry on or to drop, and
// may never be heard of here. Only what is through already is waited for: a leader that removed
// itself leaves office before it has applied that.
void Replica::AbortMembershipWaiters(const raft::RoleChange& change) {
  if (membership_waiters_.empty()) return;
  const raft::RaftStatus status = core_.Status();
  const bool settled = status.configuration_committed && !status.configuration.IsJoint();
  for (MembershipWaiter& waiter : std::exchange(membership_waiters_, {})) {
    const raft::Position& position = waiter.position;
    const bool still_leads = change.role == raft::Role::kLeader && position.term == change.term;
    const bool through =
        settled && position.index <= status.commit && core_.TermAt(position.index) == position.term;
    if (still_leads || through) {
      membership_waiters_.push_back(std::move(waiter));
    } else {
      waiter.done(
          absl::AbortedError("leadership changed during the change: look what became of it before "
                             "trying again"));
    }
  }
}

// A new member is tied to the disk that its node has now; a new voter must be able to vote.
absl::StatusOr<raft::Position> Replica::Propose(raft::ConfigurationChange change) {
  for (const NodeId node : change.add_learners) {
    const Incarnation incarnation = context_.incarnation(node);
    if (incarnation.is_none()) {
      return absl::FailedPreconditionError("node " + ToString(node) +
                                           " is not known here: start it first, with this "
                                           "cluster's nodes in its join list");
    }
    change.incarnations[node] = incarnation;
  }
  const raft::RaftStatus status = core_.Status();
  for (const raft::Member& learner : status.configuration.learners) {
    const bool promoted = std::find(change.add_voters.begin(), change.add_voters.end(),
                                    learner.node) != change.add_voters.end();
    if (promoted && !HasCaughtUp(status, learner)) {
      return absl::UnavailableError("node " + ToString(learner.node) +
                                    " has not caught up yet, or does not answer: as a voter "
                                    "it would hold up every write");
    }
  }
  return core_.ProposeConfiguration(change);
}

std::optional<MembershipAnswer> Replica::MembershipOf(const raft::Member& member) const {
  MembershipAnswer answer{.group = shard_, .member = member, .incarnation = {}};
  if (!applied_.origins.empty()) answer.origin = applied_.origins.front();
  // Whoever was addressed was added by a committed entry (raft/leader_membership.cc).
  const raft::Configuration& active = core_.configuration();
  if (active.IsMember(member.replica)) {
    const auto known = active.incarnations.find(member.node);
    if (known == active.incarnations.end()) return std::nullopt;
    answer.incarnation = known->second;
    return answer;
  }
  const raft::Configuration& committed = applied_.configuration;
  const bool removed =
      !committed.IsMember(member.replica) && member.replica < committed.next_replica_id;
  return removed ? std::optional(answer) : std::nullopt;
}

void Replica::OnRepairRequest(const RepairRequest& request) {
  if (failure_.has_value() || !IsLeader()) return;
  const std::optional<MembershipAnswer> known = MembershipOf(request.failed);
  const bool removed = known.has_value() && known->incarnation.is_none();
  if (!removed) {
    repairs_.Requested(request.failed, Now());
  } else if (!core_.configuration().IsReturning(request.failed.node)) {
    context_.outbox.Add(request.failed.node, *known);
    Touch();
  }
}

void Replica::ContinueRepairs() {
  if (install_.has_value() || !IsLeader()) return;
  if (repairs_.empty() && core_.configuration().returning.empty()) return;
  const std::optional<raft::ConfigurationChange> step = repairs_.NextStep(core_.Status(), Now());
  if (!step.has_value()) return;
  const absl::StatusOr<raft::Position> position = Propose(*step);
  context_.env.logger.Info("replica_repair_step", {{"shard", shard_},
                                                   {"removes", step->remove.size()},
                                                   {"adds", step->add_learners.size()},
                                                   {"promotes", step->add_voters.size()},
                                                   {"accepted", position.ok()}});
}

}  // namespace flotilla::node
