#include "raft/types.h"

#include <algorithm>
#include <ostream>
#include <string_view>
#include <vector>

namespace flotilla::raft {

namespace {

bool ContainsReplica(const std::vector<Member>& members, ReplicaId replica) {
  return std::any_of(members.begin(), members.end(),
                     [replica](const Member& member) { return member.replica == replica; });
}

void PrintMembers(std::ostream& os, std::string_view name, const std::vector<Member>& members) {
  if (members.empty()) return;
  os << name << "=(";
  std::string_view separator;
  for (const Member& member : members) {
    os << separator << member;
    separator = " ";
  }
  os << ")";
}

}  // namespace

std::ostream& operator<<(std::ostream& os, const Member& member) {
  return os << member.node << "/" << member.replica;
}

bool operator==(const Entry& a, const Entry& b) {
  return a.index == b.index && a.term == b.term && a.kind == b.kind &&
         View(a.payload) == View(b.payload);
}

bool Configuration::IsVoter(ReplicaId replica) const {
  return ContainsReplica(voters, replica) || ContainsReplica(voters_outgoing, replica);
}

bool Configuration::IsMember(ReplicaId replica) const {
  return IsVoter(replica) || ContainsReplica(learners, replica);
}

bool Configuration::IsReturning(NodeId node) const {
  return std::binary_search(returning.begin(), returning.end(), node);
}

std::vector<Member> Configuration::AllMembers() const {
  std::vector<Member> members = voters;
  members.insert(members.end(), voters_outgoing.begin(), voters_outgoing.end());
  members.insert(members.end(), learners.begin(), learners.end());
  std::sort(members.begin(), members.end());
  members.erase(std::unique(members.begin(), members.end()), members.end());
  return members;
}

std::ostream& operator<<(std::ostream& os, const Configuration& configuration) {
  PrintMembers(os, "voters", configuration.voters);
  PrintMembers(os, " outgoing", configuration.voters_outgoing);
  PrintMembers(os, " learners", configuration.learners);
  PrintMembers(os, " learners_next", configuration.learners_next);
  for (const NodeId node : configuration.returning) os << " returning=" << node;
  return os;
}

std::string_view ToString(Role role) {
  switch (role) {
    case Role::kFollower:
      return "follower";
    case Role::kPreCandidate:
      return "pre-candidate";
    case Role::kCandidate:
      return "candidate";
    case Role::kLeader:
      return "leader";
  }
  return "unknown role";
}

}  // namespace flotilla::raft
