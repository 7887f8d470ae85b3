#include "raft/configuration.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/check.h"
#include "base/ids.h"
#include "base/status_macros.h"

namespace flotilla::raft {

namespace {

using Members = std::vector<Member>;

Members::iterator FindNode(Members& members, NodeId node) {
  return std::find_if(members.begin(), members.end(),
                      [node](const Member& member) { return member.node == node; });
}

bool Contains(const Members& members, const Member& member) {
  return std::binary_search(members.begin(), members.end(), member);
}

bool Intersects(const Members& a, const Members& b) {
  return std::any_of(a.begin(), a.end(),
                     [&b](const Member& member) { return Contains(b, member); });
}

bool IsSortedSet(const Members& members) {
  return std::adjacent_find(members.begin(), members.end(), std::greater_equal<>()) ==
         members.end();
}

void Insert(Members& members, const Member& member) {
  members.insert(std::upper_bound(members.begin(), members.end(), member), member);
}

// Only members' disks matter.
void ForgetFormerNodes(Configuration& configuration) {
  Members members = configuration.AllMembers();
  std::erase_if(configuration.incarnations, [&members](const auto& known) {
    return FindNode(members, known.first) == members.end();
  });
}

absl::Status Invalid(NodeId node, std::string_view what) {
  return absl::InvalidArgumentError("node " + ToString(node) + std::string(what));
}

absl::Status CheckNamesEachNodeOnce(const ConfigurationChange& change) {
  std::set<NodeId> named;
  for (const auto* nodes :
       {&change.add_voters, &change.add_learners, &change.demote, &change.remove}) {
    for (NodeId node : *nodes) {
      if (node.is_none()) return absl::InvalidArgumentError("node 0 names no node");
      if (!named.insert(node).second) return Invalid(node, " is named twice");
    }
  }
  if (named.empty()) return absl::InvalidArgumentError("the change is empty");
  return absl::OkStatus();
}

// A configuration under construction. A change names each node once, so the order of its steps does
// not matter.
class Changer {
 public:
  explicit Changer(const Configuration& current) : next_(current) {}

  absl::Status Remove(NodeId node, bool to_return) {
    const bool was_returning = std::erase(next_.returning, node) > 0;
    if (!EraseMember(node) && !was_returning) return Invalid(node, " is not a member");
    if (to_return) {
      next_.returning.insert(std::upper_bound(next_.returning.begin(), next_.returning.end(), node),
                             node);
    }
    return absl::OkStatus();
  }

  absl::Status Demote(NodeId node) {
    const std::optional<Member> voter = EraseVoter(node);
    if (!voter.has_value()) return Invalid(node, " is not a voter");
    Insert(next_.learners_next, *voter);
    return absl::OkStatus();
  }

  absl::Status AddVoter(NodeId node) {
    const auto learner = FindNode(next_.learners, node);
    if (learner == next_.learners.end()) return Invalid(node, " is not a learner");
    Insert(next_.voters, *learner);
    next_.learners.erase(learner);
    std::erase(next_.returning, node);
    return absl::OkStatus();
  }

  absl::Status AddLearner(NodeId node, Incarnation incarnation) {
    if (FindNode(next_.voters, node) != next_.voters.end() ||
        FindNode(next_.learners, node) != next_.learners.end()) {
      return Invalid(node, " is a member already");
    }
    Insert(next_.learners, {node, next_.next_replica_id});
    if (!incarnation.is_none()) next_.incarnations[node] = incarnation;
    next_.next_replica_id = ReplicaId(next_.next_replica_id.value() + 1);
    return absl::OkStatus();
  }

  Configuration Finish(const Configuration& current) && {
    if (next_.voters != current.voters) next_.voters_outgoing = current.voters;
    ForgetFormerNodes(next_);
    return std::move(next_);
  }

 private:
  bool EraseMember(NodeId node) {
    if (EraseVoter(node).has_value()) return true;
    const auto learner = FindNode(next_.learners, node);
    if (learner == next_.learners.end()) return false;
    next_.learners.erase(learner);
    return true;
  }

  std::optional<Member> EraseVoter(NodeId node) {
    const auto voter = FindNode(next_.voters, node);
    if (voter == next_.voters.end()) return std::nullopt;
    const Member member = *voter;
    next_.voters.erase(voter);
    return member;
  }

  Configuration next_;
};

}  // namespace

absl::Status ValidateConfiguration(const Configuration& configuration) {
  for (const Members* members : {&configuration.voters, &configuration.voters_outgoing,
                                 &configuration.learners, &configuration.learners_next}) {
    if (!IsSortedSet(*members)) return absl::InvalidArgumentError("members out of order or twice");
  }
  if (configuration.voters.empty()) return absl::InvalidArgumentError("no voter is left");
  if (Intersects(configuration.learners, configuration.voters) ||
      Intersects(configuration.learners, configuration.voters_outgoing) ||
      Intersects(configuration.learners_next, configuration.voters)) {
    return absl::InvalidArgumentError("a member is both voter and learner");
  }
  for (const Member& member : configuration.learners_next) {
    if (!Contains(configuration.voters_outgoing, member)) {
      return absl::InvalidArgumentError("a demoted member is not an outgoing voter");
    }
  }
  if (std::adjacent_find(configuration.returning.begin(), configuration.returning.end(),
                         std::greater_equal<>()) != configuration.returning.end()) {
    return absl::InvalidArgumentError("returning nodes out of order or twice");
  }
  std::set<NodeId> nodes;
  std::set<ReplicaId> replicas;
  for (const Member& member : configuration.AllMembers()) {
    if (member.node.is_none() || member.replica.is_none()) {
      return absl::InvalidArgumentError("a member without node or replica id");
    }
    if (!nodes.insert(member.node).second) return Invalid(member.node, " has two replicas");
    if (!replicas.insert(member.replica).second) {
      return Invalid(member.node, " has another node's replica id");
    }
    if (member.replica >= configuration.next_replica_id) {
      return Invalid(member.node, " has a replica id that is not assigned yet");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Configuration> ApplyChange(const Configuration& current,
                                          const ConfigurationChange& change) {
  FLOTILLA_CHECK(!current.IsJoint());
  FLOTILLA_RETURN_IF_ERROR(CheckNamesEachNodeOnce(change));
  Changer changer(current);
  for (NodeId node : change.remove)
    FLOTILLA_RETURN_IF_ERROR(changer.Remove(node, change.to_return));
  for (NodeId node : change.demote) FLOTILLA_RETURN_IF_ERROR(changer.Demote(node));
  for (NodeId node : change.add_voters) FLOTILLA_RETURN_IF_ERROR(changer.AddVoter(node));
  for (NodeId node : change.add_learners) {
    const auto incarnation = change.incarnations.find(node);
    FLOTILLA_RETURN_IF_ERROR(changer.AddLearner(
        node, incarnation == change.incarnations.end() ? Incarnation() : incarnation->second));
  }
  Configuration next = std::move(changer).Finish(current);
  FLOTILLA_RETURN_IF_ERROR(ValidateConfiguration(next));
  return next;
}

Configuration LeaveJoint(const Configuration& joint) {
  FLOTILLA_CHECK(joint.IsJoint());
  Configuration next = joint;
  for (const Member& demoted : next.learners_next) Insert(next.learners, demoted);
  next.learners_next.clear();
  next.voters_outgoing.clear();
  ForgetFormerNodes(next);
  FLOTILLA_CHECK(ValidateConfiguration(next).ok());
  return next;
}

}  // namespace flotilla::raft
