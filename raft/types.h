// The nouns of consensus: members, entries, hard state, configurations. Plain values.
#ifndef FLOTILLA_RAFT_TYPES_H_
#define FLOTILLA_RAFT_TYPES_H_

#include <compare>
#include <cstdint>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"

namespace flotilla::raft {

// One replica of one group: where it runs and which life of it this is. A node that left a group
// and came back is another member (etcd#10254, #13509: a member restarted with an empty disk under
// its old id can vote twice).
struct Member {
  NodeId node;
  ReplicaId replica;

  friend auto operator<=>(const Member&, const Member&) = default;
};
std::ostream& operator<<(std::ostream& os, const Member& member);

enum class EntryKind : uint8_t {
  kNoop = 1,           // a new leader's first entry (Raft thesis 3.6.2, 6.4)
  kCommand = 2,        // opaque to raft/; its payload is kv's
  kConfiguration = 3,  // an encoded Configuration; takes effect when appended
};

struct Entry {
  LogIndex index;
  Term term;
  EntryKind kind = EntryKind::kNoop;
  SharedBytes payload;  // written once, by the leader that proposed it

  // What this entry counts for in every byte budget.
  size_t ByteSize() const { return 32 + View(payload).size(); }
};
bool operator==(const Entry& a, const Entry& b);

// What must be durable before a message that depends on it leaves (Raft thesis figure 3.1).
struct HardState {
  Term term;
  // The member voted for in `term`; none when no vote was given. Cleared only together with an
  // increase of the term (camunda#5356).
  ReplicaId vote;
  // A hint: may lag behind what was committed, never ahead of it.
  LogIndex commit;

  friend bool operator==(const HardState&, const HardState&) = default;
};

// The membership of a group (Raft thesis 4.3, joint consensus). Sorted, without duplicates.
struct Configuration {
  std::vector<Member> voters;
  // Not empty while joint: agreement then needs a majority of both (C_old,new).
  std::vector<Member> voters_outgoing;
  std::vector<Member> learners;
  // Outgoing voters that become learners when the joint configuration is left.
  std::vector<Member> learners_next;
  // The id that the next added member gets. Invariant: greater than every id ever used.
  ReplicaId next_replica_id{1};
  // Nodes whose replica was unfit and removed: the leader adds them again and makes them voters. In
  // here, not in a leader's memory, so that it goes on whoever leads, and ends when an operator
  // removes the node.
  std::vector<NodeId> returning;
  // The disk that each member's replica was created for. A node that has lost its disk is another
  // incarnation and must not take the replica's place: it has forgotten whom it voted for and what
  // it acknowledged (etcd#10254).
  std::map<NodeId, Incarnation> incarnations;

  bool IsJoint() const { return !voters_outgoing.empty(); }
  // As a voter of either half.
  bool IsVoter(ReplicaId replica) const;
  bool IsMember(ReplicaId replica) const;
  bool IsReturning(NodeId node) const;
  // All members of both halves and all learners, sorted, once each.
  std::vector<Member> AllMembers() const;

  friend bool operator==(const Configuration&, const Configuration&) = default;
};
std::ostream& operator<<(std::ostream& os, const Configuration& configuration);

// A change as an operator asks for it. Members join as learners, with a fresh replica id, and are
// contacted only once the entry that adds them is committed: so an id of an entry that was
// truncated never came to life anywhere, and may be assigned again. A voter is a promoted learner.
struct ConfigurationChange {
  std::vector<NodeId> add_learners;  // not members yet
  std::vector<NodeId> add_voters;    // learners to promote
  std::vector<NodeId> demote;        // voters that become learners
  std::vector<NodeId> remove;        // voters or learners; returning nodes, which then stay away
  // What `remove` names is to be added again: see Configuration::returning.
  bool to_return = false;
  // Of what `add_learners` names.
  std::map<NodeId, Incarnation> incarnations{};
};

// Where a snapshot stands: everything up to `index` is in it.
struct SnapshotMeta {
  LogIndex index;
  Term term;
  // As of `index` (scylladb#9551, etcd#11510: the configuration must travel with the snapshot).
  Configuration configuration;
  LogIndex configuration_index;

  friend bool operator==(const SnapshotMeta&, const SnapshotMeta&) = default;
};

enum class Role : uint8_t { kFollower, kPreCandidate, kCandidate, kLeader };
std::string_view ToString(Role role);

}  // namespace flotilla::raft

#endif  // FLOTILLA_RAFT_TYPES_H_
